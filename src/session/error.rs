use super::response::refusal;
use crate::{Error, Problem};
use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use std::{error::Error as StdError, fmt};

/// Why an operation on a session failed.
///
/// As a response it is a problem (RFC 9457): 503 with `Retry-After` where the store is unavailable, 500 otherwise.
/// What the store said is logged, not sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// The store cannot be asked. Nothing of the session was changed.
    Unavailable(Error),
    /// The session could not be read and is treated as empty, so it must not be written
    /// ([`OnOutage::Anonymous`](super::OnOutage)).
    ReadOnly,
    /// The response has been sent: what is changed now could not be kept.
    Closed,
    /// The session was destroyed by this request.
    Destroyed,
    /// Names that begin with `_` are the store's own.
    ReservedName,
    /// The session would become larger than the limit, in bytes.
    TooLarge {
        /// The limit of [`SessionLayer::with_size_limit`](super::SessionLayer::with_size_limit).
        limit: usize,
    },
    /// The value of an attribute is not what the caller's type says, or cannot be written as JSON.
    Value {
        /// The attribute.
        name: String,
        /// What serde says.
        source: serde_json::Error,
    },
}

impl SessionError {
    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unavailable(_) | Self::ReadOnly => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(_) => f.write_str("the session store is unavailable"),
            Self::ReadOnly => f.write_str("the session could not be read, so it cannot be written"),
            Self::Closed => f.write_str("the response was sent, so the session cannot be changed any more"),
            Self::Destroyed => f.write_str("the session was destroyed by this request"),
            Self::ReservedName => f.write_str("names of session attributes must not begin with an underscore"),
            Self::TooLarge { limit } => write!(f, "the session would be larger than {limit} bytes"),
            Self::Value { name, .. } => write!(f, "the session attribute {name:?} is not of the named type"),
        }
    }
}

impl StdError for SessionError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Unavailable(error) => Some(error),
            Self::Value { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<&SessionError> for Problem {
    fn from(error: &SessionError) -> Self {
        match error.status() {
            StatusCode::SERVICE_UNAVAILABLE => Self::new(StatusCode::SERVICE_UNAVAILABLE, "Sessions are unavailable")
                .with_detail("The session store cannot be reached at the moment."),
            status => Self::new(status, "Internal server error"),
        }
    }
}

impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        match &self {
            Self::Unavailable(error) => tracing::warn!(%error, "session store unavailable"),
            other => tracing::error!(error = %other, "session error"),
        }
        refusal(&self).map(Body::from)
    }
}
