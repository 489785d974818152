//! The address of the client, from one named and trusted source.
//!
//! A proxy appends to `X-Forwarded-For`; everything left of the part that *your* proxies appended was written by the
//! client, who can write anything. So nothing is guessed: the application names one [`ClientIpSource`]. If that source
//! has no usable address, the answer is an error, never another source.
//!
//! ```
//! use axum_upstash::client_ip::ClientIpSource;
//!
//! // One proxy in front, which appends the address it was called from.
//! let source = ClientIpSource::x_forwarded_for(1);
//! let request = http::Request::get("/").header("x-forwarded-for", "6.6.6.6, 203.0.113.7").body(()).unwrap();
//! let ip = source.resolve(request.headers(), request.extensions()).unwrap();
//! assert_eq!(ip.to_string(), "203.0.113.7");
//! ```
//!
//! # On Workers and Lambda
//! There is no connection to take the peer's address from. [`ClientIpSource::cloudflare`], [`ClientIpSource::aws_lambda`],
//! [`ClientIpSource::vercel`] and [`ClientIpSource::fly_io`] name the field that each platform sets.

mod error;
mod extract;
mod forwarded;
mod misconfiguration;
mod network;
mod source;
mod translated;
mod x_forwarded_for;

pub use self::{
    error::ClientIpRejection,
    extract::ClientIp,
    network::{IntoNetwork, network},
    source::ClientIpSource,
};
