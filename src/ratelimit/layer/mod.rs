//! The tower layer.

mod config;
mod future;
mod head;
mod headers;
mod key;
mod origin;
mod plan;
mod queue;
mod refusal;
mod response_head;
mod rule;
mod service;
mod settlement;
mod signature;
mod verdict;

pub use self::{
    config::RateLimitLayer,
    future::ResponseFuture,
    head::Head,
    headers::HeaderStyles,
    key::{AsyncKeyExtractor, Key, KeyExtractor},
    origin::OriginSource,
    refusal::{GrpcRefusal, ProblemRefusal, Refuse, TextRefusal},
    response_head::ResponseHead,
    rule::Rule,
    service::RateLimitService,
};
