//! Messages: what a publisher may set, and what is kept of each one.

mod accepted;
mod fields;
mod options;

pub(crate) use self::{
    accepted::{CallKind, Message, Origin, RunPlace, Topic},
    fields::{Fields, TRACE, merged},
    options::{Callback, Deduplication, Options, text},
};
