use http::{HeaderMap, Uri, header::AUTHORIZATION};

use super::target;
use crate::local::secret::Secret;

const SCHEME: &[u8] = b"Bearer ";

/// Whether a request carries the token, in its header or else in its query string.
pub(super) fn is_authorized(headers: &HeaderMap, uri: &Uri, token: &Secret) -> bool {
    match headers.get(AUTHORIZATION) {
        Some(header) => bearer(header.as_bytes()).is_some_and(|given| token.matches(given)),
        None => target::token(uri).is_some_and(|given| token.matches(&given)),
    }
}

fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, given) = header.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| given.trim_ascii())
}
