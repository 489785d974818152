use super::{Algorithm, Outcome};
use crate::{PrivateResponse, Problem};
use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use std::{convert::Infallible, sync::Arc, time::Duration};

/// What a limiter said of a request.
///
/// [`RateLimitLayer`](super::RateLimitLayer) puts it into the extensions of the request, and of a refusal's response, and
/// it is an extractor: `async fn handler(decision: Decision)`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Whether the request may pass.
    pub allowed: bool,
    /// The most that can pass in a window, or that a bucket holds: a dynamic limit, where there is one.
    pub limit: u64,
    /// What is left after this request.
    pub remaining: u64,
    /// When the window ends or the next tokens arrive, in milliseconds since the Unix epoch.
    pub reset_ms: u64,
    /// For a refusal: after what time the same request can pass. `None` where it passed, and where it costs more than
    /// the limit and never can.
    pub retry_after: Option<Duration>,
    /// How the decision came about.
    pub basis: Basis,
    /// When it was made.
    pub(super) now_ms: u64,
    /// Where nothing is left: when a request of cost 1 can pass.
    pub(super) next: Option<Duration>,
    /// What counted in memory, where it is not the limiter's own algorithm.
    pub(super) by: Option<Box<Algorithm>>,
}

/// How a [`Decision`] came about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Basis {
    /// The store counted.
    Counted,
    /// The client had nothing left when the store was last asked, and cannot have anything yet: it was not asked again
    /// (`cacheBlock` in `@upstash/ratelimit`).
    Blocked,
    /// The store could not be asked; the memory of this process counted ([`OnOutage::Memory`](super::OnOutage)).
    CountedInMemory,
    /// The store could not be asked; the policy let it pass or refused it. Limit and rest are not known.
    Outage,
    /// The request costs more than the limit and can never pass. The store was not asked; the rest is not known.
    TooCostly,
    /// This value is on a deny list. Nothing was counted.
    Denied(Arc<str>),
    /// As many requests are being worked on as may be at a time
    /// ([`ConcurrencyLimit`](super::ConcurrencyLimit)); `limit` says how many. Nothing was counted.
    Busy,
    /// Let pass, or not even asked about because another limit refused. Nothing was counted.
    Exempt,
}

impl Basis {
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
    pub(super) fn new(outcome: &Outcome, now_ms: u64, basis: Basis) -> Self {
        Self {
            allowed: outcome.allowed,
            limit: outcome.limit,
            remaining: outcome.remaining,
            reset_ms: outcome.reset_ms,
            retry_after: outcome.retry_after_ms.map(Duration::from_millis),
            basis,
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
    fn uncounted(algorithm: &Algorithm, allowed: bool, now_ms: u64, basis: Basis) -> Self {
        Self::new(&Outcome::new(allowed, algorithm.limit(), 0, now_ms, None), now_ms, basis)
    }

    pub(super) fn outage(algorithm: &Algorithm, allowed: bool, now_ms: u64) -> Self {
        let retry_after = (!allowed).then_some(Duration::from_secs(1));
        Self { retry_after, ..Self::uncounted(algorithm, allowed, now_ms, Basis::Outage) }
    }

    pub(super) fn too_costly(algorithm: &Algorithm, now_ms: u64) -> Self {
        Self::uncounted(algorithm, false, now_ms, Basis::TooCostly)
    }

    pub(super) fn denied(algorithm: &Algorithm, value: &str, now_ms: u64) -> Self {
        Self::uncounted(algorithm, false, now_ms, Basis::Denied(value.into()))
    }

    /// Too many are being worked on.
    pub(super) fn busy(most: u32, now_ms: u64) -> Self {
        let outcome = Outcome::new(false, most.into(), 0, now_ms, Some(1_000));
        Self::new(&outcome, now_ms, Basis::Busy)
    }

    pub(super) fn exempt(algorithm: &Algorithm, now_ms: u64) -> Self {
        Self::uncounted(algorithm, true, now_ms, Basis::Exempt)
    }

    /// Whether [`remaining`](Self::remaining) and [`reset_ms`](Self::reset_ms) say something.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        matches!(self.basis, Basis::Counted | Basis::Blocked | Basis::CountedInMemory)
    }

    /// The time until [`reset_ms`](Self::reset_ms).
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

/// What several limiters said of one request, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisions {
    list: Vec<Decision>,
    most_restrictive: usize,
}

impl Decisions {
    /// `None` where nobody was asked.
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

    /// What each limiter said, in the order in which they were given. Where one of them refused, the others say what is
    /// left without this request.
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

impl<S: Send + Sync> FromRequestParts<S> for Decision {
    type Rejection = MissingDecision;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        PrivateResponse::extracted(&mut parts.extensions);
        parts.extensions.get().cloned().ok_or(MissingDecision(()))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Decision {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        PrivateResponse::extracted(&mut parts.extensions);
        Ok(parts.extensions.get().cloned())
    }
}

/// The request did not go through a [`RateLimitLayer`](super::RateLimitLayer), or was skipped by it.
#[derive(Debug)]
pub struct MissingDecision(());

impl std::fmt::Display for MissingDecision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no rate limit decision in the request: is RateLimitLayer around this route?")
    }
}

impl std::error::Error for MissingDecision {}

impl IntoResponse for MissingDecision {
    fn into_response(self) -> Response {
        tracing::error!("{self}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error").into_response()
    }
}
