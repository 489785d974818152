use super::{
    Check, CheckRequest, CheckResponse, DenyListStore, DynamicLimits, Outcome, RateLimitStore,
    contract::forward_to_inner,
};
use crate::{
    CircuitBreaker, Error, ErrorKind,
    background::Background,
    expiring_map::{ExpiringMap, Spare},
    ratelimit::{
        Algorithm, FixedWindow,
        algorithms::{State, Window},
    },
};
use futures_core::future::BoxFuture;
use std::{sync::Arc, time::Duration};

/// Counts fixed windows in memory, and tells another store afterwards.
///
/// Only the first requests of a client in a window wait for the store. The others are decided by what the store said
/// last and what was counted here since; one request in the background carries all that came in meanwhile, and brings
/// back what others have counted. What that costs in precision:
///
/// - one instance never admits more than the limit in a window;
/// - over all instances, the requests that they admit while a request to the store is on its way can be too many: at
///   worst the limit for each instance, if all of them spend it within one round trip at the beginning of a window;
/// - what the store did not check, because others had used up the limit, is not counted there, and this instance admits
///   nothing more in that window;
/// - what other instances give back or reset is seen after a second by an instance that counts no more, unless a
///   [`BlockCache`](crate::ratelimit::BlockCache) keeps its requests from the store, or the store did not check something;
/// - of what the store did not answer in time it is not known whether it was counted; it is told only once.
///
/// With other algorithms, dynamic limits, several limits at once and looks it goes to the store as it is.
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
/// let limiter = upstash.ratelimit(FixedWindow::new(1_000, Duration::from_secs(3600))).with_local_counter();
/// for _ in 0..100 {
///     assert!(limiter.limit("user:7").await?.allowed);
/// }
/// limiter.background().finished().await;
/// assert!(local.requests() - before < 100);
/// # drop(redis);
/// # Ok(())
/// # }
/// ```
pub struct LocalCounter {
    inner: Arc<dyn RateLimitStore>,
    windows: Arc<Windows>,
}

type Windows = ExpiringMap<Local>;

#[derive(Debug, Clone, Copy, Default)]
struct Local {
    index: u64,
    /// Whether the store has said anything yet.
    known: bool,
    /// The count in the store, from this process and from all others.
    stored: i64,
    /// The count that has not been sent to the store.
    unsent: i64,
    /// The count that is being sent to the store.
    sending: i64,
    /// The count of requests that wait for the store's answer.
    asking: i64,
    /// How often it has answered.
    answers: u32,
    /// When it last did.
    answered_ms: u64,
    /// It did not check what was let through here: until the window ends nothing more is, and nothing is learned.
    closed: bool,
    /// How long an answer may take.
    timeout: Duration,
}

impl Spare for Local {}

/// Time after which the store is asked again about a refusal: a refund may have come from another process.
const REFUSES_MS: u64 = 1_000;

impl LocalCounter {
    /// Counts in front of this store.
    pub fn new(inner: Arc<dyn RateLimitStore>) -> Self {
        Self { inner, windows: Arc::new(ExpiringMap::new(100_000)) }
    }

    /// Decides here, if the store has answered for this window.
    fn count(&self, check: &Check<'_>, window: &FixedWindow, now_ms: u64, background: &Background) -> Option<Outcome> {
        let index = window.window_index(now_ms);
        let (outcome, send) = self.windows.update(check.name(), now_ms, |local: Option<Local>| {
            let Some(mut local) = local else { return (None, (None, false)) };
            if local.index != index || !local.known {
                return (Some(local.kept(check.algorithm)), (None, false));
            }
            let current = local.stored + local.unsent + local.sending + local.asking;
            let state = State::Window(Window { index, previous: 0, current });
            let (outcome, _) = check.algorithm.decide(now_ms, Some(state), check.cost);
            let quiet = local.is_quiet() && local.unsent == 0 && !local.closed;
            if !outcome.allowed && quiet && now_ms >= local.answered_ms.saturating_add(REFUSES_MS) {
                return (Some(local.kept(check.algorithm)), (None, false));
            }
            // A count on its way is taken as allowed: it must not block the client for the whole window.
            let outcome = Outcome { state: None, ..outcome };
            if outcome.allowed {
                local.unsent += check.cost;
            }
            let send = local.sending == 0 && local.unsent > 0;
            if send {
                (local.sending, local.unsent) = (local.unsent, 0);
            }
            (Some(local.kept(check.algorithm)), (Some(outcome), send))
        });
        if send {
            let sending = Sending {
                inner: Arc::clone(&self.inner),
                place: Place::new(&self.windows, check, index, now_ms),
                background: background.clone(),
                told: false,
            };
            sending.start();
        }
        outcome
    }

