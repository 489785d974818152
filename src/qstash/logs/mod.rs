//! What became of messages.

mod entry;
mod filter;
#[allow(clippy::module_inception, reason = "the file of the type that users name")]
mod logs;
mod state;

pub use self::{entry::LogEntry, filter::LogFilter, logs::Logs, state::LogState};
