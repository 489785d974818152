//! Streams: references of consumer groups to deleted entries, rough trimming, and groups that keep nothing.

mod consumers;
mod delete;
mod id;
mod read;
mod trim;

pub(super) use self::{
    consumers::consumers_of_no_group,
    delete::{ack_and_delete, delete},
    read::read_without_ack,
    trim::trim_roughly,
};
