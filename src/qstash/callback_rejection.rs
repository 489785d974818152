use crate::{Error, Problem};
use axum_core::{
    extract::rejection::BytesRejection,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use std::{error::Error as StdError, fmt};

/// Why a request was not read as a [`CallbackBody`](super::CallbackBody). `R` is the rejection of the inner extractor.
///
/// ```
/// use axum::Json;
/// use axum::extract::rejection::JsonRejection;
/// use axum_upstash::qstash::{CallbackBody, CallbackRejection, NonRetryable, QStash, QStashRejection};
///
/// type Rejection = QStashRejection<CallbackRejection<JsonRejection>>;
///
/// async fn done(callback: Result<QStash<CallbackBody<Json<u64>>>, Rejection>) -> Result<(), NonRetryable<Rejection>> {
///     let QStash(callback) = callback.map_err(NonRetryable)?; // another delivery would be no better
///     println!("{}", callback.body.0);
///     Ok(())
/// }
/// # let _ = done;
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum CallbackRejection<R> {
    /// The body could not be read: the response is axum's.
    Body(BytesRejection),
    /// The body is not a callback of QStash: 422.
    Callback(Error),
    /// The inner extractor refused the destination's answer: the response is its own.
    Inner(R),
}

impl<R: IntoResponse> IntoResponse for CallbackRejection<R> {
    fn into_response(self) -> Response {
        match self {
            Self::Body(rejection) => rejection.into_response(),
            Self::Callback(error) => {
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The callback could not be read");
                problem.with_detail(error.message().to_owned()).into_response()
            }
            Self::Inner(rejection) => rejection.into_response(),
        }
    }
}

impl<R: fmt::Display> fmt::Display for CallbackRejection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(rejection) => rejection.fmt(f),
            Self::Callback(error) => error.fmt(f),
            Self::Inner(rejection) => rejection.fmt(f),
        }
    }
}

impl<R: StdError> StdError for CallbackRejection<R> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            // `Display` has printed the rejection itself.
            Self::Body(rejection) => rejection.source(),
            Self::Callback(error) => error.source(),
            Self::Inner(rejection) => rejection.source(),
        }
    }
}