    async fn decide(&self, request: CheckRequest<'_>) -> Result<CheckResponse, Error> {
        let Some((check, window)) = counts_here(request.checks, request.deny.is_some()) else {
            return self.inner.check(request).await;
        };
        let place = || Place::new(&self.windows, check, window.window_index(request.now_ms), request.now_ms);
        if check.cost < 0 {
            let answer = self.inner.check(request).await?;
            place().update(|local| {
                local.stored += check.cost;
                local.answers = local.answers.wrapping_add(1);
            });
            return Ok(answer);
        }
        if let Some(outcome) = self.count(check, window, request.now_ms, request.background) {
            return Ok(CheckResponse::counted(vec![outcome]));
        }
        let asking = Asking::begin(place(), check.cost, request.timeout);
        let answer = self.inner.check(request).await?;
        if let [outcome] = answer.outcomes[..] {
            asking.answered(&outcome);
        }
        Ok(answer)
    }
}

fn counts_here<'a>(checks: &'a [Check<'a>], denies: bool) -> Option<(&'a Check<'a>, &'a FixedWindow)> {
    match checks {
        [check] if !denies && check.cost != 0 && check.dynamic == DynamicLimits::Off => match check.algorithm {
            Algorithm::FixedWindow(window) => Some((check, window)),
            _ => None,
        },
        _ => None,
    }
}

impl Local {
    /// With the time at which its window ends.
    fn kept(self, algorithm: &Algorithm) -> (Self, u64) {
        let window = Window { index: self.index, previous: 0, current: 0 };
        (self, algorithm.expires_ms(State::Window(window)))
    }

    /// Whether nothing else is on its way.
    fn is_quiet(&self) -> bool {
        self.sending == 0 && self.asking == 0
    }

    /// Learns the store's count. If other answers may be older or newer than this one, the highest count holds; if
    /// `alone`, this answer holds.
    fn learn(&mut self, outcome: &Outcome, alone: bool, now_ms: u64) {
        let limit = i64::try_from(outcome.limit).unwrap_or(i64::MAX);
        // Refused for want of room: nothing more is let through here, whatever small rest there may be.
        let refused = !outcome.allowed && outcome.remaining == 0;
        let stored = if refused { limit } else { limit - i64::try_from(outcome.remaining).unwrap_or(0) };
        self.stored = if alone && !self.closed { stored } else { self.stored.max(stored) };
        self.known = true;
        self.answers = self.answers.wrapping_add(1);
        self.answered_ms = self.answered_ms.max(now_ms);
    }
}

/// A client's window, for work that outlives the request.
struct Place {
    windows: Arc<Windows>,
    algorithm: Algorithm,
    prefix: String,
    identifier: String,
    index: u64,
    now_ms: u64,
}

impl Place {
    fn new(windows: &Arc<Windows>, check: &Check<'_>, index: u64, now_ms: u64) -> Self {
        let (prefix, identifier) = (check.prefix.to_owned(), check.identifier.to_owned());
        Self { windows: Arc::clone(windows), algorithm: *check.algorithm, prefix, identifier, index, now_ms }
    }

    fn check(&self) -> Check<'_> {
        Check::new(&self.algorithm, &self.prefix, &self.identifier)
    }

    /// Changes the record of the window, if it is still the current one. A reset is not undone.
    fn update(&self, change: impl FnOnce(&mut Local)) {
        self.windows.update(self.check().name(), self.now_ms, |local: Option<Local>| {
            let Some(mut local) = local else { return (None, ()) };
            if local.index == self.index {
                change(&mut local);
            }
            (Some(local.kept(&self.algorithm)), ())
        });
    }
}

