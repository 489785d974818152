//! From the handler's response to the store, and to the requests that wait for it.

use super::{
    cache::{Placement, Written},
    conditional::{self, Conditions},
    flight::{FlightOutcome, Leader},
    nested_layers::{Innermost, OuterFills},
    policy::{self, Terms},
    request::{CacheRequest, Mode},
    status::{Forward, Status},
    stored_response::StoredResponse,
    vary::{self, VarySpec},
};
use crate::{
    PrivateResponse,
    in_progress::{Since, Watch},
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header, response::Parts};
use http_body::SizeHint;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A request that the handler answers.
#[derive(Debug)]
pub(super) struct Fill {
    request: CacheRequest,
    why: Forward,
    spec: Option<Arc<VarySpec>>,
    leader: Option<Leader>,
    /// The mark of the request, which its extractors set.
    private: PrivateResponse,
    /// `None` if the response is not stored in any case.
    sent: Option<Sent>,
}

/// The facts of a request that its response needs.
#[derive(Debug)]
pub(super) struct Sent {
    headers: HeaderMap,
    watch: Watch,
    at_ms: u64,
    is_stripped: bool,
    innermost: Innermost,
}

/// A response that may be stored once its body is complete.
#[derive(Debug)]
pub(super) struct Candidate {
    lifetime_ms: u64,
    received_ms: u64,
    private: Option<PrivateResponse>,
    pub(super) body_limit: usize,
    etag: bool,
}

/// A response on its way into the store.
#[derive(Debug)]
pub(super) struct Writing {
    placement: Placement,
    ttl_ms: u64,
    since: Since,
}

/// The reason why a response is not shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// The handler answered so that it is for one client alone.
    Unshared(StatusCode),
    /// There is no response, or its body broke, or the resource changed meanwhile. The next request may have better luck.
    Abandoned,
}

impl Fill {
    /// Readies the request for the handler.
    pub(super) fn begin<B>(
        asked: CacheRequest,
        why: Forward,
        spec: Option<Arc<VarySpec>>,
        leader: Option<Leader>,
        request: &mut Request<B>,
    ) -> Self {
        let private = PrivateResponse::of(request.extensions_mut());
        let may_store = asked.mode == Mode::Get && !asked.directives.no_store;
        let sent = may_store.then(|| {
            let headers = request.headers().clone();
            // If nothing is likely to be stored, the handler may have conditions of its own to answer.
            let is_stripped = !asked.cache.is_unshared(&asked.key, asked.is_authorized);
            if is_stripped {
                Conditions::strip(request.headers_mut());
            }
            Sent {
                headers,
                watch: asked.cache.local.in_progress.watch(asked.key.shared()),
                at_ms: asked.cache.now_ms(),
                is_stripped,
                innermost: OuterFills::begin(&asked.cache, &asked.key, request.extensions_mut()),
            }
        });
        Self { request: asked, why, spec, leader, private, sent }
    }

    /// Whether a response may be stored, by its head.
    pub(super) fn consider(&self, parts: &Parts, least_len: u64) -> Option<Candidate> {
        let sent = self.sent.as_ref()?;
        let received_ms = self.request.cache.now_ms();
        let innermost = sent.innermost.cache();
        let settings = innermost.as_ref().map_or(&self.request.cache.settings, |cache| &cache.settings);
        if self.is_private(parts) {
            return None;
        }
        let len = content_length(&parts.headers).unwrap_or(0).max(least_len);
        if len > settings.body_limit as u64 {
            return None;
        }
        let terms =
            Terms { ttl: settings.ttl, set_cookie: settings.set_cookie, authorized: self.request.is_authorized };
        let lifetime_ms = policy::storable(parts.status, &parts.headers, terms, received_ms)?;
        Some(Candidate {
            lifetime_ms,
            received_ms,
            private: parts.extensions.get().cloned(),
            body_limit: settings.body_limit,
            etag: settings.etag,
        })
    }

