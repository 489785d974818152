use super::{
    ClientInfoSource, HeaderStyles, Key, KeyExtractor, ProblemRefusal, Refuse, RequestHead, ResponseHead, Rule,
    key::KeySource, queue::Queue, response_cost::ResponseCost, rule::Cost,
};
use crate::{
    Problem,
    client_ip::ClientIpSource,
    ratelimit::{ConcurrencyLimiter, Decision, Ratelimit},
};
use std::{fmt, future::Future, sync::Arc, time::Duration};

/// Limits how often the inner service is called.
///
/// A layer has one [`Rule`], made by [`new`](Self::new), and any number of further ones. All rules that apply to a
/// request are checked at once: the request passes if all of them admit it, and is counted by none if one refuses.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use axum_upstash::{Upstash, ratelimit::SlidingWindow};
/// use http::Request;
/// use std::time::Duration;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let layer = upstash
///     .rate_limit_layer("api", SlidingWindow::new(1, Duration::from_secs(60)))
///     .with_key(|head| head.header("x-api-key").unwrap_or("anonymous").to_owned());
/// let app = Router::new().route("/", get(|| async { "hello" })).layer(layer);
///
/// let request = || Request::get("/").header("x-api-key", "k1").body(Body::empty());
/// assert_eq!(app.clone().oneshot(request()?).await?.status(), 200);
/// assert_eq!(app.oneshot(request()?).await?.status(), 429);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct RateLimitLayer {
    // Cloned with every request, so it is one pointer.
    pub(super) config: Arc<Config>,
}

