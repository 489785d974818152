use super::{directives::Directives, policy, vary::VarySpec};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The form that [`Record::encode`] writes. A reader of another form sees nothing, so versions can run side by side.
const VERSION: u8 = 1;

/// The value under one key: a response, or the names of the headers that choose among several.
///
/// Cloning is cheap. A store that keeps bytes uses [`encode`](Self::encode) and [`decode`](Self::decode).
#[derive(Debug, Clone)]
pub struct Record(pub(super) RecordKind);

#[derive(Debug, Clone)]
pub(super) enum RecordKind {
    Response(Arc<StoredResponse>),
    Vary(Arc<VarySpec>),
}

/// A complete response, and what its age is counted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) received_ms: u64,
    pub(super) initial_age_ms: u64,
    pub(super) lifetime_ms: u64,
}

impl StoredResponse {
    /// RFC 9111 4.2.3: `current_age`, in milliseconds.
    pub(super) fn age_ms(&self, now_ms: u64) -> u64 {
        self.initial_age_ms.saturating_add(now_ms.saturating_sub(self.received_ms))
    }

    /// The remaining freshness in milliseconds; `None` if it is stale.
    pub(super) fn fresh_for_ms(&self, now_ms: u64) -> Option<u64> {
        self.lifetime_ms.checked_sub(self.age_ms(now_ms)).filter(|&left| left > 0)
    }

    pub(super) fn allows_authorized(&self) -> bool {
        policy::allows_authorized(&Directives::of_response(&self.headers))
    }
}

/// The line before the body.
#[derive(Serialize, Deserialize)]
struct Head {
    v: u8,
    #[serde(flatten)]
    kind: HeadKind,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HeadKind {
    Response {
        status: u16,
        received_ms: u64,
        initial_age_ms: u64,
        lifetime_ms: u64,
        len: usize,
        headers: Vec<(String, String)>,
    },
    Vary {
        names: Vec<String>,
        // As text: not every reader of JSON keeps 64 bits.
        generation: String,
        until_ms: u64,
    },
}

impl Record {
    pub(super) fn response(response: Arc<StoredResponse>) -> Self {
        Self(RecordKind::Response(response))
    }

    pub(super) fn vary(spec: Arc<VarySpec>) -> Self {
        Self(RecordKind::Vary(spec))
    }

