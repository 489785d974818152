//! The answers of the API, as JSON. Fields that are not set are left out.

mod account;
mod attempt;
mod callback;
mod message;
mod object;
mod run;
mod steps;

pub(crate) use self::{
    account::{flow, group, queue, schedule},
    callback::{callback, callback_value},
    message::{dead_letter, message, receipt, row},
    run::{dead_letter_of_run, run},
};
