use http::{HeaderMap, Uri, header::AUTHORIZATION};

use super::target;
use crate::local::{redis::access::Rights, secret::Secret};

const SCHEME: &[u8] = b"Bearer ";

/// The tokens of a database.
pub(crate) struct Tokens {
    pub(crate) standard: Secret,
    pub(crate) read_only: Secret,
}

impl Tokens {
    /// The rights of the token of a request, which is in its header or else in its query string.
    pub(super) fn rights(&self, headers: &HeaderMap, uri: &Uri) -> Option<Rights> {
        match headers.get(AUTHORIZATION) {
            Some(header) => bearer(header.as_bytes()).and_then(|given| self.rights_of(given)),
            None => target::token(uri).and_then(|given| self.rights_of(&given)),
        }
    }

    fn rights_of(&self, given: &[u8]) -> Option<Rights> {
        // Both are compared in any case, so that the time does not tell which one it is.
        match (self.standard.matches(given), self.read_only.matches(given)) {
            (true, _) => Some(Rights::All),
            (_, true) => Some(Rights::ReadOnly),
            _ => None,
        }
    }
}

fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, given) = header.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| given.trim_ascii())
}
