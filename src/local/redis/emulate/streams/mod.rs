//! Streams: references of consumer groups to deleted entries, rough trimming, and reading without a trace.

mod delete;
mod id;
mod read;
mod trim;

pub(super) use self::{
    delete::{ack_and_delete, delete},
    read::read_without_ack,
    trim::trim_roughly,
};
