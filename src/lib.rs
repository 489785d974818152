//! Tower and axum middleware, extractors and clients for Upstash.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
#[cfg(feature = "client-ip")]
pub mod client_ip;
mod error;
#[cfg(any(feature = "ratelimit", feature = "session"))]
mod expiring_map;
pub mod http;
#[cfg(feature = "local")]
pub mod local;
mod personal;
mod problem;
#[cfg(feature = "qstash")]
pub mod qstash;
#[cfg(feature = "ratelimit")]
pub mod ratelimit;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "response-cache")]
pub mod response_cache;
#[cfg(feature = "session")]
pub mod session;

pub use self::{
    body::ResponseBody,
    error::{Error, ErrorKind, Result},
    http::{Clock, ManualClock},
    personal::Personal,
    problem::Problem,
};
