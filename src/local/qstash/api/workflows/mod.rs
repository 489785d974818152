//! Runs of workflows: how they begin, what they wait for, and what becomes of them.

mod events;
mod filter;
mod letters;
mod runs;
mod trigger;

pub(crate) use self::events::{HookCall, hook};
pub(super) use self::{
    events::{notify, notify_run, wait, waiters},
    letters::list as letters,
    runs::answer,
    trigger::{trigger, trigger_many},
};
