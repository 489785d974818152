use axum_core::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;

/// How far a body that is too large is still read, so that its sender comes to read the answer.
const DRAIN: u64 = 64 * 1024 * 1024;

/// Why a body could not be read.
#[derive(Debug)]
pub(in crate::local) enum BodyFault {
    /// The connection broke.
    Broken,
    /// It has this many bytes, or more.
    TooLarge(u64),
}

/// Reads a body of at most `limit` bytes.
pub(in crate::local) async fn read_body(mut body: Body, limit: usize) -> Result<Bytes, BodyFault> {
    let limit = limit as u64;
    let announced = body.size_hint().exact();
    let mut received = 0_u64;
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyFault::Broken)?.into_data() else { continue };
        received += data.len() as u64;
        if received <= limit {
            bytes.extend_from_slice(&data);
        } else if received > limit.saturating_add(DRAIN) {
            break;
        }
    }
    if received <= limit { Ok(bytes.freeze()) } else { Err(BodyFault::TooLarge(announced.unwrap_or(received))) }
}