    /// One line of JSON, a line feed, and the body as it is.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, body) = match &self.0 {
            RecordKind::Response(response) => {
                let kind = HeadKind::Response {
                    status: response.status.as_u16(),
                    received_ms: response.received_ms,
                    initial_age_ms: response.initial_age_ms,
                    lifetime_ms: response.lifetime_ms,
                    len: response.body.len(),
                    headers: response
                        .headers
                        .iter()
                        .map(|(name, value)| (name.as_str().to_owned(), latin1(value.as_bytes())))
                        .collect(),
                };
                (kind, &response.body[..])
            }
            RecordKind::Vary(spec) => {
                let kind = HeadKind::Vary {
                    names: spec.names.iter().map(|name| name.as_str().to_owned()).collect(),
                    generation: format!("{:016x}", spec.generation),
                    until_ms: spec.until_ms,
                };
                (kind, &[][..])
            }
        };
        // Strings and numbers always serialise; were it otherwise, an empty record reads as none.
        let mut bytes = serde_json::to_vec(&Head { v: VERSION, kind }).unwrap_or_default();
        bytes.reserve_exact(body.len() + 1);
        bytes.push(b'\n');
        bytes.extend_from_slice(body);
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` for anything else, another version's records among it.
    #[must_use]
    pub fn decode(bytes: &Bytes) -> Option<Self> {
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
        if head.v != VERSION {
            return None;
        }
        let body = bytes.slice(end + 1..);
        Some(match head.kind {
            HeadKind::Response { status, received_ms, initial_age_ms, lifetime_ms, len, headers } => {
                if body.len() != len {
                    return None;
                }
                let mut map = HeaderMap::new();
                for (name, value) in headers {
                    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                    map.try_append(name, HeaderValue::from_bytes(&bytes_of_latin1(&value)?).ok()?).ok()?;
                }
                let status = StatusCode::from_u16(status).ok()?;
                let response = StoredResponse { status, headers: map, body, received_ms, initial_age_ms, lifetime_ms };
                Self::response(Arc::new(response))
            }
            HeadKind::Vary { names, generation, until_ms } => {
                let mut names: Vec<HeaderName> =
                    names.iter().map(|name| HeaderName::from_bytes(name.as_bytes())).collect::<Result<_, _>>().ok()?;
                super::vary::sort(&mut names);
                let generation = u64::from_str_radix(&generation, 16).ok()?;
                Self::vary(Arc::new(VarySpec { names, generation, until_ms }))
            }
        })
    }

    /// About how many bytes it takes in memory.
    #[must_use]
    pub fn size(&self) -> usize {
        const OVERHEAD: usize = 256;
        OVERHEAD
            + match &self.0 {
                RecordKind::Response(response) => {
                    let headers = &response.headers;
                    response.body.len()
                        + headers.iter().map(|(name, value)| 32 + name.as_str().len() + value.len()).sum::<usize>()
                }
                RecordKind::Vary(spec) => spec.names.iter().map(|name| 32 + name.as_str().len()).sum(),
            }
    }
}

/// A header's bytes as characters of the same number: a header need not be UTF-8, JSON must be.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn bytes_of_latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|char| u8::try_from(char).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn response(headers: HeaderMap, body: Vec<u8>) -> StoredResponse {
        StoredResponse {
            status: StatusCode::OK,
            headers,
            body: body.into(),
            received_ms: 107_000,
            initial_age_ms: 32_000,
            lifetime_ms: 60_000,
        }
    }

    #[test]
    fn age_grows_with_the_clock() {
        let response = response(HeaderMap::new(), vec![]);
        assert_eq!(response.age_ms(120_000), 45_000);
        assert_eq!(response.age_ms(0), 32_000);
        assert_eq!(response.fresh_for_ms(120_000), Some(15_000));
        assert_eq!(response.fresh_for_ms(135_000), None);
    }

    #[test]
    fn what_is_not_a_record_is_none() {
        for text in [
            "",
            "{}",
            "{}\n",
            "{\"v\":2,\"vary\":{\"names\":[],\"generation\":\"1\",\"until_ms\":1}}\n",
            "{\"v\":1,\"vary\":{\"names\":[\"a b\"],\"generation\":\"1\",\"until_ms\":1}}\n",
            "{\"v\":1,\"vary\":{\"names\":[],\"generation\":\"x\",\"until_ms\":1}}\n",
        ] {
            assert!(Record::decode(&Bytes::from_static(text.as_bytes())).is_none(), "{text}");
        }
        let mut cut = Record::response(Arc::new(response(HeaderMap::new(), b"body".to_vec()))).encode();
        cut.pop();
        assert!(Record::decode(&cut.into()).is_none());
    }

    proptest! {
        #[test]
        fn a_response_comes_back_as_it_was(
            values in proptest::collection::vec(proptest::collection::vec(32_u8..=255, 0..20), 0..5),
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut headers = HeaderMap::new();
            for value in values {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    headers.append("x-a", value);
                }
            }
            let response = response(headers, body);
            let bytes = Record::response(Arc::new(response.clone())).encode().into();
            let Some(Record(RecordKind::Response(back))) = Record::decode(&bytes) else {
                return Err(TestCaseError::fail("not a response"));
            };
            prop_assert_eq!(&*back, &response);
        }

        #[test]
        fn a_vary_record_comes_back_as_it_was(generation in any::<u64>(), until_ms in any::<u64>()) {
            let names = vec![http::header::ACCEPT, http::header::COOKIE];
            let spec = VarySpec { names, generation, until_ms };
            let bytes = Record::vary(Arc::new(spec.clone())).encode().into();
            let Some(Record(RecordKind::Vary(back))) = Record::decode(&bytes) else {
                return Err(TestCaseError::fail("not a vary record"));
            };
            prop_assert_eq!(&*back, &spec);
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Record::decode(&bytes.into());
        }
    }
}
