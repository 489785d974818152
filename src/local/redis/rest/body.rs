use axum_core::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::answer::Refusal;

/// How far a body that is too large is still read, so that its sender comes to read the answer.
const DRAIN: u64 = 64 * 1024 * 1024;

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(mut body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let limit_bytes = limit as u64;
    let announced = body.size_hint().exact();
    let mut received = 0_u64;
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::request("ERR failed to read the request"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        received += data.len() as u64;
        if received <= limit_bytes {
            bytes.extend_from_slice(&data);
        } else if received > limit_bytes.saturating_add(DRAIN) {
            break;
        }
    }
    if received <= limit_bytes {
        return Ok(bytes.freeze());
    }
    let actual = announced.unwrap_or(received);
    Err(Refusal::request(format!("ERR max request size exceeded. Limit: {limit} bytes, Actual: {actual} bytes")))
}
