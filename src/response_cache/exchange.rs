//! The decisions about one request, up to a stored answer or the handler. [`admission`](super::admission) goes on from
//! the handler's response, and [`future`](super::future) does the waiting.

use super::{
    Lookup,
    admission::Sent,
    cache::Cache,
    conditional::{self, Conditions},
    directives::Directives,
    key::Key,
    nested_layers::{Outer, OuterFills},
    single_flight::{FlightOutcome, Leader, Role},
    status::{Forward, Status},
    stored_response::{RecordKind, StoredResponse},
    vary::VarySpec,
};
use crate::{
    PrivateResponse, Problem,
    rt::{Deadline, timeout},
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use std::sync::Arc;

/// How often a request may find that what it waited or looked for belongs to another variant.
const MAX_ROUNDS: u8 = 3;
/// How many flights may end without a response before a request calls the handler itself: a handler that always fails
/// would otherwise serve its waiters one after the other.
const MAX_ABANDONED: u8 = 2;
/// A delivery of QStash, which no cache may answer.
const UPSTASH_SIGNATURE: &str = "upstash-signature";

pub(super) enum Next {
    Find(BoxFuture<'static, Lookup>),
    Follow(BoxFuture<'static, FlightOutcome>),
    Answer(Response<Bytes>),
    Call,
}

#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) cache: Arc<Cache>,
    pub(super) key: Key,
    pub(super) mode: Mode,
    pub(super) directives: Directives,
    pub(super) is_authorized: bool,
    pub(super) conditions: Conditions,
    pub(super) why: Forward,
    pub(super) spec: Option<Arc<VarySpec>>,
    guess: Option<(Arc<VarySpec>, Arc<str>)>,
    rounds: u8,
    abandoned: u8,
    may_wait: bool,
    waits_until: Option<Deadline>,
    doubted_ms: Option<u64>,
    is_reload: bool,
    pub(super) leader: Option<Leader>,
    /// The mark of this exchange, once the handler was called.
    pub(super) private: Option<PrivateResponse>,
    pub(super) sent: Option<Sent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Get,
    Head,
    /// Goes to the handler; a success makes what is stored out of date.
    Unsafe,
    Pass,
}

impl Exchange {
    pub(super) fn new<B: Body>(cache: Arc<Cache>, request: &Request<B>) -> Self {
        let key = Key::of(&cache.settings.prefix, request);
        let outer = OuterFills::look(&cache, &key, request.extensions());
        let (mode, why) = match outer {
            Outer::Same => (Mode::Pass, Forward::Bypass),
            Outer::None | Outer::Other => mode_of(request),
        };
        let directives = match cache.settings.request_directives {
            true => Directives::of_request(request.headers()),
            false => Directives::default(),
        };
        Self {
            cache,
            key,
            mode,
            directives,
            is_authorized: request.headers().contains_key(header::AUTHORIZATION),
            conditions: Conditions::of(request.headers()),
            why,
            spec: None,
            guess: None,
            rounds: 0,
            abandoned: 0,
            may_wait: outer == Outer::None,
            waits_until: None,
            doubted_ms: None,
            is_reload: false,
            leader: None,
            private: None,
            sent: None,
        }
    }

    pub(super) fn start(&mut self, request: &HeaderMap) -> Next {
        if !matches!(self.mode, Mode::Get | Mode::Head) {
            return Next::Call;
        }
        if self.directives.no_cache || self.directives.max_age == Some(0) {
            if self.directives.only_if_cached {
                return self.refuse();
            }
            self.is_reload = true;
        }
        self.look(self.cache.recall(&self.key), request)
    }

    fn look(&mut self, guess: Option<Arc<VarySpec>>, request: &HeaderMap) -> Next {
        self.guess = guess.map(|spec| {
            let variant = spec.variant(&self.key, request);
            (spec, variant)
        });
        // What is doubted now, too: it may be settled by the time that the store's answer is here.
        self.doubted_ms = self.doubted_ms.max(self.cache.local.doubts.until_ms(self.key.as_str()));
        let variant = self.guess.as_ref().map(|(_, variant)| variant);
        match self.cache.store.get_now(self.key.as_str(), variant.map(|key| &**key)) {
            Some(lookup) => self.found(&lookup, request),
            None => Next::Find(self.cache.find(&self.key, variant.cloned())),
        }
    }

    pub(super) fn found(&mut self, lookup: &Lookup, request: &HeaderMap) -> Next {
        if self.is_reload {
            return self.reload(lookup);
        }
        let stored = match lookup.primary().map(|record| &record.0) {
            None => return self.miss(Forward::UriMiss, request),
            Some(RecordKind::Response(stored)) => stored,
            Some(RecordKind::Vary(spec)) => {
                self.spec = Some(Arc::clone(spec));
                if self.guess.as_ref().is_none_or(|(guess, _)| guess != spec) {
                    self.cache.remember(&self.key, spec);
                    return self.look_again(Arc::clone(spec), request);
                }
                match lookup.variant().map(|record| &record.0) {
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

    /// The handler makes it anew. Only what the store has now says where it goes: what the process remembers may have
    /// been forgotten by another, and a variant under a record that is gone is found by nobody.
    fn reload(&mut self, lookup: &Lookup) -> Next {
        if let Some(RecordKind::Vary(spec)) = lookup.primary().map(|record| &record.0) {
            self.spec = Some(Arc::clone(spec));
            self.cache.remember(&self.key, spec);
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
        if self.directives.only_if_cached { self.refuse() } else { Next::Call }
    }

    /// The seconds for which a stored response is still fresh, or why it cannot answer this request.
    fn judge(&self, stored: &StoredResponse) -> Result<u64, Forward> {
        let now_ms = self.cache.now_ms();
        let left_ms = stored.fresh_for_ms(now_ms).ok_or(Forward::Stale)?;
        let age = stored.age_ms(now_ms) / 1000;
        let is_barred = (self.is_authorized && !stored.allows_authorized())
            || self.directives.max_age.is_some_and(|max_age| age > max_age)
            || self.directives.min_fresh.is_some_and(|min_fresh| left_ms / 1000 < min_fresh);
        // Whole seconds of both, so that `ttl` and `Age` add up to the lifetime.
        if is_barred { Err(Forward::Request) } else { Ok((stored.lifetime_ms / 1000).saturating_sub(age)) }
    }

    /// The same of a response that the store had: it may be out of date.
    fn judge_stored(&self, stored: &StoredResponse) -> Result<u64, Forward> {
        let doubted = self.doubted_ms.max(self.cache.local.doubts.until_ms(self.key.as_str()));
        if doubted.is_some_and(|until_ms| stored.received_ms <= until_ms) {
            return Err(Forward::Stale);
        }
        self.judge(stored)
    }

    fn miss(&mut self, why: Forward, request: &HeaderMap) -> Next {
        self.why = why;
        if self.directives.only_if_cached {
            return self.refuse();
        }
        if self.mode != Mode::Get || self.directives.no_store || why == Forward::Request {
            return Next::Call;
        }
        if !self.may_wait || self.cache.is_unshared(&self.key, self.is_authorized) {
            return Next::Call;
        }
        let key = self.spec.as_ref().map_or_else(|| self.key.shared(), |spec| spec.variant(&self.key, request));
        match self.cache.local.flights.join(key) {
            Role::Follower(landing) => Next::Follow(self.in_time(landing)),
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
    fn in_time(&mut self, landing: BoxFuture<'static, FlightOutcome>) -> BoxFuture<'static, FlightOutcome> {
        let until = *self.waits_until.get_or_insert_with(|| Deadline::after(self.cache.settings.wait_timeout));
        Box::pin(async move { timeout(until.remaining(), landing).await.unwrap_or(FlightOutcome::Late) })
    }

    fn stored_now(&self, request: &HeaderMap) -> Option<(Arc<StoredResponse>, u64)> {
        let variant = self.spec.as_ref().map(|spec| spec.variant(&self.key, request));
        let lookup = self.cache.store.get_now(self.key.as_str(), variant.as_deref())?;
        let record = match (&lookup.primary()?.0, &self.spec) {
            (RecordKind::Vary(spec), Some(known)) if spec == known => lookup.variant()?,
            _ => lookup.primary()?,
        };
        let RecordKind::Response(stored) = &record.0 else { return None };
        Some((Arc::clone(stored), self.judge_stored(stored).ok()?))
    }

    pub(super) fn landed(&mut self, landing: &FlightOutcome, request: &HeaderMap) -> Next {
        let landed = match landing {
            FlightOutcome::Unshared | FlightOutcome::Late => return Next::Call,
            // One that has changed by now is none either.
            FlightOutcome::Shared(landed) if !landed.since.is_changed() => landed,
            FlightOutcome::Shared(_) | FlightOutcome::Abandoned => {
                self.abandoned += 1;
                self.may_wait = self.abandoned < MAX_ABANDONED;
                return self.look(self.cache.recall(&self.key), request);
            }
        };
        if let Some(spec) = &landed.spec {
            self.spec = Some(Arc::clone(spec));
            if spec.variant(&self.key, request) != landed.key {
                return self.look_again(Arc::clone(spec), request);
            }
        }
        match self.judge(&landed.response) {
            Ok(_) => Next::Answer(self.answer(&landed.response, Status::Collapsed { why: self.why })),
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
        headers.insert(header::AGE, HeaderValue::from(stored.age_ms(self.cache.now_ms()) / 1000));
        status.append(headers, &self.cache.settings.name);
        if self.conditions.is_met_by(stored.status, headers) {
            conditional::not_modified(headers);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if self.mode != Mode::Head {
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
        Status::OnlyIfCached.append(response.headers_mut(), &self.cache.settings.name);
        response.extensions_mut().insert(Status::OnlyIfCached.outcome());
        Next::Answer(response)
    }
}

fn mode_of<B: Body>(request: &Request<B>) -> (Mode, Forward) {
    let mode = match *request.method() {
        Method::GET => Mode::Get,
        Method::HEAD => Mode::Head,
        ref method if method.is_safe() => return (Mode::Pass, Forward::Method),
        // A method that is not known may change the resource.
        _ => return (Mode::Unsafe, Forward::Method),
    };
    // A part, a changed protocol, a condition for the handler (RFC 9111 4.3.2), a question in the body: all for the
    // handler. So is what an outer layer said is for one client alone.
    const FOR_THE_HANDLER: [header::HeaderName; 5] =
        [header::RANGE, header::UPGRADE, header::IF_MATCH, header::IF_UNMODIFIED_SINCE, header::TRANSFER_ENCODING];
    let headers = request.headers();
    if FOR_THE_HANDLER.iter().any(|name| headers.contains_key(name))
        || headers.get(header::CONTENT_LENGTH).is_some_and(|len| len != "0")
        // HTTP/2 needs no header for a body.
        || !request.body().is_end_stream()
        || headers.contains_key(UPSTASH_SIGNATURE)
        || PrivateResponse::is_marked(request.extensions())
    {
        return (Mode::Pass, Forward::Bypass);
    }
    (mode, Forward::UriMiss)
}
