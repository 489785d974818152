//! The platform: clocks, timers, tasks and randomness. Nothing else in the crate names tokio's or the browser's.

mod clock;
mod random;
mod spawn;
mod time;

pub use self::clock::{Clock, ManualClock};
pub(crate) use self::clock::{from_unix_ms, unix_ms};
#[cfg(any(
    feature = "cache",
    feature = "ratelimit",
    feature = "workflow",
    feature = "kafka",
    feature = "rig-0_44"
))]
pub(crate) use self::random::random_id;
pub(crate) use self::{
    random::{random_bytes, random_u64},
    spawn::{RuntimeId, spawn, turn, yield_now},
    time::{Deadline, Stopwatch, sleep, timeout},
};
