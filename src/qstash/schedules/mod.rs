//! Messages that are published again and again.

mod cron;
mod schedule;
#[allow(clippy::module_inception, reason = "the file of the type that users name")]
mod schedules;
mod stored_schedule;

pub use self::{
    cron::Cron,
    schedule::Schedule,
    schedules::Schedules,
    stored_schedule::{ScheduledMessageState, StoredSchedule},
};
