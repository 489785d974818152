//! Decisions, counted by the hour.

mod batch;
mod member;
mod read;
mod record;

pub use self::{
    read::{Top, Usage, UsageAt},
    record::Analytics,
};
