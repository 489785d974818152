//! Requests of the REST protocols: with a deadline, sent again as the policy says.

mod client;
mod config;
mod headers;
mod message;

#[cfg(feature = "ratelimit")]
pub(crate) use self::message::fetch_text;
pub(crate) use self::{
    client::RestClient,
    config::RestConfig,
    message::{RestRequest, RestResponse, reason},
};
