//! Who is refused, or let pass, whatever the limits say.

mod allow;
mod ip_list;
mod list;
mod members;
mod shared;

pub use self::{allow::AllowList, ip_list::IpList, list::DenyList, shared::SharedDenyList};
