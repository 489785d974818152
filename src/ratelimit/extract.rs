use super::{
    Decision, ProblemRefusal, Refuse,
    layer::{HeaderStyles, Policy},
};
use crate::{PrivateResponse, Problem};
use axum_core::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::request::Parts;
use std::{convert::Infallible, fmt};

impl<S: Send + Sync> FromRequestParts<S> for Decision {
    type Rejection = DecisionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        PrivateResponse::extracted(&mut parts.extensions);
        parts.extensions.get().cloned().ok_or(DecisionRejection(()))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Decision {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        PrivateResponse::extracted(&mut parts.extensions);
        Ok(parts.extensions.get().cloned())
    }
}

/// A refusal as the layer answers it by default: a problem with status 429, 403 or 503, `Retry-After` and the `RateLimit`
/// fields of a policy with the name `default`. An admission is an empty response with the fields.
impl IntoResponse for Decision {
    fn into_response(self) -> Response {
        const POLICY: &str = "default";
        let mut response = match self.allowed {
            true => ().into_response(),
            false => ProblemRefusal.refuse(&self, POLICY).map(Body::from),
        };
        let policy = Policy::without_window(POLICY, self.limit);
        policy.list(HeaderStyles::CURRENT, response.headers_mut(), &self);
        policy.single(HeaderStyles::CURRENT, response.headers_mut(), &self);
        PrivateResponse::extracted(response.extensions_mut());
        response.extensions_mut().insert(self);
        response
    }
}

/// The rejection of [`Decision`]: the request did not go through a [`RateLimitLayer`](super::RateLimitLayer), or the layer
/// skipped it. It is a 500, and the log says why.
///
/// ```
/// use axum_upstash::ratelimit::{Decision, DecisionRejection};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A handler that also runs without the layer.
/// async fn handler(decision: Result<Decision, DecisionRejection>) -> String {
///     decision.map_or("no limit here".into(), |decision| decision.remaining.to_string())
/// }
/// # let _ = handler;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DecisionRejection(());

impl fmt::Display for DecisionRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no rate limit decision in the request: is RateLimitLayer around this route?")
    }
}

impl std::error::Error for DecisionRejection {}

impl IntoResponse for DecisionRejection {
    fn into_response(self) -> Response {
        Problem::of_mistake(&self).into_response()
    }
}
