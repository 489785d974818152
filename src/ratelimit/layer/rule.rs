use super::{
    Key, KeyExtractor, RequestHead,
    headers::Policy,
    key::{FoundKey, KeySource},
};
use crate::{
    Problem,
    never_seen::{LENIENT, NeverSeen},
    ratelimit::Ratelimit,
};
use http::Method;
use std::{fmt, future::Future, sync::Arc};

/// One limit of a layer: the requests it applies to, their key and their cost.
///
/// A key or a cost that the rule does not set is the layer's.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{FixedWindow, RateLimitLayer, Rule, SlidingWindow}};
/// use http::Method;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let login = upstash.ratelimit(FixedWindow::new(5, Duration::from_secs(300)));
/// let layer = upstash
///     .rate_limit_layer("all", SlidingWindow::new(100, Duration::from_secs(60)))
///     .with_cost(|head| if head.path().starts_with("/export") { 10 } else { 1 })
///     .with_rule(Rule::new("login", login).with_method(Method::POST).with_route("/login").with_cost(|_| 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Rule {
    pub(super) policy: Policy,
    pub(super) limiter: Ratelimit,
    key: Option<KeySource>,
    cost: Option<Arc<Cost>>,
    methods: Vec<Method>,
    routes: Vec<Box<str>>,
    path_prefixes: Vec<Box<str>>,
    unmatched: Arc<NeverSeen>,
}

/// The cost of a request.
pub(super) type Cost = dyn Fn(RequestHead<'_>) -> u32 + Send + Sync;

impl Rule {
    /// A limit for every request.
    ///
    /// `name` is the policy's name in the `RateLimit` fields and in refusals. A limiter without a prefix of its own
    /// counts under the name as well, so that two rules never share a count by accident.
    pub fn new(name: impl AsRef<str>, limiter: Ratelimit) -> Self {
        let limiter = limiter.named(name.as_ref());
        Self {
            policy: Policy::new(name.as_ref(), limiter.algorithm()),
            limiter,
            key: None,
            cost: None,
            methods: Vec::new(),
            routes: Vec::new(),
            path_prefixes: Vec::new(),
            unmatched: Arc::default(),
        }
    }

    /// Applies to requests with this method. Call repeatedly to match any of several. A rule for `GET` applies to `HEAD`
    /// as well, which routers answer with the same handler.
    pub fn with_method(mut self, method: Method) -> Self {
        self.methods.push(method);
        self
    }

    /// Applies to this route template, including nested prefixes (`/api/users/{id}`). A trailing `*` matches any route
    /// that starts with the text before it. Call repeatedly to match any of several.
    ///
    /// A layer around the router, instead of on it, compares the path: no route has been matched by then. A template
    /// with a `{` that never meets a matched route is logged once.
    pub fn with_route(mut self, route: impl AsRef<str>) -> Self {
        self.routes.push(route.as_ref().into());
        self
    }

    /// Applies to paths that start with this text, as the client sent them. Call repeatedly to match any of several, or
    /// a route.
    pub fn with_path_prefix(mut self, prefix: impl AsRef<str>) -> Self {
        self.path_prefixes.push(prefix.as_ref().into());
        self
    }

    /// Counts by a key that a closure finds in the head of the request, instead of the layer's key.
    pub fn with_key<F, K>(mut self, key: F) -> Self
    where
        F: Fn(RequestHead<'_>) -> K + Send + Sync + 'static,
        K: Into<Key>,
    {
        self.key = Some(KeySource::closure(key));
        self
    }

    /// Counts by another [`ClientIpSource`](crate::client_ip::ClientIpSource), the value of a header, or an extractor of your own, instead of the layer's
    /// key.
    pub fn with_key_from(mut self, key: impl KeyExtractor) -> Self {
        self.key = Some(KeySource::extractor(key));
        self
    }

    /// Counts by a key that a future finds, instead of the layer's key.
    pub fn with_async_key<F, Fut>(mut self, key: F) -> Self
    where
        F: Fn(RequestHead<'_>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Key, Problem>> + Send + 'static,
    {
        self.key = Some(KeySource::future(key));
        self
    }

    /// Sets the cost of a request, instead of the layer's (1). A request of cost 0 passes and is not counted.
    pub fn with_cost(mut self, cost: impl Fn(RequestHead<'_>) -> u32 + Send + Sync + 'static) -> Self {
        self.cost = Some(Arc::new(cost));
        self
    }

    pub(super) fn map_limiter(mut self, change: impl FnOnce(Ratelimit) -> Ratelimit) -> Self {
        self.limiter = change(self.limiter);
        self.policy = Policy::new(self.policy.name(), self.limiter.algorithm());
        self
    }

    pub(super) fn applies(&self, head: RequestHead<'_>) -> bool {
        let is_method =
            |listed: &Method| listed == head.method() || (listed == Method::GET && head.method() == Method::HEAD);
        if !self.methods.is_empty() && !self.methods.iter().any(is_method) {
            return false;
        }
        if self.routes.is_empty() && self.path_prefixes.is_empty() {
            return true;
        }
        self.path_prefixes.iter().any(|prefix| head.path().starts_with(&**prefix)) || self.is_route(head)
    }

    fn is_route(&self, head: RequestHead<'_>) -> bool {
        let has_parameters = self.routes.iter().any(|route| route.contains('{'));
        if has_parameters && self.unmatched.is_never_seen(head.is_matched(), LENIENT) {
            tracing::error!(
                policy = self.policy.name(),
                "a rate limit for a route with parameters met no matched route in {LENIENT} requests: is the layer \
                 around the router, instead of on it?"
            );
        }
        let matched = head.matched_path();
        self.routes.iter().any(|route| match route.strip_suffix('*') {
            Some(start) => matched.starts_with(start),
            None => matched == &**route,
        })
    }

    pub(super) fn key(&self, head: RequestHead<'_>, default: &KeySource) -> FoundKey {
        self.key.as_ref().unwrap_or(default).find(head)
    }

    pub(super) fn cost(&self, head: RequestHead<'_>, default: Option<&Cost>) -> u32 {
        self.cost.as_deref().or(default).map_or(1, |cost| cost(head))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("policy", &self.policy)
            .field("limiter", &self.limiter)
            .field("methods", &self.methods)
            .field("routes", &self.routes)
            .field("path_prefixes", &self.path_prefixes)
            .finish_non_exhaustive()
    }
}
