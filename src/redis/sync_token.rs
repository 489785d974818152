use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::{Mutex, PoisonError};

pub(super) const SYNC_TOKEN: HeaderName = HeaderName::from_static("upstash-sync-token");

/// The newest `upstash-sync-token`: the one of the request that began last.
///
/// The token is opaque, so answers that overtake each other are ordered by when they were asked for.
#[derive(Debug, Default)]
pub(super) struct SyncToken(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    started: u64,
    newest: u64,
    token: Option<HeaderValue>,
}

impl SyncToken {
    /// Called before a request: its place in the order, and the token to send.
    pub(super) fn begin(&self) -> (u64, Option<HeaderValue>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.started += 1;
        (state.started, state.token.clone())
    }

    /// Called with the headers of a successful answer.
    pub(super) fn finish(&self, order: u64, headers: &HeaderMap) {
        let Some(token) = headers.get(SYNC_TOKEN) else { return };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if order > state.newest {
            state.newest = order;
            state.token = Some(token.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_request_does_not_replace_a_newer_one_s_token() {
        let headers = |token: &str| HeaderMap::from_iter([(SYNC_TOKEN, token.parse().unwrap())]);
        let sync = SyncToken::default();
        let ((first, none), (second, _)) = (sync.begin(), sync.begin());
        assert!(none.is_none());
        sync.finish(second, &headers("two"));
        sync.finish(first, &headers("one"));
        sync.finish(second, &HeaderMap::new());
        assert_eq!(sync.begin().1.unwrap(), "two");
    }
}
