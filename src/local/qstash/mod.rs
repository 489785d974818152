//! A QStash on this machine: the REST API in front of a state machine, and the attempts that it makes.

mod account;
mod agent;
mod api;
mod deliver;
mod dispatch;
mod faults;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod ids;
mod inspect;
mod limits;
mod message;
mod records;
mod server;
mod service;
mod settings;
mod sign;
mod text;
mod users;
mod view;

use super::refusal;

pub use self::{
    faults::LocalQStashFaults,
    inspect::{LocalMessage, LocalMessageState},
    server::LocalQStash,
    settings::LocalQStashBuilder,
};
