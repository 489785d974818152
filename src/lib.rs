//! Tower and axum middleware, extractors and clients for Upstash.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod error;
pub mod http;
#[cfg(feature = "local")]
pub mod local;
mod personal;
mod problem;
#[cfg(feature = "qstash")]
pub mod qstash;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "response-cache")]
pub mod response_cache;

pub use self::{
    body::ResponseBody,
    error::{Error, ErrorKind, Result},
    http::{Clock, ManualClock},
    personal::Personal,
    problem::Problem,
};
