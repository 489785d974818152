use crate::background::Background;
use crate::{
    Clock,
    session::{
        CommitFailure, ConflictPolicy, KeyRing, Lifetime, LoadFailure, SessionCookie, UserSessions,
        config::{CommitOn, SessionConfig},
        store::SessionStore,
    },
};
use http::StatusCode;
use std::{sync::Arc, time::Duration};

/// Gives each request its [`Session`](crate::session::Session). See the [module](crate::session) for an example.
///
/// ```
/// use axum::{Router, body::Body, routing::post};
/// use axum_upstash::{Upstash, session::{Lifetime, Session}};
/// use http::Request;
/// use std::time::Duration;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let week = Duration::from_secs(7 * 86_400);
/// let layer = upstash.session_layer().with_lifetime(Lifetime::new(week, Some(4 * week)));
/// let app: Router = Router::new()
///     .route("/theme", post(|session: Session| async move { session.insert("theme", "dark").await }))
///     .layer(layer);
/// let response = app.oneshot(Request::post("/theme").body(Body::empty())?).await?;
/// assert!(response.headers().contains_key("set-cookie"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SessionLayer {
    pub(super) config: Arc<SessionConfig>,
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
                load_failure: LoadFailure::default(),
                commit_failure: CommitFailure::default(),
                conflict_policy: ConflictPolicy::default(),
                size_limit: 16 * 1024,
                rotation_grace: Duration::from_secs(5 * 60),
                commit_on: CommitOn::default(),
                clock: Clock::system(),
                background: Background::new(),
                returned: Arc::default(),
                told: Arc::default(),
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

    /// Sets the lifetime of sessions without [one of their own](crate::session::Session::set_lifetime) (idle for a day,
    /// 30 days at most). If the absolute lifetime is raised, older sessions live on, but [`UserSessions`] forgets them
    /// when they would have ended.
    pub fn with_lifetime(self, lifetime: Lifetime) -> Self {
        self.with(|config| config.lifetime = lifetime)
    }

    /// Sets how long the store may take for each step (2 s).
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with(|config| config.timeout = timeout)
    }

    /// Sets the executor of work that no request waits for: a logout whose client has left.
    pub fn with_background(self, background: Background) -> Self {
        self.with(|config| config.background = background)
    }

    /// Sets the policy for handlers whose session cannot be loaded ([`LoadFailure`]).
    pub fn with_load_failure(self, policy: LoadFailure) -> Self {
        self.with(|config| config.load_failure = policy)
    }

    /// Sets the policy for responses whose changes cannot be stored ([`CommitFailure`]).
    pub fn with_commit_failure(self, policy: CommitFailure) -> Self {
        self.with(|config| config.commit_failure = policy)
    }

    /// Sets the policy for changes that another request overtook ([`ConflictPolicy`]).
    pub fn with_conflict_policy(self, policy: ConflictPolicy) -> Self {
        self.with(|config| config.conflict_policy = policy)
    }

    /// Sets how long a rotated session goes on under its old id, with its earlier contents, if the client does not use
    /// the new id (5 minutes). The first request with the new id ends the old session. A use of the old id shows that
    /// the client never got the new one; then the old session goes on as if it had not been rotated.
    ///
    /// A shorter time than ten seconds counts as ten, for requests that are on their way.
    ///
    /// With [`Duration::ZERO`] the old session ends with the rotation. That is what [OWASP ASVS] 7.2.4 asks for to the
    /// letter, and it costs a session each time that the answer to a login is lost on its way: the client has the old id,
    /// and nothing is there any more. The default keeps the session, because what the old id can do in that time is what it
    /// could do before: the id that an attacker slipped to the client never gets the rights of the new one.
    ///
    /// [OWASP ASVS]: https://owasp.org/www-project-application-security-verification-standard/
    pub fn with_rotation_grace(self, grace: Duration) -> Self {
        self.with(|config| config.rotation_grace = grace)
    }

    /// The statuses with which a request's changes are committed: all but 5xx and 408, with which a handler has failed or an
    /// inner timeout has cut it off. A [logout](crate::session::Session::destroy) is committed in any case. See the table in the
    /// [module](crate::session#failed-requests).
    ///
    /// ```
    /// use axum_upstash::session::{KeyRing, SessionLayer, store::MemorySessionStore};
    /// use http::StatusCode;
    ///
    /// // An inner `TimeoutLayer` answers with 504, and 500 is an answer of the application's own.
    /// let layer = SessionLayer::new(MemorySessionStore::new(), KeyRing::random().unwrap())
    ///     .with_commit_on(|status: StatusCode| status != StatusCode::GATEWAY_TIMEOUT);
    /// ```
    pub fn with_commit_on(self, commits: impl Fn(StatusCode) -> bool + Send + Sync + 'static) -> Self {
        self.with(|config| config.commit_on = CommitOn(Arc::new(commits)))
    }

    /// The sessions of users: to list them and to end them.
    #[must_use]
    pub fn user_sessions(&self) -> UserSessions {
        UserSessions::new(Arc::clone(&self.config))
    }

    /// Sets the limit of the names and JSON texts of one session, in bytes (16 KiB).
    pub fn with_size_limit(self, bytes: usize) -> Self {
        self.with(|config| config.size_limit = bytes)
    }

    /// Reads the time from another clock.
    pub fn with_clock(self, clock: Clock) -> Self {
        self.with(|config| config.clock = clock)
    }
}
