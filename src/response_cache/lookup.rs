//! From a request to a stored response, or to the handler. [`fill`](super::fill) goes on from the handler's response, and
//! the layer's future does the waiting.

use super::{
    cache::Cache,
    conditional,
    fill::Fill,
    flight::{FlightOutcome, Leader},
    key::Key,
    nested_layers::{OuterFills, OuterLayer},
    request::{CacheRequest, Mode},
    status::{Forward, Status},
    store::Records,
    stored_response::{RecordKind, StoredResponse},
    vary::VarySpec,
};
use crate::{
    Problem,
    rt::{Deadline, timeout},
    single_flight::Role,
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use std::sync::Arc;

/// How often a request may find that what it waited or looked for belongs to another variant.
const MAX_ROUNDS: u8 = 3;
/// How many flights may end without a response before a request calls the handler itself: a handler that always fails
/// would otherwise serve its waiters one after the other.
const MAX_ABANDONED: u8 = 2;
/// The next step of a request.
pub(super) enum Next {
    Find(BoxFuture<'static, Records>),
    Follow(BoxFuture<'static, FlightOutcome>),
    Answer(Response<Bytes>),
    Call,
}

/// A request on its way to a stored response.
#[derive(Debug)]
pub(super) struct Lookup {
    request: CacheRequest,
    why: Forward,
    spec: Option<Arc<VarySpec>>,
    guess: Option<(Arc<VarySpec>, Arc<str>)>,
    rounds: u8,
    abandoned: u8,
    may_wait: bool,
    waits_until: Option<Deadline>,
    doubted_ms: Option<u64>,
    is_reload: bool,
    leader: Option<Leader>,
}

impl Lookup {
    pub(super) fn new<B: Body>(cache: Arc<Cache>, request: &Request<B>) -> Self {
        let may_share = cache.settings.single_flight && cfg!(not(target_arch = "wasm32"));
        let key = Key::of(&cache.settings.prefix, &cache.settings.query, request);
        let outer = OuterFills::look(&cache, &key, request.extensions());
        let (request, why) = CacheRequest::new(cache, key, request, outer == OuterLayer::Same);
        Self {
            request,
            why,
            spec: None,
            guess: None,
            rounds: 0,
            abandoned: 0,
            may_wait: outer == OuterLayer::None && may_share,
            waits_until: None,
            doubted_ms: None,
            is_reload: false,
            leader: None,
        }
    }

    /// Sends the request to the handler.
    pub(super) fn into_fill<B>(self, request: &mut Request<B>) -> Fill {
        Fill::begin(self.request, self.why, self.spec, self.leader, request)
    }

    pub(super) fn start(&mut self, request: &HeaderMap) -> Next {
        if !matches!(self.request.mode, Mode::Get | Mode::Head) {
            return Next::Call;
        }
        if self.request.directives.no_cache || self.request.directives.max_age == Some(0) {
            if self.request.directives.only_if_cached {
                return self.refuse();
            }
            self.is_reload = true;
        }
        self.look(self.request.cache.recall(&self.request.key), request)
    }

    fn look(&mut self, guess: Option<Arc<VarySpec>>, request: &HeaderMap) -> Next {
        self.guess = guess.map(|spec| {
            let variant = spec.variant(&self.request.key, request);
            (spec, variant)
        });
        // The doubts of this moment count as well: they may be settled when the store's answer arrives.
        self.doubted_ms = self.doubted_ms.max(self.request.cache.local.doubts.until_ms(self.request.key.as_str()));
        let variant = self.guess.as_ref().map(|(_, variant)| variant);
        match self.request.cache.store.get_now(self.request.key.as_str(), variant.map(|key| &**key)) {
            Some(found) => self.found(&found, request),
            None => Next::Find(self.request.cache.find(&self.request.key, variant.cloned())),
        }
    }

    pub(super) fn found(&mut self, found: &Records, request: &HeaderMap) -> Next {
        if self.is_reload {
            return self.reload(found);
        }
        let stored = match found.primary().map(|record| &record.0) {
            None => return self.miss(Forward::UriMiss, request),
            Some(RecordKind::Response(stored)) => stored,
            Some(RecordKind::Vary(spec)) => {
                self.spec = Some(Arc::clone(spec));
                if self.guess.as_ref().is_none_or(|(guess, _)| guess != spec) {
                    self.request.cache.remember(&self.request.key, spec);
                    return self.look_again(Arc::clone(spec), request);
                }
                match found.variant().map(|record| &record.0) {
                    Some(RecordKind::Response(stored)) => stored,
                    _ => return self.miss(Forward::VaryMiss, request),
                }
            }
        };
        match self.judge_stored(stored) {
            Ok(ttl) => Next::Answer(self.answer(stored, Status::Hit { ttl })),
            Err(why) => self.miss(why, request),
        }
    }

    /// The handler makes the response anew. Only the present contents of the store decide its place: another process
    /// may have deleted what this one remembers, and no request finds a variant under a record that is gone.
    fn reload(&mut self, found: &Records) -> Next {
        if let Some(RecordKind::Vary(spec)) = found.primary().map(|record| &record.0) {
            self.spec = Some(Arc::clone(spec));
            self.request.cache.remember(&self.request.key, spec);
        }
        self.why = Forward::Request;
        Next::Call
    }

    fn look_again(&mut self, spec: Arc<VarySpec>, request: &HeaderMap) -> Next {
        self.rounds += 1;
        if self.rounds < MAX_ROUNDS {
            return self.look(Some(spec), request);
        }
        self.why = Forward::VaryMiss;
        if self.request.directives.only_if_cached { self.refuse() } else { Next::Call }
    }

    /// The seconds for which a stored response is still fresh, or why it cannot answer this request.
    fn judge(&self, stored: &StoredResponse) -> Result<u64, Forward> {
        let now_ms = self.request.cache.now_ms();
        let left_ms = stored.fresh_for_ms(now_ms).ok_or(Forward::Stale)?;
        let age = stored.age_ms(now_ms) / 1000;
        let is_barred = (self.request.is_authorized && !stored.allows_authorized())
            || self.request.directives.max_age.is_some_and(|max_age| age > max_age)
            || self.request.directives.min_fresh.is_some_and(|min_fresh| left_ms / 1000 < min_fresh);
        // Whole seconds of both, so that `ttl` and `Age` add up to the lifetime.
        if is_barred { Err(Forward::Request) } else { Ok((stored.lifetime_ms / 1000).saturating_sub(age)) }
    }

    /// The same of a response that the store had: it may be out of date.
    fn judge_stored(&self, stored: &StoredResponse) -> Result<u64, Forward> {
        let doubted = self.doubted_ms.max(self.request.cache.local.doubts.until_ms(self.request.key.as_str()));
        if doubted.is_some_and(|until_ms| stored.received_ms <= until_ms) {
            return Err(Forward::Stale);
        }
        self.judge(stored)
    }

    fn miss(&mut self, why: Forward, request: &HeaderMap) -> Next {
        self.why = why;
        if self.request.directives.only_if_cached {
            return self.refuse();
        }
        if self.request.mode != Mode::Get || self.request.directives.no_store || why == Forward::Request {
            return Next::Call;
        }
        if !self.may_wait || self.request.cache.is_unshared(&self.request.key, self.request.is_authorized) {
            return Next::Call;
        }
        let key = self
            .spec
            .as_ref()
            .map_or_else(|| self.request.key.shared(), |spec| spec.variant(&self.request.key, request));
        match self.request.cache.local.flights.join(key) {
            Role::Follower(outcome) => Next::Follow(self.in_time(outcome)),
            Role::Leader(leader) => {
                // A flight may have landed between this lookup and now.
                if let Some((stored, ttl)) = self.stored_now(request) {
                    return Next::Answer(self.answer(&stored, Status::Hit { ttl }));
                }
                self.leader = Some(leader);
                Next::Call
            }
        }
    }

    /// Waits for other requests no longer than the layer says, however many flights that takes.
    fn in_time(&mut self, outcome: BoxFuture<'static, Option<FlightOutcome>>) -> BoxFuture<'static, FlightOutcome> {
        let until = *self.waits_until.get_or_insert_with(|| Deadline::after(self.request.cache.settings.wait_timeout));
        Box::pin(async move {
            match timeout(until.remaining(), outcome).await {
                Ok(outcome) => outcome.unwrap_or(FlightOutcome::Abandoned),
                Err(_) => FlightOutcome::Late,
            }
        })
    }

    fn stored_now(&self, request: &HeaderMap) -> Option<(Arc<StoredResponse>, u64)> {
        let variant = self.spec.as_ref().map(|spec| spec.variant(&self.request.key, request));
        let found = self.request.cache.store.get_now(self.request.key.as_str(), variant.as_deref())?;
        let record = match (&found.primary()?.0, &self.spec) {
            (RecordKind::Vary(spec), Some(known)) if spec == known => found.variant()?,
            _ => found.primary()?,
        };
        let RecordKind::Response(stored) = &record.0 else { return None };
        Some((Arc::clone(stored), self.judge_stored(stored).ok()?))
    }

    pub(super) fn landed(&mut self, outcome: &FlightOutcome, request: &HeaderMap) -> Next {
        let shared = match outcome {
            FlightOutcome::Unshared | FlightOutcome::Late => return Next::Call,
            // One that has changed by now is none either.
            FlightOutcome::Shared(shared) if !shared.since.is_changed() => shared,
            FlightOutcome::Shared(_) | FlightOutcome::Abandoned => {
                self.abandoned += 1;
                self.may_wait = self.abandoned < MAX_ABANDONED;
                return self.look(self.request.cache.recall(&self.request.key), request);
            }
        };
        if let Some(spec) = &shared.spec {
            self.spec = Some(Arc::clone(spec));
            if spec.variant(&self.request.key, request) != shared.key {
                return self.look_again(Arc::clone(spec), request);
            }
        }
        match self.judge(&shared.response) {
            Ok(_) => Next::Answer(self.answer(&shared.response, Status::Collapsed { why: self.why })),
            Err(why) => {
                self.why = why;
                Next::Call
            }
        }
    }

    fn answer(&self, stored: &StoredResponse, status: Status) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = stored.status;
        *response.headers_mut() = stored.headers.clone();
        let headers = response.headers_mut();
        headers.insert(header::AGE, HeaderValue::from(stored.age_ms(self.request.cache.now_ms()) / 1000));
        status.append(headers, &self.request.cache.settings.name);
        if self.request.conditions.is_met_by(stored.status, headers) {
            conditional::not_modified(headers);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if self.request.mode != Mode::Head {
            *response.body_mut() = stored.body.clone();
        } else if !headers.contains_key(header::CONTENT_LENGTH) && stored.status != StatusCode::NO_CONTENT {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(stored.body.len()));
        }
        response.extensions_mut().insert(status.outcome());
        response
    }

    /// RFC 9111 5.2.1.7.
    fn refuse(&self) -> Next {
        let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "Not in the cache")
            .with_detail("the request asked for a stored response only, and there is none");
        let mut response = problem.into_bytes_response();
        Status::OnlyIfCached.append(response.headers_mut(), &self.request.cache.settings.name);
        response.extensions_mut().insert(Status::OnlyIfCached.outcome());
        Next::Answer(response)
    }
}
