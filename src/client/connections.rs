use super::{TransportError, TransportErrorKind, idle_limit::IdleLimit, reqwest_settings::convert};
use crate::rt::Stopwatch;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A request that is given up sooner says nothing about its connection.
const PATIENCE: Duration = Duration::from_millis(250);
/// The least time between two replacements, so that a slow server is not met with new connections for each request.
const PAUSE: Duration = Duration::from_secs(1);

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

impl Connections {
    pub(super) fn new(builder: fn() -> reqwest::ClientBuilder) -> Self {
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
    pub(super) fn client(&self) -> Result<(reqwest::Client, Duration), TransportError> {
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
