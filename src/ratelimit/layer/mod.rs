//! The tower layer.

mod config;
mod future;
mod head;
mod headers;
mod key;
mod origin;
mod plan;
mod queue;
mod refund;
mod refusal;
mod rule;
mod service;
mod signature;

pub use self::{
    config::RateLimitLayer,
    future::ResponseFuture,
    head::Head,
    headers::HeaderStyles,
    key::{AsyncKeyExtractor, Key, KeyExtractor},
    origin::OriginSource,
    refund::ResponseHead,
    refusal::{GrpcRefusal, ProblemRefusal, Refuse, TextRefusal},
    rule::Rule,
    service::RateLimitService,
};
