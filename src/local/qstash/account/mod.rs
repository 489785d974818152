//! All of one account: messages, queues, URL groups, schedules, dead letters, log and keys. A state machine without I/O;
//! the time is an argument.

mod accept;
mod attempts;
mod callbacks;
mod cancel;
mod changes;
mod dead_letters;
mod filter;
mod groups;
mod journal;
mod keys;
mod log;
mod queues;
mod recent;
mod schedules;
mod state;

pub(crate) use self::{
    accept::{Accepted, Destination, Receipt, Submission},
    attempts::Attempt,
    dead_letters::DeadLetter,
    filter::Filter,
    groups::{Endpoint, Group},
    journal::{Journal, Nothing, Record},
    keys::Keys,
    log::{Row, State},
    queues::Queue,
    schedules::Schedule,
    state::Account,
};
