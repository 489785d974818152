use super::{AsyncKeyExtractor, Head, Key, KeyExtractor, headers::Policy};
use crate::{
    Problem,
    client_ip::ClientIpSource,
    never_seen::{LENIENT, NeverSeen},
    ratelimit::Ratelimit,
};
use futures_core::future::BoxFuture;
use http::Method;
use std::{fmt, sync::Arc};

/// One limit of a layer: for which requests, by which key, at which cost.
///
/// ```
/// use axum_upstash::ratelimit::{FixedWindow, Head, RateLimitLayer, Ratelimit, Rule, SlidingWindow};
/// use http::Method;
/// use std::time::Duration;
///
/// // From one another, so that both are checked together; with prefixes of their own.
/// let all = Ratelimit::memory(SlidingWindow::new(100, Duration::from_secs(60))).with_prefix("all");
/// let login = all.clone().with_algorithm(FixedWindow::new(5, Duration::from_secs(300))).with_prefix("login");
/// let layer = RateLimitLayer::new(all)
///     .with_cost(|head: Head<'_>| if head.uri().path().starts_with("/export") { 10 } else { 1 })
///     .with_rule(Rule::new("login", login).with_method(Method::POST).with_path("/login"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Rule {
    pub(super) policy: Policy,
    pub(super) limiter: Ratelimit,
    key: KeySource,
    cost: Option<Arc<Cost>>,
    methods: Vec<Method>,
    paths: Vec<Box<str>>,
    unmatched: Arc<NeverSeen>,
}

type Cost = dyn Fn(Head<'_>) -> u32 + Send + Sync;

#[derive(Clone)]
enum KeySource {
    Now(Arc<dyn KeyExtractor>),
    Later(Arc<dyn AsyncKeyExtractor>),
}

/// A key, or what it has to be waited for by.
pub(super) enum FoundKey {
    Now(Result<Key, Problem>),
    Later(BoxFuture<'static, Result<Key, Problem>>),
}

impl Rule {
    /// A limit for every request, by the address of the peer. `name` is the policy's name in the `RateLimit` fields and in
    /// refusals.
    pub fn new(name: &str, limiter: Ratelimit) -> Self {
        Self {
            policy: Policy::new(name, limiter.algorithm()),
            limiter,
            key: KeySource::Now(Arc::new(ClientIpSource::peer())),
            cost: None,
            methods: Vec::new(),
            paths: Vec::new(),
            unmatched: Arc::default(),
        }
    }

    /// Only for requests with this method; given several times, with one of these. A rule for `GET` is one for `HEAD` as
    /// well, which routers answer by the same handler.
    pub fn with_method(mut self, method: Method) -> Self {
        self.methods.push(method);
        self
    }

    /// Only for this route, as it was given to axum's routers: `/users/{id}`, in a nested one with what it is nested at:
    /// `/api/users/{id}`. With `*` at its end, for all that begin so. Given several times, for one of these.
    ///
    /// Where there is no router, or the layer stands around all of it, the path of the request is compared: nothing has
    /// been matched by then. A rule with a `{` that never meets a matched route is logged once.
    pub fn with_path(mut self, path: &str) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Counts by something else than the peer: a [`ClientIpSource`], the name of a header, a closure.
    pub fn with_key(mut self, key: impl KeyExtractor) -> Self {
        self.key = KeySource::Now(Arc::new(key));
        self
    }

    /// Counts by something that has to be waited for.
    pub fn with_async_key(mut self, key: impl AsyncKeyExtractor) -> Self {
        self.key = KeySource::Later(Arc::new(key));
        self
    }

    /// How much a request counts (1). At 0 it passes and is not counted.
    pub fn with_cost(mut self, cost: impl Fn(Head<'_>) -> u32 + Send + Sync + 'static) -> Self {
        self.cost = Some(Arc::new(cost));
        self
    }

    pub(super) fn with_name(mut self, name: &str) -> Self {
        self.policy = Policy::new(name, self.limiter.algorithm());
        self
    }

    pub(super) fn map_limiter(mut self, change: impl FnOnce(Ratelimit) -> Ratelimit) -> Self {
        self.limiter = change(self.limiter);
        self.policy = Policy::new(self.policy.name(), self.limiter.algorithm());
        self
    }

    pub(super) fn applies(&self, head: Head<'_>) -> bool {
        let method =
            |listed: &Method| listed == head.method() || (listed == Method::GET && head.method() == Method::HEAD);
        if !self.methods.is_empty() && !self.methods.iter().any(method) {
            return false;
        }
        self.paths.is_empty() || {
            let route = head.matched_path();
            let patterns = self.paths.iter().any(|path| path.contains('{'));
            if patterns && self.unmatched.is_never_seen(head.is_matched(), LENIENT) {
                tracing::error!(
                    policy = self.policy.name(),
                    "a rate limit for a route with parameters has met no matched route in {LENIENT} requests: is the \
                     layer around the router, instead of on it?"
                );
            }
            self.paths.iter().any(|path| match path.strip_suffix('*') {
                Some(start) => route.starts_with(start),
                None => route == &**path,
            })
        }
    }

    pub(super) fn key(&self, head: Head<'_>) -> FoundKey {
        match &self.key {
            KeySource::Now(key) => FoundKey::Now(key.key(head)),
            KeySource::Later(key) => FoundKey::Later(key.key(head)),
        }
    }

    pub(super) fn cost(&self, head: Head<'_>) -> u32 {
        self.cost.as_ref().map_or(1, |cost| cost(head))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("policy", &self.policy)
            .field("limiter", &self.limiter)
            .field("methods", &self.methods)
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}