    /// Whether it is stored, now that its body is there.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn complete(&mut self, candidate: &Candidate, parts: &mut Parts, body: &Bytes) -> Result<Writing, Kept> {
        if self.sent.as_ref().is_some_and(|sent| sent.watch.since().is_changed()) {
            return Err(Kept::Abandoned);
        }
        let is_private = self.is_private(parts) || candidate.private.as_ref().is_some_and(PrivateResponse::get);
        let writing = if is_private { None } else { self.writing(candidate, parts, body) };
        writing.ok_or(Kept::Unshared(parts.status))
    }

    /// Whether the request or its response is marked as one client's.
    fn is_private(&self, parts: &Parts) -> bool {
        self.private.get() || PrivateResponse::is_marked(&parts.extensions)
    }

    fn writing(&self, candidate: &Candidate, parts: &mut Parts, body: &Bytes) -> Option<Writing> {
        let sent = self.sent.as_ref()?;
        let initial_age_ms = policy::initial_age(&parts.headers, sent.at_ms, candidate.received_ms);
        let ttl_ms = candidate.lifetime_ms.checked_sub(initial_age_ms).filter(|&ttl| ttl > 0)?;
        let names = vary::names(&parts.headers)?;

        // RFC 9110 6.6.1: a recipient with a clock dates what came without.
        if !parts.headers.contains_key(header::DATE) {
            let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(candidate.received_ms));
            // The format ends with the year 9999.
            let time = time.filter(|_| candidate.received_ms < 253_402_300_800_000);
            if let Some(Ok(date)) = time.map(|time| HeaderValue::try_from(httpdate::fmt_http_date(time))) {
                parts.headers.insert(header::DATE, date);
            }
        }
        if candidate.etag && parts.status == StatusCode::OK && !parts.headers.contains_key(header::ETAG) {
            parts.headers.extend(conditional::etag_of(body).map(|etag| (header::ETAG, etag)));
        }
        let stored = Arc::new(StoredResponse {
            status: parts.status,
            headers: policy::stored_headers(&parts.headers),
            body: body.clone(),
            received_ms: candidate.received_ms,
            initial_age_ms,
            lifetime_ms: candidate.lifetime_ms,
        });
        let since = sent.watch.since().clone();
        let placement = self.request.cache.place(
            &self.request.key,
            self.spec.clone(),
            names,
            &sent.headers,
            (stored, since.clone()),
            ttl_ms,
        );
        Some(Writing { placement, ttl_ms, since })
    }

    pub(super) fn write(&self, writing: &Writing) -> BoxFuture<'static, Written> {
        self.request.cache.write(&self.request.key, &writing.placement, writing.ttl_ms, writing.since.clone())
    }

    /// The response was offered to the store; those who wait have it whether it is there or not, unless it is out of
    /// date.
    pub(super) fn share(&mut self, writing: &Writing, written: Written) {
        self.request.cache.mark_shared(&self.request.key, self.request.is_authorized);
        if let Some(leader) = self.leader.take() {
            leader.land(match written {
                Written::Stored | Written::Failed => FlightOutcome::Shared(writing.placement.shared.clone()),
                Written::Outdated => FlightOutcome::Abandoned,
            });
        }
    }

    /// The response is for this client alone, or there is none. After an answer that was meant so, the requests that wait
    /// go on at once, and those that come next need not wait.
    pub(super) fn keep(&mut self, why: Kept) {
        let outcome = match why {
            Kept::Unshared(status) => {
                if self.sent.is_some() && self.is_telling(status) {
                    self.request.cache.mark_unshared(&self.request.key, self.request.is_authorized);
                }
                FlightOutcome::Unshared
            }
            Kept::Abandoned => FlightOutcome::Abandoned,
        };
        if let Some(leader) = self.leader.take() {
            leader.land(outcome);
        }
    }

    /// Whether a response that is not shared shows that the next will not be shared either. It does not if the handler
    /// failed, answered to a condition, or refused this one client's `Authorization`.
    fn is_telling(&self, status: StatusCode) -> bool {
        let is_refusal = self.request.is_authorized && status.is_client_error();
        !status.is_server_error() && status != StatusCode::NOT_MODIFIED && !is_refusal
    }

    /// The invalidation that a response to an unsafe method asks for (RFC 9111 4.4), if the response waits for it.
    pub(super) fn invalidation(&self, status: StatusCode) -> Option<BoxFuture<'static, ()>> {
        let is_due = self.request.mode == Mode::Unsafe && (status.is_success() || status.is_redirection());
        let cache = &self.request.cache;
        if is_due { cache.defer(cache.invalidate(&self.request.key)) } else { None }
    }

    /// Finishes the head of the handler's response; `true` if it became a 304 that has no body.
    pub(super) fn finish(&self, parts: &mut Parts, written: Written) -> bool {
        let is_stripped = self.sent.as_ref().is_some_and(|sent| sent.is_stripped);
        let is_unchanged = is_stripped && self.request.conditions.is_met_by(parts.status, &parts.headers);
        if is_unchanged {
            parts.status = StatusCode::NOT_MODIFIED;
            conditional::not_modified(&mut parts.headers);
        }
        let status = Status::Forwarded { why: self.why, is_stored: written == Written::Stored };
        status.append(&mut parts.headers, &self.request.cache.settings.name);
        parts.extensions.insert(status.outcome());
        if self.is_private(parts) {
            // For the caches on the way.
            PrivateResponse::write_private(&mut parts.headers);
        }
        is_unchanged
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether a body has the length that its head tells, and that it told of itself before it was read.
pub(super) fn is_of_length(headers: &HeaderMap, told: &SizeHint, len: usize) -> bool {
    let tells = |line: &HeaderValue| line.to_str().is_ok_and(|line| line.trim().parse() == Ok(len));
    let is_told = told.lower() <= len as u64 && told.upper().is_none_or(|upper| upper >= len as u64);
    is_told && headers.get_all(header::CONTENT_LENGTH).iter().all(tells)
}
