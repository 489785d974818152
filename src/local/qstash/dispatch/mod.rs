//! Which attempt begins next: times, queues, flow control, and the places that all of them share. No messages and no
//! I/O; the time is an argument.

mod crowd;
mod dispatcher;
mod flow;
mod keys;
mod lane;
#[cfg(test)]
mod model_tests;
mod share;

pub(crate) use self::{
    dispatcher::{Dispatcher, Job},
    flow::{FlowChange, FlowInfo, FlowLimits},
};

/// A job: the attempts of one message.
pub(crate) type JobId = u64;

/// A place in the order in which jobs became ready.
type Turn = u64;
