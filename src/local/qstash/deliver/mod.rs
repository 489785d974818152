//! Attempts: one request to a destination each, and what came of it.

mod courier;
mod outcome;
mod service;
mod targets;

pub(crate) use self::{
    courier::{Courier, Delivery},
    outcome::Outcome,
    service::DestinationService,
    targets::Targets,
};
