//! One state for the whole application: it reads the environment, and every client and layer comes out of it.

mod builder;
mod from_ref;
mod near_misses;
mod upstash;

pub use self::{builder::UpstashBuilder, upstash::Upstash};
