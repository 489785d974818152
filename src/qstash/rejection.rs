use super::{RetryIn, SignatureError, response::AlreadyDone};
use crate::{Error, Problem};
use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use std::{convert::Infallible, error::Error as StdError, fmt, sync::Arc, time::Duration};

/// The time after which QStash tries again if the store of a guard does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(10);

/// Why a request did not reach the handler. `R` is the rejection of the inner extractor.
///
/// As a response it is a [`Problem`] whose member `check` names the check that failed, except for a message that is
/// [done already](Self::AlreadyDone) or [in progress](Self::InProgress). QStash delivers a message again after any
/// answer but 2xx, for as long as it has retries.
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
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum QStashRejection<R> {
    /// The signature was not accepted: 401.
    Signature(SignatureError),
    /// The body is larger than the receiver allows: 413.
    BodyTooLarge,
    /// The body could not be read to its end: 400.
    BodyUnreadable(Arc<axum_core::Error>),
    /// There are no signing keys: 500. The reason is logged, and not in the response.
    NotConfigured(Arc<Error>),
    /// The signature was used before: 409. A retry by QStash has a signature of its own.
    Replayed,
    /// An idempotency guard found no `Upstash-Message-Id`, or one that cannot be an id: 400.
    NoMessageId,
    /// Another delivery of the message is being handled: [`RetryIn`] this time, when that has ended or its lease has.
    InProgress(Duration),
    /// The message was handled before: [`AlreadyDone`], a success.
    AlreadyDone,
    /// The store of a guard failed: [`RetryIn`] 10 s in an outage, 500 otherwise.
    Guard(Error),
    /// The signature is right, and the inner extractor refused the body: the response is its own.
    Inner(R),
}

/// A rejection by this crate's own checks. The layer leaves it in the extensions of its response.
///
/// ```
/// use axum::{Router, body::Body, http::Request, routing::post};
/// use axum_upstash::qstash::{QStashLayer, QStashRefusal, Receiver};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let layer = QStashLayer::new(Receiver::new("sig_current", "sig_next")?);
/// let app: Router = Router::new().route("/", post(|| async {})).layer(layer);
/// let response = app.oneshot(Request::post("/").body(Body::empty())?).await?;
/// assert!(matches!(response.extensions().get(), Some(QStashRefusal::Signature(_))));
/// # Ok(())
/// # }
/// ```
pub type QStashRefusal = QStashRejection<Infallible>;

impl QStashRefusal {
    pub(super) fn widen<R>(self) -> QStashRejection<R> {
        match self {
            Self::Signature(error) => QStashRejection::Signature(error),
            Self::BodyTooLarge => QStashRejection::BodyTooLarge,
            Self::BodyUnreadable(error) => QStashRejection::BodyUnreadable(error),
            Self::NotConfigured(reason) => QStashRejection::NotConfigured(reason),
            Self::Replayed => QStashRejection::Replayed,
            Self::NoMessageId => QStashRejection::NoMessageId,
            Self::InProgress(retry_in) => QStashRejection::InProgress(retry_in),
            Self::AlreadyDone => QStashRejection::AlreadyDone,
            Self::Guard(error) => QStashRejection::Guard(error),
            Self::Inner(never) => match never {},
        }
    }

    /// The response of a layer, which has the refusal in its extensions.
    pub(super) fn into_layer_response<B: From<String>>(self) -> http::Response<B> {
        let mut response = match self.clone().answer() {
            Ok(response) => response,
            Err(never) => match never {},
        };
        response.extensions_mut().insert(self);
        response
    }
}

impl<R> QStashRejection<R> {
    /// The response, or the inner rejection that is one.
    fn answer<B: From<String>>(self) -> Result<http::Response<B>, R> {
        let problem = |status, title, check: &str| Problem::new(status, title).with("check", check);
        let problem = match self {
            Self::Signature(error) => {
                let check = error.check();
                tracing::debug!(check, "QStash request refused");
                let problem = problem(StatusCode::UNAUTHORIZED, "The QStash signature was not accepted", check);
                let mut response = problem.with_detail(error.to_string()).into_response_with();
                // RFC 9110 15.5.2 asks for a challenge with every 401.
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Upstash-Signature"));
                return Ok(response);
            }
            Self::BodyTooLarge => {
                problem(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large to be verified", "body-size")
            }
            Self::BodyUnreadable(error) => {
                tracing::debug!(%error, "QStash request refused: its body could not be read");
                problem(StatusCode::BAD_REQUEST, "The body could not be read", "body-read")
            }
            Self::NotConfigured(reason) => {
                let mistake =
                    format!("QStash request refused, because there are no signing keys: {}", reason.message());
                Problem::of_mistake(&mistake).with("title", "QStash is not configured here").with("check", "keys")
            }
            Self::Replayed => {
                tracing::debug!("QStash request refused: its signature was used before");
                problem(StatusCode::CONFLICT, "The QStash signature was used before", "replayed")
            }
            Self::NoMessageId => {
                tracing::debug!("QStash request refused: it has no usable Upstash-Message-Id");
                problem(StatusCode::BAD_REQUEST, "The request has no Upstash-Message-Id", "message-id")
            }
            Self::InProgress(retry_in) => return Ok(RetryIn(retry_in).into_response_with()),
            Self::AlreadyDone => return Ok(AlreadyDone.into_response_with()),
            Self::Guard(error) if error.is_outage() => return Ok(RetryIn(STORE_PAUSE).into_response_with()),
            Self::Guard(error) => {
                let problem = Problem::from(&error);
                let error = error.without_key();
                tracing::error!(%error, "QStash request refused: the store of a guard failed");
                problem.with("check", "guard")
            }
            Self::Inner(rejection) => return Err(rejection),
        };
        Ok(problem.into_response_with())
    }
}

impl<R: IntoResponse> IntoResponse for QStashRejection<R> {
    fn into_response(self) -> Response {
        self.answer().unwrap_or_else(R::into_response)
    }
}

impl<R: fmt::Display> fmt::Display for QStashRejection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(error) => error.fmt(f),
            Self::BodyTooLarge => f.write_str("the body is too large"),
            Self::BodyUnreadable(_) => f.write_str("the body could not be read"),
            Self::NotConfigured(_) => f.write_str("there are no signing keys"),
            Self::Replayed => f.write_str("the signature was used before"),
            Self::NoMessageId => f.write_str("there is no Upstash-Message-Id"),
            Self::InProgress(_) => f.write_str("the message is being handled"),
            Self::AlreadyDone => f.write_str("the message was handled before"),
            Self::Guard(_) => f.write_str("the store of a guard failed"),
            Self::Inner(rejection) => rejection.fmt(f),
        }
    }
}

impl<R: StdError> StdError for QStashRejection<R> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            // What `Display` has printed is not its own source.
            Self::Signature(error) => error.source(),
            Self::BodyUnreadable(error) => Some(&**error),
            Self::NotConfigured(reason) => Some(&**reason),
            Self::Guard(error) => Some(error),
            Self::Inner(rejection) => rejection.source(),
            _ => None,
        }
    }
}
