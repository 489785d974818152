use super::SignatureError;
use crate::{Error, Problem};
use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use std::{error::Error as StdError, fmt, sync::Arc};

/// Why a request did not reach the handler. `R` is the rejection of the inner extractor.
///
/// As a response it is a [`Problem`] whose member `check` names what failed. QStash delivers a message again after
/// any of them, for as long as it has retries.
///
/// ```
/// use axum::{Json, extract::rejection::JsonRejection, http::StatusCode};
/// use axum_upstash::qstash::{QStash, QStashRejection};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// async fn hook(body: Result<QStash<Json<u64>>, QStashRejection<JsonRejection>>) -> Result<String, StatusCode> {
///     let QStash(Json(order)) = body.map_err(|_| StatusCode::NOT_FOUND)?; // hides the route
///     Ok(format!("order {order}"))
/// }
/// # let _ = hook;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum QStashRejection<R> {
    /// The signature was not accepted: 401.
    Signature(SignatureError),
    /// The body is larger than the receiver allows: 413.
    BodyTooLarge,
    /// The body could not be read to its end: 400.
    BodyUnreadable(axum_core::Error),
    /// There are no signing keys: 500. The reason is logged, and not in the response.
    NotConfigured(Arc<Error>),
    /// The signature is right, and the inner extractor refused the body: the response is its own.
    Inner(R),
}

impl<R> QStashRejection<R> {
    fn problem(status: StatusCode, title: &'static str, check: &'static str) -> Problem {
        Problem::new(status, title).with("check", check)
    }
}

impl<R: IntoResponse> IntoResponse for QStashRejection<R> {
    fn into_response(self) -> Response {
        let problem = match self {
            Self::Signature(error) => {
                let check = error.check();
                tracing::debug!(check, "QStash request refused");
                let problem = Self::problem(StatusCode::UNAUTHORIZED, "The QStash signature was not accepted", check);
                let mut response = problem.with_detail(error.to_string()).into_response();
                // RFC 9110 15.5.2 asks for a challenge with every 401.
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Upstash-Signature"));
                return response;
            }
            Self::BodyTooLarge => {
                Self::problem(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large to be verified", "body-size")
            }
            Self::BodyUnreadable(error) => {
                tracing::debug!(%error, "QStash request refused: its body could not be read");
                Self::problem(StatusCode::BAD_REQUEST, "The body could not be read", "body-read")
            }
            Self::NotConfigured(reason) => {
                let mistake =
                    format!("QStash request refused, because there are no signing keys: {}", reason.message());
                Problem::of_mistake(&mistake).with("title", "QStash is not configured here").with("check", "keys")
            }
            Self::Inner(rejection) => return rejection.into_response(),
        };
        problem.into_response()
    }
}

impl<R: fmt::Display> fmt::Display for QStashRejection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(error) => error.fmt(f),
            Self::BodyTooLarge => f.write_str("the body is too large"),
            Self::BodyUnreadable(_) => f.write_str("the body could not be read"),
            Self::NotConfigured(_) => f.write_str("there are no signing keys"),
            Self::Inner(rejection) => rejection.fmt(f),
        }
    }
}

impl<R: StdError> StdError for QStashRejection<R> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            // What `Display` has printed is not its own source.
            Self::Signature(error) => error.source(),
            Self::BodyTooLarge => None,
            Self::BodyUnreadable(error) => Some(error),
            Self::NotConfigured(reason) => Some(&**reason),
            Self::Inner(rejection) => rejection.source(),
        }
    }
}
