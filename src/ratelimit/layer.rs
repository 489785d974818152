use super::{KeyExtractor, RateLimitService, Ratelimit, Refuse, headers::RateLimitHeaders, refusal::ProblemRefusal};
use crate::client_ip::ClientIpSource;
use std::{fmt, sync::Arc};
use tower_layer::Layer;

/// Limits how often the inner service is called. See the [module](crate::ratelimit) for an example.
#[derive(Clone)]
#[must_use]
pub struct RateLimitLayer {
    // One count to raise for each request, whatever there is to know.
    pub(super) config: Arc<Config>,
}

#[derive(Clone)]
pub(super) struct Config {
    pub(super) limiter: Ratelimit,
    pub(super) key: Arc<dyn KeyExtractor>,
    pub(super) refuse: Arc<dyn Refuse>,
    pub(super) headers: RateLimitHeaders,
    pub(super) send_headers: bool,
}

impl RateLimitLayer {
    /// Limits by the address of the peer.
    pub fn new(limiter: Ratelimit) -> Self {
        let headers = RateLimitHeaders::new("default", limiter.algorithm());
        let (key, refuse) = (Arc::new(ClientIpSource::peer()), Arc::new(ProblemRefusal));
        Self { config: Arc::new(Config { limiter, key, refuse, headers, send_headers: true }) }
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// Limits by something else: another [`ClientIpSource`], the name of a header, a closure.
    pub fn with_key(self, key: impl KeyExtractor) -> Self {
        self.with(|config| config.key = Arc::new(key))
    }

    /// The name of the policy in the `RateLimit` fields and in refusals (`default`).
    pub fn with_name(self, name: &str) -> Self {
        self.with(|config| config.headers = RateLimitHeaders::new(name, config.limiter.algorithm()))
    }

    /// Answers refused requests in another way than with problem+json.
    pub fn with_refusal(self, refuse: impl Refuse) -> Self {
        self.with(|config| config.refuse = Arc::new(refuse))
    }

    /// Whether responses carry the `RateLimit` fields (they do).
    pub fn with_headers(self, send: bool) -> Self {
        self.with(|config| config.send_headers = send)
    }

    /// What the limiter's keys begin with (`@upstash/ratelimit`). Layers that must not share their counts need prefixes
    /// of their own; so do a bucket and a window whose identifiers clients can choose.
    pub fn with_prefix(self, prefix: &str) -> Self {
        self.map_limiter(|limiter| limiter.with_prefix(prefix))
    }

    /// Changes the limiter: its prefix, deadline, policy on outage.
    pub fn map_limiter(self, change: impl FnOnce(Ratelimit) -> Ratelimit) -> Self {
        self.with(|config| {
            config.limiter = change(config.limiter.clone());
            config.headers = RateLimitHeaders::new(config.headers.name(), config.limiter.algorithm());
        })
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitService::new(inner, self.clone())
    }
}

impl fmt::Debug for RateLimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer")
            .field("limiter", &self.config.limiter)
            .field("headers", &self.config.headers)
            .finish_non_exhaustive()
    }
}
