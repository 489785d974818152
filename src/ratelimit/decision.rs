use super::{Algorithm, store::Outcome};
use crate::rt::from_unix_ms;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// The decision of a limiter on a request.
///
/// [`RateLimitLayer`](super::RateLimitLayer) puts it into the extensions of the request, and of a refusal's response. It
/// is an extractor: `async fn handler(decision: Decision)`. A handler that calls [`limit`](super::Ratelimit::limit)
/// itself returns a refusal as its response:
///
/// ```
/// use axum::{extract::State, response::{IntoResponse, Response}};
/// use axum_upstash::{Error, Upstash, ratelimit::{FixedWindow, Ratelimit}};
/// use std::time::Duration;
///
/// async fn export(State(limiter): State<Ratelimit>) -> Result<Response, Error> {
///     let decision = limiter.limit("user:7").await?;
///     if !decision.allowed {
///         return Ok(decision.into_response());
///     }
///     Ok("the export".into_response())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let limiter = Upstash::builder().or_memory().build()?.ratelimit(FixedWindow::new(1, Duration::from_secs(60)));
/// assert_eq!(export(State(limiter.clone())).await?.status(), 200);
/// let refused = export(State(limiter)).await?;
/// assert_eq!(refused.status(), 429);
/// assert!(refused.headers().contains_key("retry-after") && refused.headers().contains_key("ratelimit"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Whether the request may pass.
    pub allowed: bool,
    /// The most that can pass in a window, or that a bucket holds. A dynamic limit replaces the algorithm's.
    pub limit: u64,
    /// The rest of the limit after this request.
    pub remaining: u64,
    /// The time after which the same request can pass. `None` if it passed, or if it costs more than the limit and never
    /// can.
    pub retry_after: Option<Duration>,
    /// The way the decision came about.
    pub reason: Reason,
    /// The end of the window, in milliseconds since the Unix epoch.
    pub(super) reset_ms: u64,
    /// The time of the decision.
    pub(super) now_ms: u64,
    /// If nothing is left: the time until a request of cost 1 can pass.
    pub(super) next: Option<Duration>,
    /// The algorithm that counted in memory, if it is not the limiter's own.
    pub(super) by: Option<Box<Algorithm>>,
}

/// The way a [`Decision`] came about.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{AllowList, Reason, SlidingWindow}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let limiter = upstash.ratelimit(SlidingWindow::new(1, Duration::from_secs(60)));
/// assert_eq!(limiter.limit("user:7").await?.reason, Reason::Counted);
/// let limiter = limiter.with_allow_list(AllowList::new().with_identifiers(["monitoring"]));
/// assert_eq!(limiter.limit("monitoring").await?.reason, Reason::Exempt);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The store counted.
    Counted,
    /// The client had nothing left when the store was last asked, and cannot have anything yet: the store was not
    /// contacted (`cacheBlock` in `@upstash/ratelimit`).
    Blocked,
    /// The store failed, and the memory of this process counted ([`OutagePolicy::Memory`](super::OutagePolicy)).
    CountedInMemory,
    /// The store failed, and the policy admitted or refused the request. Limit and rest are not known.
    Outage,
    /// The request costs more than the limit and can never pass. The store was not contacted; the rest is not known.
    TooCostly,
    /// This value is on a deny list. Nothing was counted.
    Denied(Arc<str>),
    /// As many requests as allowed are being worked on ([`ConcurrencyLimiter`](super::ConcurrencyLimiter)); `limit` is
    /// their number. Nothing was counted.
    Busy,
    /// The request is on an allow list, or another limit refused it before this one was checked. Nothing was counted.
    Exempt,
}

impl Reason {
    /// For the log, which is told of no value.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Blocked => "blocked",
            Self::CountedInMemory => "counted in memory",
            Self::Outage => "outage",
            Self::TooCostly => "too costly",
            Self::Denied(_) => "denied",
            Self::Busy => "busy",
            Self::Exempt => "exempt",
        }
    }
}

impl Decision {
    pub(super) fn new(outcome: &Outcome, now_ms: u64, reason: Reason) -> Self {
        Self {
            allowed: outcome.allowed,
            limit: outcome.limit,
            remaining: outcome.remaining,
            reset_ms: outcome.reset_ms,
            retry_after: outcome.retry_after_ms.map(Duration::from_millis),
            reason,
            now_ms,
            next: outcome.next_ms.map(Duration::from_millis),
            by: None,
        }
    }

    pub(super) fn counted_by(self, algorithm: Option<Algorithm>) -> Self {
        Self { by: algorithm.map(Box::new), ..self }
    }

    /// As an answer to a look: whether a request of cost 1 would pass.
    pub(super) fn looked(self) -> Self {
        if !self.is_counted() {
            return self;
        }
        Self { allowed: self.remaining > 0, retry_after: self.next, ..self }
    }

