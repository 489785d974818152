//! Messages: what a publisher may set, and what is kept of each one.

mod fields;
mod message;
mod options;

pub(crate) use self::{
    fields::{Fields, merged},
    message::{Message, Origin, Topic},
    options::{Callback, Deduplication, Options},
};
