//! Who is refused, or let pass, whatever the limits say.

mod admin;
mod allow;
mod ip_list;
mod list;
mod members;

pub use self::{allow::AllowList, ip_list::IpList, list::DenyList};
