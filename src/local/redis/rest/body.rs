use axum_core::body::Body;
use bytes::Bytes;

use super::answer::Refusal;
use crate::local::http::{BodyFault, read_body};

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    read_body(body, limit).await.map_err(|fault| match fault {
        BodyFault::Broken => Refusal::request("ERR failed to read the request"),
        BodyFault::TooLarge(actual) => {
            Refusal::request(format!("ERR max request size exceeded. Limit: {limit} bytes, Actual: {actual} bytes"))
        }
    })
}
