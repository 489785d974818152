//! The tower layer. A request passes these files in this order, each once:
//!
//! 1. [`service`]: `RateLimitService::call` builds the [`head`] and asks for the first step.
//! 2. [`evaluate`]: `first_step` finds the rules that apply ([`rule`]), their [`key`] and cost, and decides if no store
//!    has to be waited for. Otherwise `Evaluation::run` does: keys, permit, store, [`queue`].
//! 3. [`admission`]: the decisions become an `Admission`, that is nothing, a [`refusal`], or an `Allowed`.
//! 4. [`future`]: calls the inner service; `Allowed` writes the [`headers`] and settles the [`response_cost`].

mod admission;
mod client_info;
mod evaluate;
mod future;
mod head;
mod headers;
mod key;
#[allow(clippy::module_inception, reason = "the file of the layer's type, as in every room")]
mod layer;
mod queue;
mod refusal;
mod response_cost;
mod rule;
mod service;

pub(super) use self::headers::Policy;
pub use self::{
    client_info::ClientInfoSource,
    future::ResponseFuture,
    head::{RequestHead, ResponseHead},
    headers::HeaderStyles,
    key::{Key, KeyExtractor},
    layer::RateLimitLayer,
    refusal::{GrpcRefusal, ProblemRefusal, Refuse, TextRefusal},
    rule::Rule,
    service::RateLimitService,
};
