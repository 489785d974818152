//! Limits of delivery by key: their state, and how to change it.

mod controls;
mod info;
mod pin;

pub use self::{
    controls::FlowControls,
    info::{FlowControlInfo, GlobalParallelism},
    pin::{FlowControlPin, PinnedLimit},
};
