//! One state for the whole application: it reads the environment, and every client and layer comes out of it.

mod build;
mod builder;
#[cfg(feature = "cache")]
mod cached;
mod check;
mod from_ref;
mod near_misses;
#[cfg(feature = "qstash")]
mod qstash;
mod upstash;

#[cfg(feature = "cache")]
pub use self::cached::{CacheNamespace, Cached};
#[cfg(feature = "redis")]
pub use self::check::DatabaseReport;
pub use self::{builder::UpstashBuilder, check::CheckReport, upstash::Upstash};
