//! The HTTP client that the crate makes itself.

use super::{
    ReqwestTransport, TransportError, TransportErrorKind, cleartext::Cleartext, idle_limit::IdleLimit, reqwest::convert,
};
use crate::rt::Stopwatch;
use bytes::Bytes;
use std::{
    error::Error as StdError,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A request that is given up sooner says nothing about its connection.
const PATIENCE: Duration = Duration::from_millis(250);
/// The least time between two replacements, so that a slow server is not met with new connections for each request.
const PAUSE: Duration = Duration::from_secs(1);

/// Clients for hosts behind a proxy, if one is set, and for this machine.
#[derive(Debug)]
pub(super) struct OwnClient {
    outside: Side,
    loopback: Side,
}

#[derive(Debug)]
struct Side {
    usual: Arc<Connections>,
    cleartext: Cleartext,
}

/// A client, whose connections are left behind when they may be dead.
#[derive(Debug)]
pub(super) struct Connections {
    builder: fn() -> reqwest::ClientBuilder,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    client: Option<reqwest::Client>,
    made: Option<Stopwatch>,
    answered: Option<Stopwatch>,
    idle: IdleLimit,
}

impl OwnClient {
    pub(super) fn new() -> Result<Self, TransportError> {
        let outside =
            Side::new(ReqwestTransport::client_builder, || ReqwestTransport::client_builder().http2_prior_knowledge());
        // Made at once, because it is the one that can fail.
        outside.usual.client()?;
        let loopback = Side::new(
            || ReqwestTransport::client_builder().no_proxy(),
            || ReqwestTransport::client_builder().no_proxy().http2_prior_knowledge(),
        );
        Ok(Self { outside, loopback })
    }

    pub(super) async fn send(&self, request: http::Request<Bytes>) -> Result<reqwest::Response, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(convert)?;
        let side = if is_loopback(request.url()) { &self.loopback } else { &self.outside };
        if request.url().scheme() != "http" {
            return side.usual.send(request).await;
        }
        let host = request.url().authority().to_owned();
        if let Some(connections) = side.cleartext.known(&host) {
            let outcome = connections.send(request).await;
            if outcome.is_err() {
                side.cleartext.forget(&host);
            }
            return outcome;
        }
        let (url, sent) = (request.url().clone(), Stopwatch::start());
        let outcome = side.usual.send(request).await;
        if let Ok(response) = &outcome {
            side.cleartext.consider(host, url, response.headers(), sent.elapsed());
        }
        outcome
    }
}

impl Side {
    fn new(usual: fn() -> reqwest::ClientBuilder, cleartext: fn() -> reqwest::ClientBuilder) -> Self {
        let cleartext = Cleartext::new(Connections::new(cleartext));
        Self { usual: Arc::new(Connections::new(usual)), cleartext }
    }
}

impl Connections {
    fn new(builder: fn() -> reqwest::ClientBuilder) -> Self {
        Self { builder, state: Mutex::default() }
    }

    pub(super) async fn send(&self, request: reqwest::Request) -> Result<reqwest::Response, TransportError> {
        let (client, idle) = self.client()?;
        let mut unanswered = Unanswered { connections: self, begun: Stopwatch::start(), over: false };
        let outcome = client.execute(request).await.map_err(convert);
        unanswered.over = true;
        match &outcome {
            Ok(_) => self.answered(),
            Err(error) if error.kind() == TransportErrorKind::Interrupted => self.broke(idle),
            Err(_) => {}
        }
        outcome
    }

    /// The client, and the time since its last answer.
    fn client(&self) -> Result<(reqwest::Client, Duration), TransportError> {
        let mut state = self.state();
        if state.idle.review() {
            state.client = None;
        }
        let idle = state.answered.map(Stopwatch::elapsed).unwrap_or_default();
        if let Some(client) = &state.client {
            return Ok((client.clone(), idle));
        }
        let mut builder = (self.builder)();
        if let Some(limit) = state.idle.get() {
            builder = builder.pool_idle_timeout(limit);
        }
        let client = builder.build().map_err(|error| TransportError::new(TransportErrorKind::Request, error))?;
        state.made = Some(Stopwatch::start());
        Ok((state.client.insert(client).clone(), Duration::ZERO))
    }

    fn answered(&self) {
        let mut state = self.state();
        state.answered = Some(Stopwatch::start());
        state.idle.answered();
    }

    /// A connection broke that may have been idle for this long.
    fn broke(&self, idle: Duration) {
        let mut state = self.state();
        if state.idle.broke(idle) {
            state.client = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the connections behind, unless there was an answer since `begun`. Requests on them may still be answered.
    fn suspect(&self, begun: Stopwatch) {
        let mut state = self.state();
        let waited = begun.elapsed();
        let answered = state.answered.is_some_and(|answered| answered.elapsed() < waited);
        if waited >= PATIENCE && !answered && state.made.is_some_and(|made| made.elapsed() >= PAUSE.max(waited)) {
            state.client = None;
        }
    }
}

/// A request that has no answer yet.
struct Unanswered<'a> {
    connections: &'a Connections,
    begun: Stopwatch,
    over: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.connections.suspect(self.begun);
        }
    }
}

fn is_loopback(url: &reqwest::Url) -> bool {
    match url.host_str() {
        Some(host) => {
            let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
            address.map_or_else(|_| host == "localhost" || host.ends_with(".localhost"), |ip| ip.is_loopback())
        }
        None => false,
    }
}

/// Whether the connection was closed before anything was written to it.
pub(super) fn was_unwritten(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return error.is_canceled();
        }
        cause = error.source();
    }
    false
}
