use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use std::time::Duration;

const NON_RETRYABLE: HeaderName = HeaderName::from_static("upstash-nonretryable-error");

/// The answer that makes QStash give up: the message is not delivered again and goes to the dead letter queue.
///
/// It turns any response into status 489 with `Upstash-NonRetryable-Error: true`
/// ([Retry](https://upstash.com/docs/qstash/features/retry)).
///
/// ```
/// use axum::{Json, response::IntoResponse};
/// use axum_upstash::qstash::{NonRetryable, QStash};
///
/// async fn send_receipt(QStash(Json(order)): QStash<Json<u64>>) -> Result<(), NonRetryable<&'static str>> {
///     if order == 0 { Err(NonRetryable("there is no order 0")) } else { Ok(()) }
/// }
///
/// let response = NonRetryable("there is no order 0").into_response();
/// assert_eq!(response.status(), 489);
/// assert_eq!(response.headers()["upstash-nonretryable-error"], "true");
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct NonRetryable<R = ()>(pub R);

impl<R: IntoResponse> IntoResponse for NonRetryable<R> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        // 489 is a status that no registry knows; the header is what counts.
        *response.status_mut() = StatusCode::from_u16(489).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        response.headers_mut().insert(NON_RETRYABLE, HeaderValue::from_static("true"));
        response
    }
}

/// The answer that makes QStash deliver the message again after this time instead of after its own backoff.
///
/// Status 503 with `Retry-After` in whole seconds, rounded up. QStash ignores more than a day.
///
/// ```
/// use axum::response::IntoResponse;
/// use axum_upstash::qstash::RetryIn;
/// use std::time::Duration;
///
/// let response = RetryIn(Duration::from_millis(1500)).into_response();
/// assert_eq!(response.status(), 503);
/// assert_eq!(response.headers()["retry-after"], "2");
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct RetryIn(pub Duration);

impl RetryIn {
    /// The response, with any body that can be made from text.
    pub(super) fn into_response_with<B: From<String>>(self) -> http::Response<B> {
        let mut response = http::Response::new(B::from(String::new()));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(super::seconds::rounded_up(self.0)));
        response
    }
}

impl IntoResponse for RetryIn {
    fn into_response(self) -> Response {
        self.into_response_with::<Body>()
    }
}

/// The answer to a message that was handled before: a success, so that QStash does not deliver it again.
///
/// Status 200 with the text `done already`, which the log of QStash shows. An
/// [`IdempotencyGuard`](super::IdempotencyGuard) answers with it, and so can a handler that finds out by itself.
///
/// ```
/// use axum::response::IntoResponse;
/// use axum_upstash::qstash::AlreadyDone;
///
/// assert_eq!(AlreadyDone.into_response().status(), 200);
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct AlreadyDone;

impl AlreadyDone {
    pub(super) fn into_response_with<B: From<String>>(self) -> http::Response<B> {
        let mut response = http::Response::new(B::from("done already".to_owned()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }
}

impl IntoResponse for AlreadyDone {
    fn into_response(self) -> Response {
        self.into_response_with::<Body>()
    }
}
