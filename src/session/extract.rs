use super::Session;
use crate::Problem;
use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::request::Parts;
use std::{convert::Infallible, fmt};

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get().cloned().ok_or(SessionRejection(()))
    }
}

/// `None` if no [`SessionLayer`](super::SessionLayer) is around the route.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}

/// The request did not go through a [`SessionLayer`](super::SessionLayer).
///
/// ```
/// use axum_upstash::session::{Session, SessionRejection};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// async fn handler(session: Result<Session, SessionRejection>) -> &'static str {
///     if session.is_ok() { "with a session" } else { "there is no SessionLayer around this route" }
/// }
/// # let _ = handler;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SessionRejection(());

impl fmt::Display for SessionRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no session in the request: SessionLayer has to be added after (so around) the routes that use it")
    }
}

impl std::error::Error for SessionRejection {}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        Problem::of_mistake(&self).into_response()
    }
}