    /// One that no store was asked for.
    fn uncounted(algorithm: &Algorithm, allowed: bool, now_ms: u64, reason: Reason) -> Self {
        Self::new(&Outcome::unknown(allowed, algorithm.limit(), 0, now_ms), now_ms, reason)
    }

    pub(super) fn outage(algorithm: &Algorithm, allowed: bool, now_ms: u64) -> Self {
        let retry_after = (!allowed).then_some(Duration::from_secs(1));
        Self { retry_after, ..Self::uncounted(algorithm, allowed, now_ms, Reason::Outage) }
    }

    pub(super) fn too_costly(algorithm: &Algorithm, now_ms: u64) -> Self {
        Self::uncounted(algorithm, false, now_ms, Reason::TooCostly)
    }

    pub(super) fn denied(algorithm: &Algorithm, value: &str, now_ms: u64) -> Self {
        Self::uncounted(algorithm, false, now_ms, Reason::Denied(value.into()))
    }

    /// Too many are being worked on.
    pub(super) fn busy(max: u32, now_ms: u64) -> Self {
        let outcome = Outcome::unknown(false, max.into(), 0, now_ms).with_retry_after(Duration::from_secs(1));
        Self::new(&outcome, now_ms, Reason::Busy)
    }

    pub(super) fn exempt(algorithm: &Algorithm, now_ms: u64) -> Self {
        Self::uncounted(algorithm, true, now_ms, Reason::Exempt)
    }

    /// Whether [`remaining`](Self::remaining) and [`reset`](Self::reset) are known.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        matches!(self.reason, Reason::Counted | Reason::Blocked | Reason::CountedInMemory)
    }

    /// The time at which the window ends, the next tokens arrive or the burst is whole again.
    #[must_use]
    pub fn reset(&self) -> SystemTime {
        from_unix_ms(self.reset_ms)
    }

    /// The time from the decision until [`reset`](Self::reset).
    #[must_use]
    pub fn reset_after(&self) -> Duration {
        Duration::from_millis(self.reset_ms.saturating_sub(self.now_ms))
    }

    /// Whether this one leaves less than the other: a refusal less than an admission, the longer wait less than the
    /// shorter, the smaller part of a limit less than the larger.
    pub(super) fn is_stricter_than(&self, other: &Self) -> bool {
        let wait = |decision: &Self| match decision.retry_after {
            Some(wait) => wait,
            None if decision.allowed => Duration::ZERO,
            None => Duration::MAX,
        };
        let known = |decision: &Self| decision.is_counted();
        let part = |one: &Self, other: &Self| u128::from(one.remaining) * u128::from(other.limit.max(1));
        if self.allowed != other.allowed {
            other.allowed
        } else if !self.allowed {
            wait(self) > wait(other)
        } else if known(self) != known(other) {
            known(self)
        } else {
            part(self, other) < part(other, self)
        }
    }
}

/// The decisions of several limiters on one request.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{FixedWindow, Ratelimit}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let second = upstash.ratelimit(FixedWindow::new(2, Duration::from_secs(1))).with_prefix("second");
/// let day = upstash.ratelimit(FixedWindow::new(1_000, Duration::from_secs(86_400))).with_prefix("day");
/// let decisions = Ratelimit::limit_all(&[(&second, "user:7".into()), (&day, "user:7".into())]).await?;
/// assert!(decisions.allowed());
/// assert_eq!(decisions.each()[1].remaining, 999);
/// assert_eq!(decisions.most_restrictive().limit, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisions {
    list: Vec<Decision>,
    most_restrictive: usize,
}

impl From<Decision> for Decisions {
    fn from(decision: Decision) -> Self {
        Self { list: vec![decision], most_restrictive: 0 }
    }
}

impl Decisions {
    /// `None` if no limiter was asked.
    pub(super) fn new(list: Vec<Decision>) -> Option<Self> {
        let restrictive =
            |best: usize, index: usize| if list[index].is_stricter_than(&list[best]) { index } else { best };
        let most_restrictive = (0..list.len()).reduce(restrictive)?;
        Some(Self { list, most_restrictive })
    }

    pub(super) fn from_parts(list: Vec<Decision>, most_restrictive: usize) -> Self {
        Self { list, most_restrictive }
    }

    pub(super) fn into_parts(self) -> (Vec<Decision>, usize) {
        (self.list, self.most_restrictive)
    }

    /// Whether the request may pass: all limiters let it, or none counted it.
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.most_restrictive().allowed
    }

    /// The decision that leaves least.
    #[must_use]
    pub fn most_restrictive(&self) -> &Decision {
        &self.list[self.most_restrictive]
    }

    /// The decision of each limiter, in the order in which the limiters were given. If one of them refused, the others
    /// report their remaining counts without this request.
    #[must_use]
    pub fn each(&self) -> &[Decision] {
        &self.list
    }

    /// The place of the decision that leaves least.
    #[must_use]
    pub fn most_restrictive_index(&self) -> usize {
        self.most_restrictive
    }
}
