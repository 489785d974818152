use crate::{
    CircuitBreaker, Clock,
    background::Background,
    response_cache::{
        QueryKey,
        cache::{Cache, Local, Settings},
        status::structured_name,
        store::{MemoryResponseStore, ResponseStore},
    },
};
use std::{fmt, sync::Arc, time::Duration};

/// Caches the responses of the services inside it. See the [module](crate::response_cache).
///
/// Clones share the store and the knowledge of the process beside it: the requests in flight, and the changes
/// meanwhile. So `layer.clone().with_ttl(ttl)` gives each route its own time and is one cache all the same. Layers made
/// one by one on the same store share the store only, as two processes do. Keep one, and clone it.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use axum_upstash::Upstash;
/// use http::Request;
/// use std::time::Duration;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let cache = upstash.response_cache_layer(Duration::from_secs(60));
/// let news = cache.clone().with_ttl(Duration::from_secs(5)); // the same cache with another time
/// let app: Router = Router::new()
///     .route("/prices", get(|| async { "12.50" }).layer(cache))
///     .route("/news", get(|| async { "…" }).layer(news));
/// let request = || Request::get("/prices").body(Body::empty());
/// let first = app.clone().oneshot(request()?).await?;
/// assert_eq!(first.headers()["cache-status"], "axum-upstash; fwd=uri-miss; stored");
/// let second = app.oneshot(request()?).await?;
/// assert_eq!(second.headers()["cache-status"], "axum-upstash; hit; ttl=60");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ResponseCacheLayer {
    store: Arc<dyn ResponseStore>,
    breaker: CircuitBreaker,
    settings: Settings,
    local: Arc<Local>,
}

impl ResponseCacheLayer {
    /// Keeps responses in `store`.
    pub fn new(store: impl ResponseStore) -> Self {
        let settings = Settings {
            ttl: None,
            name: "axum-upstash".into(),
            prefix: "axum-upstash:cache".into(),
            query: QueryKey::all(),
            invalidates_later: false,
            background: Background::new(),
            single_flight: true,
            body_limit: 1 << 20,
            store_timeout: Duration::from_millis(500),
            wait_timeout: Duration::from_secs(5),
            clock: Clock::system(),
            request_directives: true,
            set_cookie: false,
            etag: true,
        };
        let breaker = store.breaker().unwrap_or_default();
        Self { store: Arc::new(store), breaker, settings, local: Arc::new(Local::new()) }
    }

    /// Keeps responses in a [`MemoryResponseStore`] of 64 MiB.
    pub fn memory() -> Self {
        Self::new(MemoryResponseStore::new())
    }

    /// Sets the freshness lifetime of responses without `Cache-Control` or `Expires`. If unset, such responses are not
    /// stored.
    ///
    /// It counts for 200, 203, 204, 300, 301, 308, 404, 405, 410, 414 and 501 only; what `Cache-Control` or `Expires`
    /// of a response say always wins.
    ///
    /// **This time applies to every answer of the handler, even to requests with cookies of layers that this crate does
    /// not know, `axum-login` and `tower-sessions` among them.** An answer to one user then goes to all. Give a time
    /// only to routes whose answer is the same for all clients, or mark the answer for one user as
    /// [`PrivateResponse`](crate::PrivateResponse) or `private`.
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttl = Some(ttl);
        self
    }

    /// The name of this cache in `Cache-Status` (`axum-upstash`).
    pub fn with_name(mut self, name: impl AsRef<str>) -> Self {
        self.settings.name = structured_name(name.as_ref()).into();
        self
    }

    /// The largest body that is stored (1 MiB). A larger one goes to the client as it comes.
    ///
    /// The store has to hold it, with its headers: see [`MemoryResponseStore::with_capacity`], and the largest request that the
    /// plan of a Redis database allows.
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// Reads the time from `clock`.
    ///
    /// A clone with another clock shares the store, but not what the process remembers: times would not agree.
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self.local = Arc::new(Local::new());
        self
    }

    /// The deadline of each call to the store (500 ms). Beyond it a lookup is a miss and a write is given up.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.settings.store_timeout = timeout;
        self
    }

    /// The longest time that a request waits for another request's response (5 s). Then it calls the handler itself.
    ///
    /// nginx has the same as `proxy_cache_lock_timeout`.
    pub fn with_wait_timeout(mut self, timeout: Duration) -> Self {
        self.settings.wait_timeout = timeout;
        self
    }

    /// Whether a request that misses waits for another one that has gone to the handler for the same (`true`). Otherwise
    /// each goes itself.
    ///
    /// On wasm32 it is always off: edge runtimes cancel a request that waits for another one's. They share responses
    /// through the store.
    pub fn with_single_flight(mut self, enabled: bool) -> Self {
        self.settings.single_flight = enabled;
        self
    }

    /// Sets the prefix of the keys in the store (`axum-upstash:cache`). Applications that share a database and a host
    /// name need different ones. A clone with another prefix is another cache: neither finds, waits for or forgets the
    /// other's responses.
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.prefix = prefix.into().into();
        self
    }

    /// Sets which query parameters tell one resource from another (all, as they are). See [`QueryKey`].
    pub fn with_query_key(mut self, query: QueryKey) -> Self {
        self.settings.query = query;
        self
    }

    /// Whether the response to an unsafe method goes out before what it invalidates is deleted from the store (after
    /// it).
    ///
    /// Each such response costs a command, and, if this is off, a round trip: the store does not say beforehand whether it
    /// has anything of the URI. If this is on, another process on the store can answer from the old response until the
    /// deletion is done, for a round trip as a rule; this process does not. If the process ends before, the old response
    /// stays for its time. Without a runtime and without an executor ([`with_background`](Self::with_background)) the response
    /// waits.
    pub fn with_deferred_invalidation(mut self, enabled: bool) -> Self {
        self.settings.invalidates_later = enabled;
        self
    }

    /// Sets the executor of deferred invalidations.
    pub fn with_background(mut self, background: Background) -> Self {
        self.settings.background = background;
        self
    }

    /// Honours `Cache-Control` and `Pragma` of requests (`true`). If enabled, any client can send its requests to the
    /// handler.
    pub fn with_request_directives(mut self, enabled: bool) -> Self {
        self.settings.request_directives = enabled;
        self
    }

    /// Whether responses with `Set-Cookie` are stored, cookies included (they are not). Everyone who asks then gets
    /// the same cookie.
    pub fn with_set_cookie(mut self, enabled: bool) -> Self {
        self.settings.set_cookie = enabled;
        self
    }

    /// Whether a stored 200 without `ETag` gets one, made of its body (it does).
    pub fn with_etag(mut self, enabled: bool) -> Self {
        self.settings.etag = enabled;
        self
    }
}

impl ResponseCacheLayer {
    pub(super) fn cache(&self) -> Cache {
        let (store, local) = (Arc::clone(&self.store), Arc::clone(&self.local));
        Cache { settings: self.settings.clone(), store, breaker: self.breaker.clone(), local }
    }
}

impl fmt::Debug for ResponseCacheLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCacheLayer").field("settings", &self.settings).finish_non_exhaustive()
    }
}
