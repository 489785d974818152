//! What QStash tells an endpoint of a call that it made, and of a run that failed.

use super::{call::Stored, error::Failure};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Callback {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    header: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    retried: u32,
    #[serde(default)]
    max_retries: u32,
    #[serde(default)]
    source_body: Option<String>,
}

/// The answer to a call. `None` if it failed, and is made again.
pub(super) fn call_result(body: &[u8]) -> Result<Option<Stored>, Failure> {
    let callback = read(body)?;
    let is_success = (200..300).contains(&callback.status);
    if !is_success && callback.max_retries > 0 && callback.retried != callback.max_retries {
        return Ok(None);
    }
    let answer = decoded(callback.body.as_deref())?;
    Ok(Some(Stored::new(callback.status, &answer, callback.header.unwrap_or_default())))
}

/// A run that failed, as QStash tells of it.
pub(super) struct FailedRun {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, Vec<String>>,
    pub(super) message: String,
    pub(super) payload: Bytes,
}

pub(super) fn failed_run(body: &[u8]) -> Result<FailedRun, Failure> {
    #[derive(Deserialize)]
    struct Answer {
        message: String,
    }
    let callback = read(body)?;
    let answer = decoded(callback.body.as_deref())?;
    let message = serde_json::from_slice::<Answer>(&answer)
        .map_or_else(|_| String::from_utf8_lossy(&answer).into_owned(), |answer| answer.message);
    let payload = decoded(callback.source_body.as_deref())?;
    Ok(FailedRun { status: callback.status, headers: callback.header.unwrap_or_default(), message, payload })
}

fn read(body: &[u8]) -> Result<Callback, Failure> {
    serde_json::from_slice(body).map_err(|_| Failure::of_endpoint("the body is not that of a callback"))
}

fn decoded(text: Option<&str>) -> Result<Bytes, Failure> {
    let decoded = BASE64_STANDARD.decode(text.unwrap_or_default());
    Ok(decoded.map_err(|_| Failure::of_endpoint("a body inside of the callback is not base64"))?.into())
}
