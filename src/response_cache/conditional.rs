//! The client's own conditions, answered from a complete response (RFC 9111 4.3.2, RFC 9110 13).

use super::policy::http_date;
use crate::hex::hex;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

/// `If-None-Match` and `If-Modified-Since` of one request.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    none_match: Vec<HeaderValue>,
    modified_since: Option<u64>,
}

impl Conditions {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            none_match: headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect(),
            modified_since: headers.get(header::IF_MODIFIED_SINCE).and_then(|value| http_date(value.as_bytes())),
        }
    }

    /// Takes them away, so that the handler makes a whole response, which others can have too.
    pub(super) fn strip(headers: &mut HeaderMap) {
        headers.remove(header::IF_NONE_MATCH);
        headers.remove(header::IF_MODIFIED_SINCE);
    }

    /// Whether 304 is the answer, in place of a response with this status and these headers.
    pub(super) fn is_met_by(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        if status != StatusCode::OK {
            return false;
        }
        // `If-None-Match` makes `If-Modified-Since` count for nothing (RFC 9110 13.1.3).
        if !self.none_match.is_empty() {
            let etag = headers.get(header::ETAG).map(HeaderValue::as_bytes);
            return self.none_match.iter().any(|line| matches(line.as_bytes(), etag));
        }
        let Some(since) = self.modified_since else { return false };
        let changed = headers.get(header::LAST_MODIFIED).or_else(|| headers.get(header::DATE));
        changed.and_then(|value| http_date(value.as_bytes())).is_some_and(|changed| changed <= since)
    }
}

/// Whether a list of entity tags, or `*`, holds `etag` by the weak comparison (RFC 9110 8.8.3.2).
fn matches(list: &[u8], etag: Option<&[u8]>) -> bool {
    if list.trim_ascii() == b"*" {
        return true;
    }
    let Some(etag) = etag.map(opaque) else { return false };
    let mut rest = list;
    while !rest.is_empty() {
        let (member, tail) = split_tag(rest);
        if !member.is_empty() && opaque(member) == etag {
            return true;
        }
        rest = tail;
    }
    false
}

/// The first member of a list, and what comes after its comma; commas inside quotes are part of the tag.
fn split_tag(list: &[u8]) -> (&[u8], &[u8]) {
    let mut is_quoted = false;
    for (index, &byte) in list.iter().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return (list[..index].trim_ascii(), &list[index + 1..]),
            _ => {}
        }
    }
    (list.trim_ascii(), &[])
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// A tag made of the body. It is weak, because layers outside, compression above all, may change the bytes.
pub(super) fn etag_of(body: &[u8]) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("W/\"{}\"", hex(&Sha256::digest(body)[..8]))).ok()
}

/// Makes the headers of a response those of its 304: all but what describes the body that is not there
/// (RFC 9110 15.4.5).
pub(super) fn not_modified(headers: &mut HeaderMap) {
    const OF_THE_BODY: [HeaderName; 6] = [
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::CONTENT_TYPE,
        header::TRANSFER_ENCODING,
    ];
    for name in OF_THE_BODY {
        headers.remove(name);
    }
    if headers.contains_key(header::ETAG) {
        headers.remove(header::LAST_MODIFIED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn tags() {
        for (list, etag, is_met) in [
            ("\"a\"", "\"a\"", true),
            ("W/\"a\"", "\"a\"", true),
            ("\"a\"", "W/\"a\"", true),
            ("\"b\", W/\"a\" ,\"c\"", "\"a\"", true),
            ("\"b\", \"c\"", "\"a\"", false),
            ("*", "\"a\"", true),
            ("\"x,y\"", "\"x,y\"", true),
            ("\"x,y\"", "\"x", false),
            ("\"*\"", "\"a\"", false),
            ("", "\"a\"", false),
            ("\"A\"", "\"a\"", false),
        ] {
            let conditions = Conditions::of(&headers(&[(header::IF_NONE_MATCH, list)]));
            assert_eq!(conditions.is_met_by(StatusCode::OK, &headers(&[(header::ETAG, etag)])), is_met, "{list}");
        }
    }

    #[test]
    fn dates() {
        for (since, changed, is_met) in [
            (DATE, headers(&[(header::LAST_MODIFIED, DATE)]), true),
            (LATER, headers(&[(header::LAST_MODIFIED, DATE)]), true),
            (EARLIER, headers(&[(header::LAST_MODIFIED, DATE)]), false),
            (DATE, headers(&[(header::DATE, DATE)]), true),
            (EARLIER, headers(&[(header::DATE, DATE)]), false),
            ("0", headers(&[(header::DATE, DATE)]), false),
            (DATE, headers(&[]), false),
        ] {
            let conditions = Conditions::of(&headers(&[(header::IF_MODIFIED_SINCE, since)]));
            assert_eq!(conditions.is_met_by(StatusCode::OK, &changed), is_met, "{since} {changed:?}");
        }
    }

    #[test]
    fn a_tag_goes_before_a_date_and_only_200_has_304() {
        let conditions =
            Conditions::of(&headers(&[(header::IF_NONE_MATCH, "\"b\""), (header::IF_MODIFIED_SINCE, LATER)]));
        let response = headers(&[(header::ETAG, "\"a\""), (header::LAST_MODIFIED, DATE)]);
        assert!(!conditions.is_met_by(StatusCode::OK, &response));
        let any = Conditions::of(&headers(&[(header::IF_NONE_MATCH, "*")]));
        assert!(any.is_met_by(StatusCode::OK, &response));
        assert!(!any.is_met_by(StatusCode::NOT_FOUND, &response));
    }
}