type Skip = dyn Fn(RequestHead<'_>) -> bool + Send + Sync;
type Observe = dyn Fn(&str, &Decision) + Send + Sync;

#[derive(Clone)]
pub(super) struct Config {
    pub(super) rules: Vec<Rule>,
    /// The key and the cost of rules that set none.
    pub(super) key: KeySource,
    pub(super) cost: Option<Arc<Cost>>,
    pub(super) skip: Option<Arc<Skip>>,
    pub(super) skips_preflights: bool,
    pub(super) client_info: Option<ClientInfoSource>,
    pub(super) refuse: Arc<dyn Refuse>,
    pub(super) styles: HeaderStyles,
    pub(super) shadow: bool,
    pub(super) response_cost: ResponseCost,
    pub(super) observe: Option<Arc<Observe>>,
    pub(super) queue: Option<Queue>,
    pub(super) concurrency: Option<ConcurrencyLimiter>,
}

impl RateLimitLayer {
    /// A layer with one limit for every request, by the address of the peer.
    ///
    /// `name` is the policy's name in the `RateLimit` fields and in refusals. A limiter without a
    /// [prefix](Ratelimit::with_prefix) of its own counts under the name as well, so that two layers never share a count
    /// by accident.
    pub fn new(name: impl AsRef<str>, limiter: Ratelimit) -> Self {
        Self::from_rule(Rule::new(name, limiter))
    }

    /// A layer with one rule. [`with_rule`](Self::with_rule) adds more.
    pub fn from_rule(rule: Rule) -> Self {
        let config = Config {
            rules: vec![rule],
            key: KeySource::extractor(ClientIpSource::default()),
            cost: None,
            skip: None,
            skips_preflights: false,
            client_info: None,
            refuse: Arc::new(ProblemRefusal),
            styles: HeaderStyles::default(),
            shadow: false,
            response_cost: ResponseCost::default(),
            observe: None,
            queue: None,
            concurrency: None,
        };
        Self { config: Arc::new(config) }
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// Adds a rule.
    ///
    /// Limiters whose rules apply to the same request must count in one store: make them from one
    /// [`Upstash`](crate::Upstash), or from one another with [`Ratelimit::with_algorithm`]. They need prefixes of their
    /// own. Otherwise such a request is answered with 500, and the log says why.
    ///
    /// The first rule that applies gives the timeout, the clock and the shared deny list of all. In an outage the
    /// strictest of their [policies](Ratelimit::with_outage_policy) holds. A request that one limiter's allow list lets
    /// pass is counted by none.
    pub fn with_rule(self, rule: Rule) -> Self {
        self.with(|config| {
            let refunds = config.response_cost.refunds();
            config.rules.push(if refunds { rule.map_limiter(unblocked) } else { rule });
        })
    }

    /// Sets the key of all rules that set none: a closure finds it in the head of the request.
    ///
    /// ```
    /// use axum_upstash::{Upstash, ratelimit::{FixedWindow, Key}};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::builder().or_memory().build()?;
    /// let minute = Duration::from_secs(60);
    /// let layer = upstash.rate_limit_layer("tenants", FixedWindow::new(100, minute)).with_key(move |head| {
    ///     match head.header("x-tenant") {
    ///         Some("internal") => Key::Allow,
    ///         Some("acme") => Key::LimitBy("acme".to_owned(), FixedWindow::new(5_000, minute).into()),
    ///         Some(tenant) => Key::from(tenant),
    ///         None => Key::Deny,
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_key<F, K>(self, key: F) -> Self
    where
        F: Fn(RequestHead<'_>) -> K + Send + Sync + 'static,
        K: Into<Key>,
    {
        self.with(|config| config.key = KeySource::closure(key))
    }

    /// Sets the key of all rules that set none: another [`ClientIpSource`], the name of a header, or an extractor of your
    /// own.
    ///
    /// ```
    /// use axum_upstash::{Upstash, client_ip::ClientIpSource, ratelimit::FixedWindow};
    /// use http::header::AUTHORIZATION;
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::builder().or_memory().build()?;
    /// let limit = FixedWindow::new(100, Duration::from_secs(60));
    /// let by_credential = upstash.rate_limit_layer("api", limit).with_key_from(AUTHORIZATION);
    /// let by_address = upstash.rate_limit_layer("web", limit).with_key_from(ClientIpSource::x_forwarded_for(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_key_from(self, key: impl KeyExtractor) -> Self {
        self.with(|config| config.key = KeySource::extractor(key))
    }

    /// Sets a future that finds the key, for all rules that set none, such as the lookup of a token. The closure copies
    /// from the head whatever the future needs.
    ///
    /// ```
    /// use axum_upstash::{Upstash, ratelimit::{FixedWindow, Key}};
    /// use std::time::Duration;
    ///
    /// # async fn tenant_of(token: Option<String>) -> Option<String> { token }
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::builder().or_memory().build()?;
    /// let layer = upstash
    ///     .rate_limit_layer("tenants", FixedWindow::new(100, Duration::from_secs(60)))
    ///     .with_async_key(|head| {
    ///         let token = head.header("authorization").map(str::to_owned);
    ///         async move { Ok(tenant_of(token).await.map_or(Key::Deny, Key::from)) }
    ///     });
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_async_key<F, Fut>(self, key: F) -> Self
    where
        F: Fn(RequestHead<'_>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Key, Problem>> + Send + 'static,
    {
        self.with(|config| config.key = KeySource::future(key))
    }

    /// Sets the cost of a request for all rules that set none (1). A request of cost 0 passes and is not counted.
    pub fn with_cost(self, cost: impl Fn(RequestHead<'_>) -> u32 + Send + Sync + 'static) -> Self {
        self.with(|config| config.cost = Some(Arc::new(cost)))
    }

    /// The limiter of the rule with this name, to refund or reset what the layer counted.
    #[must_use]
    pub fn limiter(&self, rule: &str) -> Option<&Ratelimit> {
        self.config.rules.iter().find(|found| found.policy.name() == rule).map(|found| &found.limiter)
    }

    /// Changes the limiters of all rules, such as their timeout or their outage policy.
    pub fn map_limiters(self, change: impl Fn(Ratelimit) -> Ratelimit) -> Self {
        self.with(|config| config.rules = config.rules.drain(..).map(|rule| rule.map_limiter(&change)).collect())
    }

    /// Leaves requests alone for which `skip` returns `true`: they are not counted, and their responses are not changed.
    pub fn with_skip(self, skip: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.with(|config| config.skip = Some(Arc::new(skip)))
    }

    /// Leaves [CORS preflights](RequestHead::is_cors_preflight) alone.
    ///
    /// They count by default, as they do in express-rate-limit: any client can send one, and a route for every method
    /// (`any`) runs its handler for it. Better put the CORS layer outside of the limit (added after it). It then answers
    /// preflights itself, and a page can read a refusal, which needs the CORS fields as well. This setting is for a limit
    /// that has to be outermost.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use axum_upstash::{Upstash, ratelimit::SlidingWindow};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::builder().or_memory().build()?;
    /// let limit = upstash.rate_limit_layer("all", SlidingWindow::new(100, Duration::from_secs(60)));
    /// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(limit.skip_preflights());
    /// # Ok(())
    /// # }
    /// ```
    pub fn skip_preflights(self) -> Self {
        self.with(|config| config.skips_preflights = true)
    }

    /// Collects facts of the client, for deny lists and analytics.
    pub fn with_client_info(self, source: ClientInfoSource) -> Self {
        self.with(|config| config.client_info = Some(source))
    }

    /// Sets the response to refused requests ([`ProblemRefusal`]).
    pub fn with_refusal(self, refuse: impl Refuse) -> Self {
        self.with(|config| config.refuse = Arc::new(refuse))
    }

    /// Sets the fields of responses ([`HeaderStyles::CURRENT`]). Scripts of other origins see them only if
    /// `Access-Control-Expose-Headers` names them.
    pub fn with_headers(self, styles: HeaderStyles) -> Self {
        self.with(|config| config.styles = styles)
    }

    /// Dry run: evaluates and logs every limit, but never refuses, queues or adds headers.
    ///
    /// The handler finds the refusal in its [`Decision`]. The decision of a request without a key is
    /// [`Reason::Exempt`](crate::ratelimit::Reason::Exempt).
    pub fn with_shadow_mode(self, shadow: bool) -> Self {
        self.with(|config| config.shadow = shadow)
    }

    /// Refunds a request if `refund` returns `true` for its response: by status, by a header, or by an extension of an
    /// inner layer. The refund is made in the background, after the response head.
    ///
    /// Until then the request counts: the limit bounds the requests on their way. **A request whose client goes away
    /// before the response, or whose service returns an error instead of one, is not refunded.** Nor is a request whose
    /// window has ended; a sliding window goes on counting it, ever less, for one more window. Limiters lose their
    /// [block cache](Ratelimit::with_block_cache), because one instance does not see the refunds of another.
    pub fn with_refund_if(self, refund: impl Fn(ResponseHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.with_response(|cost| cost.refund_if(refund))
    }

    /// Counts only failures: a response that is no [failure](ResponseHead::is_failure) is refunded. For logins.
    pub fn skip_successful(self) -> Self {
        self.with_refund_if(|response| !response.is_failure())
    }

    /// Counts only successes: a response that is a [failure](ResponseHead::is_failure) is refunded, and so is a request
    /// whose service returns an error instead of a response.
    pub fn skip_failed(self) -> Self {
        self.with_response(|cost| cost.refund_if(|response| response.is_failure()).refund_errors())
    }

    /// Charges the extra cost in the background, after the response head, never more than what remains. The request itself
    /// is not refused.
    ///
    /// The cost can depend on the size of the response, or on an extension of an inner layer. Each rule that applied
    /// charges it.
    pub fn with_response_cost(self, cost: impl Fn(ResponseHead<'_>) -> u32 + Send + Sync + 'static) -> Self {
        self.with_response(|response| response.extra(cost))
    }

    fn with_response(self, change: impl FnOnce(ResponseCost) -> ResponseCost) -> Self {
        self.with(|config| {
            config.response_cost = change(std::mem::take(&mut config.response_cost));
            if config.response_cost.refunds() {
                config.rules = config.rules.drain(..).map(|rule| rule.map_limiter(unblocked)).collect();
            }
        })
    }

    /// Passes every decision to `observe`, with the name of its policy, for metrics. Of several rules it is the decision
    /// that leaves least. Shadow mode calls it as well.
    ///
    /// ```
    /// use axum_upstash::{Upstash, ratelimit::FixedWindow};
    /// use std::{sync::atomic::{AtomicU64, Ordering}, time::Duration};
    ///
    /// static REFUSED: AtomicU64 = AtomicU64::new(0);
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::builder().or_memory().build()?;
    /// let limit = FixedWindow::new(100, Duration::from_secs(60));
    /// let layer = upstash.rate_limit_layer("api", limit).with_observer(|_policy, decision| {
    ///     if !decision.allowed {
    ///         REFUSED.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_observer(self, observe: impl Fn(&str, &Decision) + Send + Sync + 'static) -> Self {
        self.with(|config| config.observe = Some(Arc::new(observe)))
    }

    /// Queues requests that may not pass yet, for up to `max_wait`, and up to `max_requests` of them at a time.
    ///
    /// A request that cannot pass in that time is refused at once. A request in the queue holds no permit of
    /// [`with_concurrency`](Self::with_concurrency).
    pub fn with_queue(self, max_wait: Duration, max_requests: usize) -> Self {
        self.with(|config| config.queue = Some(Queue::new(max_wait, max_requests)))
    }

    /// Limits how many requests of one key are worked on at a time, until their responses have been sent. The key is that
    /// of the first rule that applies. The work of a WebSocket after its handshake is not part of it.
    ///
    /// A request that is known not to pass, or to pass in any case, needs no permit. If the store of the permits fails,
    /// requests go on without one, unless the outage policy of the first rule's limiter refuses them.
    pub fn with_concurrency(self, limiter: ConcurrencyLimiter) -> Self {
        self.with(|config| config.concurrency = Some(limiter))
    }
}

fn unblocked(limiter: Ratelimit) -> Ratelimit {
    limiter.with_block_cache(None)
}

impl fmt::Debug for RateLimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer")
            .field("rules", &self.config.rules)
            .field("headers", &self.config.styles)
            .field("shadow", &self.config.shadow)
            .finish_non_exhaustive()
    }
}
