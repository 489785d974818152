use super::{
    AsyncKeyExtractor, Head, HeaderStyles, KeyExtractor, OriginSource, ProblemRefusal, RateLimitService, Refuse,
    ResponseHead, Rule, queue::Queue, settlement::Settlement,
};
use crate::ratelimit::{ConcurrencyLimit, Decision, Ratelimit};
use std::{fmt, sync::Arc, time::Duration};
use tower_layer::Layer;

/// Limits how often the inner service is called. See the [module](crate::ratelimit) for an example.
///
/// A layer has one [`Rule`], made by [`new`](Self::new), and any number of further ones. All rules that apply to a
/// request are checked at once; it passes where all of them let it, and is counted by none where one refuses.
#[derive(Clone)]
#[must_use]
pub struct RateLimitLayer {
    // One count to raise for each request, whatever there is to know.
    pub(super) config: Arc<Config>,
}

type Skip = dyn Fn(Head<'_>) -> bool + Send + Sync;
type Observe = dyn Fn(&str, &Decision) + Send + Sync;

#[derive(Clone)]
pub(super) struct Config {
    pub(super) rules: Vec<Rule>,
    pub(super) skip: Option<Arc<Skip>>,
    pub(super) origin: Option<OriginSource>,
    pub(super) refuse: Arc<dyn Refuse>,
    pub(super) styles: HeaderStyles,
    pub(super) shadow: bool,
    pub(super) settlement: Settlement,
    pub(super) observe: Option<Arc<Observe>>,
    pub(super) queue: Option<Queue>,
    pub(super) concurrency: Option<ConcurrencyLimit>,
}

impl RateLimitLayer {
    /// Limits by the address of the peer.
    pub fn new(limiter: Ratelimit) -> Self {
        Self::from_rule(Rule::new("default", limiter))
    }

    /// Limits by a rule. More are added by [`with_rule`](Self::with_rule).
    pub fn from_rule(rule: Rule) -> Self {
        let config = Config {
            rules: vec![rule],
            skip: None,
            origin: None,
            refuse: Arc::new(ProblemRefusal),
            styles: HeaderStyles::default(),
            shadow: false,
            settlement: Settlement::default(),
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

    fn first(self, change: impl FnOnce(Rule) -> Rule) -> Self {
        self.with(|config| {
            let rule = config.rules.remove(0);
            config.rules.insert(0, change(rule));
        })
    }

    /// Adds a rule. Limiters whose rules apply to the same request have to count in one store (make them from one another
    /// by [`Ratelimit::with_algorithm`]) and need prefixes of their own; otherwise such a request is answered with 500, and
    /// the log says why.
    ///
    /// The first rule that applies gives the deadline, the clock and the shared deny list of all. In an outage the
    /// strictest of their [policies](Ratelimit::with_on_outage) holds. Whom one limiter's allow list lets pass is counted
    /// by none.
    pub fn with_rule(self, rule: Rule) -> Self {
        self.with(|config| {
            let refunds = config.settlement.refunds();
            config.rules.push(if refunds { rule.map_limiter(unblocked) } else { rule });
        })
    }

    /// Limits by something else: another [`ClientIpSource`](crate::client_ip::ClientIpSource), the name of a header, a
    /// closure.
    pub fn with_key(self, key: impl KeyExtractor) -> Self {
        self.first(|rule| rule.with_key(key))
    }

    /// Limits by something that has to be waited for.
    pub fn with_async_key(self, key: impl AsyncKeyExtractor) -> Self {
        self.first(|rule| rule.with_async_key(key))
    }

    /// How much a request counts (1). At 0 it passes and is not counted.
    pub fn with_cost(self, cost: impl Fn(Head<'_>) -> u32 + Send + Sync + 'static) -> Self {
        self.first(|rule| rule.with_cost(cost))
    }

    /// The name of the policy in the `RateLimit` fields and in refusals (`default`).
    pub fn with_name(self, name: &str) -> Self {
        self.first(|rule| rule.with_name(name))
    }

    /// What the limiter's keys begin with (`@upstash/ratelimit`). Layers that must not share their counts need prefixes
    /// of their own; so do a bucket and a window whose identifiers clients can choose.
    pub fn with_prefix(self, prefix: &str) -> Self {
        self.map_limiter(|limiter| limiter.with_prefix(prefix))
    }

    /// Changes the limiter: its prefix, deadline, policy on outage.
    pub fn map_limiter(self, change: impl FnOnce(Ratelimit) -> Ratelimit) -> Self {
        self.first(|rule| rule.map_limiter(change))
    }

    /// Leaves requests alone for which `skip` says so: they are not counted and their responses not touched.
    pub fn with_skip(self, skip: impl Fn(Head<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.with(|config| config.skip = Some(Arc::new(skip)))
    }

    /// Finds out where requests come from, for deny lists and analytics.
    pub fn with_origin(self, origin: OriginSource) -> Self {
        self.with(|config| config.origin = Some(origin))
    }

    /// Answers refused requests in another way than with problem+json.
    pub fn with_refusal(self, refuse: impl Refuse) -> Self {
        self.with(|config| config.refuse = Arc::new(refuse))
    }

    /// Which fields responses carry ([`HeaderStyles::CURRENT`]). Scripts of other origins see them only where
    /// `Access-Control-Expose-Headers` names them.
    pub fn with_headers(self, styles: HeaderStyles) -> Self {
        self.with(|config| config.styles = styles)
    }

    /// Counts and logs, but refuses nobody, lets nobody wait and writes no fields: to try a limit out. The handler finds the
    /// refusal in its [`Decision`]; that of a request without a key is [`Basis::Exempt`](crate::ratelimit::Basis::Exempt).
    pub fn with_shadow_mode(self, shadow: bool) -> Self {
        self.with(|config| config.shadow = shadow)
    }

    /// Gives back what a request has cost where its response says so: by status, by a header, or by what an inner layer
    /// left in the extensions. It is done in the background, after the head of the response.
    ///
    /// Until then the request counts: as many can be on their way at once as the limit has room for. **A request whose
    /// client goes away before the response, or whose service returns an error instead of one, is not given back.** Nor is
    /// one whose window has ended meanwhile; a sliding window goes on counting it, ever less, for one more. Limiters lose their
    /// [block cache](Ratelimit::with_block_cache), because one instance does not see what another gives back.
    pub fn with_refund_if(self, refund: impl Fn(ResponseHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.settled(|settlement| settlement.refund_if(refund))
    }

    /// Counts only what fails: a response that is no [failure](ResponseHead::is_failure) is given back. For logins.
    pub fn skip_successful(self) -> Self {
        self.with_refund_if(|response| !response.is_failure())
    }

    /// Counts only what succeeds: a response that is a [failure](ResponseHead::is_failure) is given back, and so is a
    /// request whose service returns an error instead of a response.
    pub fn skip_failed(self) -> Self {
        self.settled(|settlement| settlement.refund_if(|response| response.is_failure()).refund_errors())
    }

    /// Counts more once the response is known: by its size, by what an inner layer left in the extensions. What is left of
    /// the limit is taken at the most, in the background, after the head of the response: the request itself has passed.
    /// It is counted for each rule that applied.
    pub fn with_response_cost(self, cost: impl Fn(ResponseHead<'_>) -> u32 + Send + Sync + 'static) -> Self {
        self.settled(|settlement| settlement.charge(cost))
    }

    fn settled(self, change: impl FnOnce(Settlement) -> Settlement) -> Self {
        self.with(|config| {
            config.settlement = change(std::mem::take(&mut config.settlement));
            if config.settlement.refunds() {
                config.rules = config.rules.drain(..).map(|rule| rule.map_limiter(unblocked)).collect();
            }
        })
    }

    /// Shows every decision to `observe`, with the name of its policy: for metrics. Of several rules it sees the decision
    /// that leaves least. In shadow mode as well.
    ///
    /// ```
    /// use axum_upstash::ratelimit::{Decision, FixedWindow, RateLimitLayer, Ratelimit};
    /// use std::{sync::atomic::{AtomicU64, Ordering}, time::Duration};
    ///
    /// static REFUSED: AtomicU64 = AtomicU64::new(0);
    /// let limiter = Ratelimit::memory(FixedWindow::new(100, Duration::from_secs(60)));
    /// let layer = RateLimitLayer::new(limiter).with_observer(|_policy: &str, decision: &Decision| {
    ///     if !decision.allowed {
    ///         REFUSED.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// });
    /// ```
    pub fn with_observer(self, observe: impl Fn(&str, &Decision) + Send + Sync + 'static) -> Self {
        self.with(|config| config.observe = Some(Arc::new(observe)))
    }

    /// Lets requests wait that may not pass yet, for up to `longest`, and up to `most` of them at a time. A request that
    /// cannot pass in that time is refused at once. Who waits holds no permit of [`with_concurrency`](Self::with_concurrency).
    pub fn with_queue(self, longest: Duration, most: usize) -> Self {
        self.with(|config| config.queue = Some(Queue::new(longest, most)))
    }

    /// Limits how many requests of one key, that of the first rule that applies, are worked on at a time, until their
    /// responses have been sent. What a WebSocket does after its handshake is not part of that.
    ///
    /// A request that is known not to pass, or to pass in any case, needs no permit. Where the permits' store cannot be asked, requests go on without one, unless the first rule's limiter is told to
    /// refuse them in an outage.
    pub fn with_concurrency(self, limit: ConcurrencyLimit) -> Self {
        self.with(|config| config.concurrency = Some(limit))
    }
}

fn unblocked(limiter: Ratelimit) -> Ratelimit {
    limiter.with_block_cache(None)
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
            .field("rules", &self.config.rules)
            .field("headers", &self.config.styles)
            .field("shadow", &self.config.shadow)
            .finish_non_exhaustive()
    }
}
