use super::{
    Check, CheckRequest, CheckResponse, DenyListStore, DynamicLimits, Outcome, RateLimitStore,
    contract::forward_to_inner,
};
use crate::{
    CircuitBreaker, Error, ErrorKind,
    background::Background,
    expiring_map::{ExpiringMap, Spare},
    ratelimit::Algorithm,
    rt::timeout,
};
use futures_core::future::BoxFuture;
use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

/// Takes permits from another store, several at a time, and spends them in memory.
///
/// One request to the store pays for up to so many decisions. What that costs in precision:
///
/// - **Never too many in a window.** Permits are counted when they are taken, and are spent in the window they were taken
///   in, or not at all: a fixed and a sliding window admit no more than their limit.
/// - **A burst may be longer** with a token bucket or GCRA: permits that were taken before a refill may be spent after
///   it. Over all, up to the permits times the instances can pass beyond the limit at once.
/// - **Some may be refused too early.** What one instance has taken and does not need is not there for another, until
///   the window ends: up to the permits, for each instance.
/// - **A request that costs more than one may be refused too early**: the permits here and those in the store are not
///   added up for it.
/// - `remaining` is what is left in the store and here.
///
/// A lease that is on its way is kept, even if the request that asked for it has been dropped. While the store has less
/// than a lease to give, requests ask it one by one and do not wait for each other.
///
/// Requests that cost more than a lease, looks, refunds, several limits at once and shared deny lists go to the store as they
/// are.
///
/// ```
/// use axum_upstash::ratelimit::FixedWindow;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let before = local.requests();
/// let limiter = upstash.ratelimit(FixedWindow::new(1_000, Duration::from_secs(3600))).with_leases(50);
/// for _ in 0..100 {
///     assert!(limiter.limit("user:7").await?.allowed);
/// }
/// assert!(local.requests() - before < 10);
/// # drop(redis);
/// # Ok(())
/// # }
/// ```
pub struct Leases {
    shared: Arc<Shared>,
    /// One of those who need a new lease for the same client fetches it, the others wait for it.
    fetching: Box<[Arc<Mutex<()>>]>,
}

struct Shared {
    inner: Arc<dyn RateLimitStore>,
    permits: u32,
    taken: ExpiringMap<Lease>,
    /// Number of resets of each client, by stripes: a lease from before a reset is void after it.
    resets: [AtomicU64; STRIPES],
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    left: u64,
    /// The end of the window, the next refill, or the time at which a burst is whole again.
    until_ms: u64,
    /// The store's answer when the lease was taken.
    outcome: Option<Outcome>,
    /// The store has less than a lease, for so long.
    dry_until_ms: u64,
}

impl Spare for Lease {}

/// What came of asking for a lease.
enum Fetched {
    Outcome(Outcome),
    /// Less is left than the request needs, or than is worth keeping.
    Dry,
}

const STRIPES: usize = 64;
/// So often a smaller lease is asked for, while others check from the same limit.
const TRIES: usize = 3;
/// No longer than this the store is asked for single permits.
const DRY_MS: u64 = 1_000;

impl Leases {
    /// Takes `permits` at a time.
    pub fn new(inner: Arc<dyn RateLimitStore>, permits: u32) -> Self {
        let taken = ExpiringMap::new(100_000);
        Self {
            shared: Arc::new(Shared {
                inner,
                permits: permits.max(1),
                taken,
                resets: [const { AtomicU64::new(0) }; STRIPES],
                hasher: RandomState::new(),
            }),
            fetching: (0..STRIPES).map(|_| Arc::default()).collect(),
        }
    }

    async fn decide(&self, request: CheckRequest<'_>) -> Result<CheckResponse, Error> {
        let shared = &self.shared;
        let ([check], None) = (request.checks, request.deny) else { return shared.ask(request).await };
        if !shared.leases(check) || shared.is_dry(check, request.now_ms) {
            return shared.ask(request).await;
        }
        let fetching = Arc::clone(&self.fetching[shared.stripe(check)]);
        let turn = if cfg!(target_arch = "wasm32") {
            // An edge runtime cancels a request that waits for another one's.
            fetching.try_lock_owned().ok()
        } else {
            timeout(request.timeout / 2, fetching.lock_owned()).await.ok()
        };
        // The runtime of the fetching request may stand still. Then each request asks for itself.
        let Some(turn) = turn else { return shared.ask(request).await };
        if let Some(outcome) = shared.spend(check, request.now_ms) {
            return Ok(CheckResponse::counted(vec![outcome]));
        }
        if shared.is_dry(check, request.now_ms) {
            drop(turn);
            return shared.ask(request).await;
        }
        match shared.fetch(check, request, turn).await? {
            Fetched::Outcome(outcome) => Ok(CheckResponse::counted(vec![outcome])),
            Fetched::Dry => shared.ask(request).await,
        }
    }
}

