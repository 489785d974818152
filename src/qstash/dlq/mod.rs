//! The dead letter queue: messages that could not be delivered.

#[allow(clippy::module_inception, reason = "the file of the type that users name")]
mod dlq;
mod entry;
mod filter;

pub use self::{dlq::Dlq, entry::DlqEntry, filter::DlqFilter};
