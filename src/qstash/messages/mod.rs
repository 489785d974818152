//! Messages that are under way.

mod filter;
#[allow(clippy::module_inception, reason = "the file of the type that users name")]
mod messages;
mod stored_message;

pub use self::{filter::MessageFilter, messages::Messages, stored_message::StoredMessage};
