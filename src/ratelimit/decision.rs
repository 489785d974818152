use super::{Algorithm, Outcome};
use crate::Problem;
use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use std::{convert::Infallible, time::Duration};

/// What a limiter said of a request.
///
/// [`RateLimitLayer`](super::RateLimitLayer) puts it into the extensions of the request and of the response, and it is
/// an extractor: `async fn handler(decision: Decision)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Whether the request may pass.
    pub allowed: bool,
    /// The most that can pass in a window, or that a bucket holds.
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
}

/// How a [`Decision`] came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Basis {
    /// The store counted.
    Counted,
    /// The store could not be asked; the memory of this process counted ([`OnOutage::Memory`](super::OnOutage)).
    CountedInMemory,
    /// The store could not be asked; the policy let it pass or refused it. Limit and rest are not known.
    Outage,
    /// The request costs more than the limit and can never pass. The store was not asked; the rest is not known.
    TooCostly,
}

impl Decision {
    pub(super) fn new(algorithm: &Algorithm, outcome: Outcome, now_ms: u64, basis: Basis) -> Self {
        Self {
            allowed: outcome.allowed,
            limit: algorithm.limit(),
            remaining: outcome.remaining,
            reset_ms: outcome.reset_ms,
            retry_after: outcome.retry_after_ms.map(Duration::from_millis),
            basis,
            now_ms,
        }
    }

    pub(super) fn outage(algorithm: &Algorithm, allowed: bool, now_ms: u64) -> Self {
        let retry = (!allowed).then_some(1_000);
        let outcome = Outcome::new(allowed, 0, now_ms, retry);
        Self::new(algorithm, outcome, now_ms, Basis::Outage)
    }

    pub(super) fn too_costly(algorithm: &Algorithm, now_ms: u64) -> Self {
        Self::new(algorithm, Outcome::new(false, 0, now_ms, None), now_ms, Basis::TooCostly)
    }

    /// Whether [`remaining`](Self::remaining) and [`reset_ms`](Self::reset_ms) say something.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        matches!(self.basis, Basis::Counted | Basis::CountedInMemory)
    }

    /// The time until [`reset_ms`](Self::reset_ms).
    #[must_use]
    pub fn reset_after(&self) -> Duration {
        Duration::from_millis(self.reset_ms.saturating_sub(self.now_ms))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Decision {
    type Rejection = MissingDecision;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get().copied().ok_or(MissingDecision(()))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Decision {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().copied())
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