/// A request that waits for the store.
struct Asking {
    place: Place,
    cost: i64,
    /// The number of answers of the store, if no other request was on its way.
    alone: Option<u32>,
}

impl Asking {
    fn begin(place: Place, cost: i64, timeout: Duration) -> Self {
        let index = place.index;
        let alone = place.windows.update(place.check().name(), place.now_ms, |local: Option<Local>| {
            // A clock that was set back, or a thread that is late, leaves the newer window alone.
            let fresh = Local { index, ..Local::default() };
            let mut local = local.filter(|local| local.index >= index).unwrap_or(fresh);
            let alone = local.is_quiet().then_some(local.answers);
            if local.index == index {
                local.asking += cost;
                local.timeout = timeout;
            }
            (Some(local.kept(&place.algorithm)), alone)
        });
        Self { place, cost, alone }
    }

    fn answered(mut self, outcome: &Outcome) {
        let cost = std::mem::take(&mut self.cost);
        self.place.update(|local| {
            local.asking = (local.asking - cost).max(0);
            let alone = self.alone == Some(local.answers) && local.is_quiet();
            local.learn(outcome, alone, self.place.now_ms);
        });
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if self.cost > 0 {
            self.place.update(|local| local.asking = (local.asking - self.cost).max(0));
        }
    }
}

/// A count that has to be sent to the store, independent of the request that caused it.
struct Sending {
    inner: Arc<dyn RateLimitStore>,
    place: Place,
    background: Background,
    told: bool,
}

impl Sending {
    fn start(self) {
        self.background.clone().run(self.run());
    }

    /// Sends once. Counts of the meantime are sent by new work, so that a wait for this one comes to an end.
    async fn run(mut self) {
        let (mut amount, mut timeout) = (0, Duration::ZERO);
        self.place.update(|local| (amount, timeout) = (local.sending, local.timeout));
        let checks = [self.place.check().with_cost(amount)];
        let request = CheckRequest { timeout, ..CheckRequest::at(&checks, self.place.now_ms, &self.background) };
        let answer = self.inner.check(request).await;
        match answer.as_ref().map(|answer| answer.outcomes.first()) {
            Ok(Some(outcome)) => {
                let closed = !outcome.allowed;
                let outcome = if closed { Outcome { remaining: 0, ..*outcome } } else { *outcome };
                self.place.update(|local| {
                    local.closed |= closed;
                    local.learn(&outcome, false, self.place.now_ms);
                    (local.sending, local.unsent) = (local.unsent, 0);
                    amount = local.sending;
                });
                if amount > 0 {
                    self.start();
                } else {
                    self.told = true;
                }
            }
            // The next request tries again.
            Ok(None) => {}
            Err(error) => {
                let error = error.clone().without_key();
                tracing::debug!(%error, "the local count could not be sent to the store yet");
                // The count may have arrived. Sent again, it would count twice, against the client.
                if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Interrupted) {
                    self.place.update(|local| local.stored += std::mem::take(&mut local.sending));
                }
            }
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.told {
            self.place.update(|local| local.unsent += std::mem::take(&mut local.sending));
        }
    }
}

impl std::fmt::Debug for LocalCounter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalCounter").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl RateLimitStore for LocalCounter {
    fn check<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<CheckResponse, Error>> {
        Box::pin(self.decide(request))
    }

    fn try_check_local(&self, request: CheckRequest<'_>) -> Option<Outcome> {
        match counts_here(request.checks, false) {
            Some((check, window)) if check.cost > 0 => self.count(check, window, request.now_ms, request.background),
            Some(_) => None,
            None => self.inner.try_check_local(request),
        }
    }

    fn reset<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let forget = || request.checks.iter().for_each(|check| self.windows.remove(check.name()));
            forget();
            let done = self.inner.reset(request).await;
            // A window that was begun meanwhile may know of the time before.
            forget();
            done
        })
    }

    forward_to_inner!(self => self.inner);
}
