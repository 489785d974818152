//! Commands on keys in which Upstash differs from every Redis.

mod copy_to_self;
mod range;
mod scan;

pub(super) use self::{
    copy_to_self::{copy_onto_itself, unlink_nothing},
    range::{ranked_range_with_limit, store_ranked_range_with_limit},
    scan::scan,
};
