use super::{KeyExtractor, RateLimitService, Ratelimit, Refuse, headers::RateLimitHeaders, refusal::ProblemRefusal};
use crate::client_ip::ClientIpSource;
use std::{fmt, sync::Arc};
use tower_layer::Layer;

/// Limits how often the inner service is called. See the [module](crate::ratelimit) for an example.
#[derive(Clone)]
#[must_use]
pub struct RateLimitLayer {
    pub(super) limiter: Ratelimit,
    pub(super) key: Arc<dyn KeyExtractor>,
    pub(super) refuse: Arc<dyn Refuse>,
    pub(super) headers: Arc<RateLimitHeaders>,
    pub(super) send_headers: bool,
}

impl RateLimitLayer {
    /// Limits by the address of the peer.
    pub fn new(limiter: Ratelimit) -> Self {
        let headers = Arc::new(RateLimitHeaders::new("default", limiter.algorithm()));
        Self {
            limiter,
            key: Arc::new(ClientIpSource::peer()),
            refuse: Arc::new(ProblemRefusal),
            headers,
            send_headers: true,
        }
    }

    /// Limits by something else: another [`ClientIpSource`], the name of a header, a closure.
    pub fn with_key(mut self, key: impl KeyExtractor) -> Self {
        self.key = Arc::new(key);
        self
    }

    /// The name of the policy in the `RateLimit` fields and in refusals (`default`).
    pub fn with_name(mut self, name: &str) -> Self {
        self.headers = Arc::new(RateLimitHeaders::new(name, self.limiter.algorithm()));
        self
    }

    /// Answers refused requests in another way than with problem+json.
    pub fn with_refusal(mut self, refuse: impl Refuse) -> Self {
        self.refuse = Arc::new(refuse);
        self
    }

    /// Whether responses carry the `RateLimit` fields (they do).
    pub fn with_headers(mut self, send: bool) -> Self {
        self.send_headers = send;
        self
    }

    /// What the limiter's keys begin with (`@upstash/ratelimit`). Layers that must not share their counts need prefixes
    /// of their own; so do a bucket and a window whose identifiers clients can choose.
    pub fn with_prefix(self, prefix: &str) -> Self {
        self.map_limiter(|limiter| limiter.with_prefix(prefix))
    }

    /// Changes the limiter: its prefix, deadline, policy on outage.
    pub fn map_limiter(mut self, change: impl FnOnce(Ratelimit) -> Ratelimit) -> Self {
        self.limiter = change(self.limiter);
        self.headers = Arc::new(RateLimitHeaders::new(self.headers.name(), self.limiter.algorithm()));
        self
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
            .field("limiter", &self.limiter)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
