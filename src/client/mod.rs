//! What every client stands on: the HTTP transport, deadlines, retries, telemetry and secrets.
//!
//! A client talks through a [`Transport`]. The built-in one, [`ReqwestTransport`], takes a
//! [`reqwest::Client`](::reqwest::Client) of yours; anything else that turns an [`http::Request`] into an
//! [`http::Response`] can take its place, such as a test double or another HTTP client.
//!
//! - **Deadline.** Each call has one (10 s by default), retries and waits included.
//! - **Retries.** A request that provably never left is sent again. One that may have arrived is sent again only if a
//!   repeat changes nothing, which the command decides ([`RetryPolicy`]).
//! - **Connections.** Dead ones are found and replaced, and proxies of the environment are used, but for requests to this
//!   machine: see [`ReqwestTransport`].
//! - **Workers** (wasm32). The built-in transport is the host's `fetch`, whatever the features: no redirects, an abort at
//!   the deadline, bodies as they arrive. `fetch` does not say whether a request that failed was sent, so that only what
//!   may be repeated is sent again.
//! - **Telemetry.** Like the official SDKs, requests carry `Upstash-Telemetry-*` headers with the crate's name and
//!   version; `UPSTASH_DISABLE_TELEMETRY`, or the builder's `telemetry(false)`, turns them off.
//! - **Secrets** appear in no `Debug`, no error and no log.
//!
//! ```
//! use axum_upstash::client::{ReqwestTransport, RetryPolicy};
//! use axum_upstash::redis::Redis;
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let http = ReqwestTransport::client_builder().connect_timeout(Duration::from_secs(2)).build()?;
//! let redis = Redis::builder("https://eu1-example.upstash.io", "token")
//!     .transport(ReqwestTransport::new(http))
//!     .timeout(Duration::from_secs(3))
//!     .retry(RetryPolicy::default().with_max_retries(1))
//!     .build()?;
//! assert!(!format!("{redis:?}").contains("token\""));
//! # Ok(())
//! # }
//! ```

#[cfg(all(feature = "reqwest-0_13", not(target_arch = "wasm32")))]
mod cleartext;
#[cfg(all(feature = "reqwest-0_13", not(target_arch = "wasm32")))]
mod connections;
mod cursors;
#[cfg(target_arch = "wasm32")]
mod fetch;
#[cfg(all(feature = "reqwest-0_13", not(target_arch = "wasm32")))]
mod idle_limit;
#[cfg(all(feature = "reqwest-0_13", not(target_arch = "wasm32")))]
mod own_client;
#[cfg(all(feature = "reqwest-0_13", not(target_arch = "wasm32")))]
mod reqwest;
#[cfg(all(feature = "reqwest-0_13", not(target_arch = "wasm32")))]
mod reqwest_settings;
mod rest;
mod retry;
mod secret;
mod transport;
mod url;

#[cfg(target_arch = "wasm32")]
pub use self::fetch::FetchTransport;
#[cfg(all(feature = "reqwest-0_13", not(target_arch = "wasm32")))]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest-0_13")))]
pub use self::reqwest::ReqwestTransport;
pub use self::{
    retry::RetryPolicy,
    transport::{Transport, TransportBody, TransportError, TransportErrorKind},
};

#[cfg(feature = "ratelimit")]
pub(crate) use self::rest::fetch_text;
pub(crate) use self::{
    cursors::SeenCursors,
    rest::{RestClient, RestConfig, RestRequest, RestResponse, reason},
    retry::Repeat,
    secret::Secret,
    url::{BaseUrl, is_loopback},
};
