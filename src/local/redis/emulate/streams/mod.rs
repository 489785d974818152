//! Streams: references of consumer groups to deleted entries, exact trimming, and reading without a trace.

mod delete;
mod read;
mod trim;

pub(super) use self::{
    delete::{ack_and_delete, delete},
    read::read_without_ack,
    trim::trim_exactly,
};
