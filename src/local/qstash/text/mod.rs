//! Values in fields, bodies and URLs. No I/O.

mod canonical;
mod cron;
pub(crate) mod duration;
mod expression;
mod flow_value;
mod names;
mod redaction;
mod target;
mod waits;

pub(crate) use self::{
    canonical::{field_lists, fields_size},
    cron::Cron,
    expression::Expression,
    flow_value::FlowValue,
    names::{boolean, check_deduplication_id, check_name, labels},
    redaction::Redaction,
    target::{InvalidDestination, Target, check_destination, option},
    waits::{default_backoff, requested_wait},
};
