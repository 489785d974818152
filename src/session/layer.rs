use super::{
    KeyRing, Lifetime, OnCommitFailure, OnConflict, OnOutage, SessionCookie, SessionService, SessionStore, Sessions,
    config::SessionConfig,
};
use crate::Clock;
use std::{sync::Arc, time::Duration};
use tower_layer::Layer;

/// Gives each request its [`Session`](super::Session). See the [module](crate::session) for an example.
#[derive(Debug, Clone)]
#[must_use]
pub struct SessionLayer {
    config: Arc<SessionConfig>,
}

impl SessionLayer {
    /// Sessions in `store`, with cookies signed by `keys`.
    pub fn new(store: impl SessionStore, keys: KeyRing) -> Self {
        Self {
            config: Arc::new(SessionConfig {
                breaker: store.breaker().unwrap_or_default(),
                store: Arc::new(store),
                keys,
                cookie: SessionCookie::default(),
                lifetime: Lifetime::default(),
                timeout: Duration::from_secs(2),
                on_outage: OnOutage::default(),
                on_commit_failure: OnCommitFailure::default(),
                on_conflict: OnConflict::default(),
                size_limit: 16 * 1024,
                clock: Clock::system(),
            }),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut SessionConfig)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// The cookie and its attributes.
    pub fn with_cookie(self, cookie: SessionCookie) -> Self {
        self.with(|config| config.cookie = cookie)
    }

    /// How long a session lives (a day without use, 30 days at most). When the absolute lifetime is raised, sessions from
    /// before that live on, but [`Sessions`] forgets them when they would have ended.
    pub fn with_lifetime(self, lifetime: Lifetime) -> Self {
        self.with(|config| config.lifetime = lifetime)
    }

    /// How long the store may take for each step (2 s).
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with(|config| config.timeout = timeout)
    }

    /// What a handler gets when its session cannot be loaded.
    pub fn with_on_outage(self, policy: OnOutage) -> Self {
        self.with(|config| config.on_outage = policy)
    }

    /// What the client gets when changes cannot be stored.
    pub fn with_on_commit_failure(self, policy: OnCommitFailure) -> Self {
        self.with(|config| config.on_commit_failure = policy)
    }

    /// What becomes of changes where another request was faster.
    pub fn with_on_conflict(self, policy: OnConflict) -> Self {
        self.with(|config| config.on_conflict = policy)
    }

    /// The sessions of users: to list them and to end them.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        Sessions::new(Arc::clone(&self.config))
    }

    /// How many bytes of names and JSON texts a session may have (16 KiB).
    pub fn with_size_limit(self, bytes: usize) -> Self {
        self.with(|config| config.size_limit = bytes)
    }

    /// Reads the time from another clock.
    pub fn with_clock(self, clock: Clock) -> Self {
        self.with(|config| config.clock = clock)
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, Arc::clone(&self.config))
    }
}