impl Shared {
    #[allow(clippy::cast_possible_truncation, reason = "any bits choose a stripe")]
    fn stripe(&self, check: &Check<'_>) -> usize {
        self.hasher.hash_one(check.name()) as usize % STRIPES
    }

    fn resets(&self, check: &Check<'_>) -> &AtomicU64 {
        &self.resets[self.stripe(check)]
    }

    /// Whether this is a matter of leases at all.
    fn leases(&self, check: &Check<'_>) -> bool {
        check.cost > 0 && check.cost < i64::from(self.permits)
    }

    fn is_dry(&self, check: &Check<'_>, now_ms: u64) -> bool {
        self.taken.get(check.name(), now_ms).is_some_and(|lease| now_ms < lease.dry_until_ms)
    }

    fn spend(&self, check: &Check<'_>, now_ms: u64) -> Option<Outcome> {
        let cost = u64::try_from(check.cost).ok()?;
        self.taken.update(check.name(), now_ms, |lease: Option<Lease>| {
            let Some(mut lease) = lease else { return (None, None) };
            let spent = lease.live(now_ms).checked_sub(cost).zip(lease.outcome).map(|(left, outcome)| {
                lease.left = left;
                told(outcome, left)
            });
            (lease.kept(), spent)
        })
    }

    /// Asks the store, and adds what is here to what it says is left.
    async fn ask(&self, request: CheckRequest<'_>) -> Result<CheckResponse, Error> {
        let mut answer = self.inner.check(request).await?;
        for (check, outcome) in request.checks.iter().zip(&mut answer.outcomes) {
            let here = self.taken.get(check.name(), request.now_ms).map_or(0, |lease| lease.live(request.now_ms));
            let allowed = outcome.allowed;
            *outcome = Outcome { allowed, ..told(*outcome, here) };
        }
        Ok(answer)
    }

    /// Fetches a lease, even if its request is dropped: a count in the store must not be lost.
    async fn fetch(
        self: &Arc<Self>,
        check: &Check<'_>,
        request: CheckRequest<'_>,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Fetched, Error> {
        let (sender, receiver) = oneshot::channel();
        let fetch = Fetch {
            shared: Arc::clone(self),
            algorithm: *check.algorithm,
            prefix: check.prefix.to_owned(),
            identifier: check.identifier.to_owned(),
            cost: check.cost,
            dynamic: check.dynamic,
            now_ms: request.now_ms,
            timeout: request.timeout,
            background: request.background.clone(),
        };
        let work: BoxFuture<'static, ()> = Box::pin(async move {
            fetch.run(sender).await;
            drop(turn);
        });
        if let Err(work) = request.background.drive(work) {
            work.await;
        }
        receiver.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Interrupted, "the runtime ended")))
    }

    /// Puts what was taken with what is there.
    fn keep(&self, check: &Check<'_>, outcome: Outcome, left: u64, resets: u64, now_ms: u64) -> Outcome {
        self.taken.update(check.name(), now_ms, |lease: Option<Lease>| {
            let valid = self.resets(check).load(Ordering::Acquire) == resets;
            let left = if valid { left } else { 0 } + lease.map_or(0, |lease| lease.live(now_ms));
            let lease = Lease { left, until_ms: outcome.reset_ms, outcome: Some(outcome), dry_until_ms: 0 };
            (lease.kept(), told(outcome, left))
        })
    }

    fn dry(&self, check: &Check<'_>, outcome: &Outcome, now_ms: u64) {
        let wait = outcome.next_ms.unwrap_or(DRY_MS).clamp(1, DRY_MS);
        self.taken.update(check.name(), now_ms, |lease: Option<Lease>| {
            let none = Lease { left: 0, until_ms: 0, outcome: None, dry_until_ms: 0 };
            let lease = Lease { dry_until_ms: now_ms.saturating_add(wait), ..lease.unwrap_or(none) };
            (lease.kept(), ())
        });
    }
}

