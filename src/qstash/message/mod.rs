//! A message: its destination, its body and its options.

mod callback;
mod delivery_options;
mod destination;
mod flow_control;
mod headers;
#[allow(clippy::module_inception, reason = "the file of the type that users name")]
mod message;
mod options;
mod provider;
mod retry_delay;
mod setters;

pub use self::{
    callback::Callback,
    delivery_options::DeliveryOptions,
    destination::{Destination, ToUrl, ToUrlGroup},
    flow_control::FlowControl,
    message::Message,
    provider::{EmailProvider, LlmProvider},
    retry_delay::RetryDelay,
};
pub(super) use self::{
    destination::check_url, flow_control::FlowLimits, headers::header, message::Outgoing, options::append,
};
