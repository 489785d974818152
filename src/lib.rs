//! Tower and axum middleware, extractors and clients for Upstash.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
pub mod http;
#[cfg(feature = "local")]
pub mod local;

pub use self::error::{Error, ErrorKind, Result};