/// The fetch of a lease, which may outlive the request that asked for it.
struct Fetch {
    shared: Arc<Shared>,
    algorithm: Algorithm,
    prefix: String,
    identifier: String,
    cost: i64,
    dynamic: DynamicLimits,
    now_ms: u64,
    timeout: Duration,
    background: Background,
}

impl Fetch {
    async fn run(self, sender: oneshot::Sender<Result<Fetched, Error>>) {
        let check = Check::new(&self.algorithm, &self.prefix, &self.identifier).with_dynamic(self.dynamic);
        let resets = self.shared.resets(&check).load(Ordering::Acquire);
        let limit = i64::try_from(self.algorithm.limit()).unwrap_or(i64::MAX);
        let mut wanted = i64::from(self.shared.permits).min(limit).max(self.cost);
        for _ in 0..TRIES {
            let outcome = match self.take(check.with_cost(wanted)).await {
                Ok(outcome) => outcome,
                Err(error) => return drop(sender.send(Err(error))),
            };
            if outcome.allowed {
                // Who has gone has spent nothing.
                let spent = if sender.is_closed() { 0 } else { self.cost };
                let left = u64::try_from(wanted - spent).unwrap_or(0);
                let outcome = self.shared.keep(&check, outcome, left, resets, self.now_ms);
                return drop(sender.send(Ok(Fetched::Outcome(outcome))));
            }
            // Fewer than a whole lease are left: as many as there are, if that is enough for this one.
            let left = i64::try_from(outcome.remaining).unwrap_or(i64::MAX);
            if wanted == self.cost || left < self.cost {
                self.shared.dry(&check, &outcome, self.now_ms);
                break;
            }
            wanted = if left < wanted { left } else { self.cost };
        }
        drop(sender.send(Ok(Fetched::Dry)));
    }

    async fn take(&self, check: Check<'_>) -> Result<Outcome, Error> {
        let checks = [check];
        let request =
            CheckRequest { timeout: self.timeout, ..CheckRequest::at(&checks, self.now_ms, &self.background) };
        let late = || Error::new(ErrorKind::Timeout, "the rate limit store did not answer in time");
        let answer = timeout(self.timeout, self.shared.inner.check(request)).await;
        let answer = answer.map_err(|_| late())??;
        let none = || Error::new(ErrorKind::Decode, "the rate limit store gave no outcome");
        answer.outcomes.first().copied().ok_or_else(none)
    }
}

impl Lease {
    /// What can be spent of it.
    fn live(&self, now_ms: u64) -> u64 {
        if now_ms < self.until_ms { self.left } else { 0 }
    }

    fn kept(self) -> Option<(Self, u64)> {
        let until_ms = if self.left > 0 { self.until_ms } else { 0 };
        Some((self, until_ms.max(self.dry_until_ms)))
    }
}

/// What a request is told while so much is here.
fn told(outcome: Outcome, left: u64) -> Outcome {
    // Permits are left here, so the client is not blocked, no matter the count in the store.
    let known = left == 0;
    Outcome {
        allowed: true,
        remaining: outcome.remaining.saturating_add(left),
        next_ms: outcome.next_ms.filter(|_| known),
        state: outcome.state.filter(|_| known),
        ..outcome
    }
}

impl std::fmt::Debug for Leases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shared = &self.shared;
        f.debug_struct("Leases").field("inner", &shared.inner).field("permits", &shared.permits).finish_non_exhaustive()
    }
}

impl RateLimitStore for Leases {
    fn check<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<CheckResponse, Error>> {
        Box::pin(self.decide(request))
    }

    fn try_check_local(&self, request: CheckRequest<'_>) -> Option<Outcome> {
        let shared = &self.shared;
        match request.checks {
            [check] if shared.leases(check) => shared.spend(check, request.now_ms),
            _ => shared.inner.try_check_local(request),
        }
    }

    fn reset<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let forget = || {
                for check in request.checks {
                    self.shared.resets(check).fetch_add(1, Ordering::AcqRel);
                    self.shared.taken.remove(check.name());
                }
            };
            forget();
            let done = self.shared.inner.reset(request).await;
            // A lease that was fetched meanwhile was counted before this.
            forget();
            done
        })
    }

    forward_to_inner!(self => self.shared.inner);
}
