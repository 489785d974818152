use bytes::Bytes;
use http::Uri;

use super::{json, target};

/// Reads the bytes as a target and a body, in every form that a request can have.
pub(crate) fn request(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (target, body) = bytes.split_at(end);
    if let Ok(uri) = Uri::try_from(target) {
        let _ = target::Target::of(&uri);
        let _ = target::token(&uri);
        assert!(target::query_arguments(&uri).map(|argument: Bytes| argument.len()).sum::<usize>() <= target.len());
    }
    let body = &Bytes::copy_from_slice(body);
    let _ = json::command(body);
    let _ = json::commands(body, 100);
}
