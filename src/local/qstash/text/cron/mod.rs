//! The times of a schedule: a cron expression of five fields, as robfig/cron reads it.

mod field;
#[cfg(test)]
mod model_tests;
mod schedule;
mod spec;

pub(crate) use self::schedule::Cron;
