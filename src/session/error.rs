use crate::{Error, ErrorKind, Problem};
use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use std::{error::Error as StdError, fmt};

/// Why an operation on a session failed.
///
/// As a response it is a problem (RFC 9457): 503 with `Retry-After` if the store is unavailable, 409 if another request
/// overtook this one, 500 otherwise. The store's own error is logged, not sent.
///
/// ```
/// use axum_upstash::session::{Session, SessionError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// async fn visits(session: Session) -> Result<String, SessionError> {
///     match session.get::<u32>("visits").await {
///         Ok(visits) => Ok(visits.unwrap_or(0).to_string()),
///         Err(SessionError::Unavailable(_)) => Ok("many".into()), // the page can do without
///         Err(error) => Err(error), // answers 409 or 500
///     }
/// }
/// # let _ = visits;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// The store does not answer, or did not answer in time. Whether it has changed something is not known.
    Unavailable(Error),
    /// The session could not be read, so it must not be written: it is treated as empty
    /// ([`LoadFailure::Anonymous`](super::LoadFailure)), or an attribute was [written](super::Session::insert_without_load) after that.
    ReadOnly,
    /// Another request gave the session a new id, and this one came with the old: the client has to send it again. The
    /// same error is returned if the session is gone and the request took so long (5 s) that the session may have ended
    /// as well.
    Moved,
    /// The response has been sent, so that no change can be kept any more.
    Closed,
    /// The session was first used after the head of the response was sent, in a body that is streamed. The head says nothing
    /// of a session, so a cache may give the response to another client. Load the session in the handler, or take a handle
    /// with [`Session::detach`](super::Session::detach) there.
    HeadSent,
    /// The session has ended since it was loaded; nothing was written, and it stays so.
    Gone,
    /// Another request has changed the session since it was loaded ([`ConflictPolicy::Reject`](super::ConflictPolicy::Reject)), or
    /// changed an attribute again and again ([`Session::update`](super::Session::update)).
    Conflict,
    /// UserSessions with a principal need an absolute [`Lifetime`](super::Lifetime).
    NoAbsoluteLifetime,
    /// Names that begin with `_` are the store's own.
    ReservedName,
    /// The session would become larger than the limit, in bytes.
    #[non_exhaustive]
    TooLarge {
        /// The limit of [`SessionLayer::with_size_limit`](super::SessionLayer::with_size_limit).
        limit: usize,
    },
    /// The attributes do not have the type of the [`TypedSession`](super::TypedSession).
    #[non_exhaustive]
    Type {
        /// What serde says.
        source: serde_json::Error,
    },
    /// The value of an attribute is not what the caller's type says, or cannot be written as JSON.
    #[non_exhaustive]
    Value {
        /// The attribute.
        name: String,
        /// What serde says.
        source: serde_json::Error,
    },
}

impl SessionError {
    pub(super) fn wrong_type(source: serde_json::Error) -> Self {
        Self::Type { source }
    }

    pub(super) fn no_randomness(error: Error) -> Self {
        Self::Unavailable(Error::new(ErrorKind::Server, "no randomness for a session id").with_source(error))
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unavailable(_) | Self::ReadOnly => StatusCode::SERVICE_UNAVAILABLE,
            Self::Moved | Self::Gone | Self::Conflict => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(_) => f.write_str("the session store is unavailable"),
            Self::ReadOnly => f.write_str("the session could not be read, so it cannot be written"),
            Self::Moved => f.write_str("the session has another id since this request was sent"),
            Self::Closed => f.write_str("the response was sent, so the session cannot be changed any more"),
            Self::HeadSent => f.write_str(
                "the session was first used after the head of the response was sent: \
                 load it in the handler, or take a handle with Session::detach there",
            ),
            Self::Gone => f.write_str("the session has ended since it was loaded"),
            Self::Conflict => f.write_str("another request has changed the session since it was loaded"),
            Self::NoAbsoluteLifetime => f.write_str("sessions with a principal need an absolute lifetime"),
            Self::ReservedName => f.write_str("names of session attributes must not begin with an underscore"),
            Self::TooLarge { limit } => write!(f, "the session would be larger than {limit} bytes"),
            Self::Type { .. } => f.write_str("what the session holds is not of the named type"),
            Self::Value { name, .. } => write!(f, "the session attribute {name:?} is not of the named type"),
        }
    }
}

impl StdError for SessionError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Unavailable(error) => Some(error),
            Self::Value { source, .. } | Self::Type { source } => Some(source),
            _ => None,
        }
    }
}

impl From<Error> for SessionError {
    fn from(error: Error) -> Self {
        Self::Unavailable(error)
    }
}

impl From<&SessionError> for Problem {
    fn from(error: &SessionError) -> Self {
        match error.status() {
            StatusCode::SERVICE_UNAVAILABLE => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "UserSessions are unavailable")
                    .with_detail("The session store cannot be reached at the moment.")
            }
            StatusCode::CONFLICT => {
                Self::new(StatusCode::CONFLICT, "The session has changed").with_detail(match error {
                    SessionError::Gone => "The session has ended. Begin a new one, and send this request again.",
                    SessionError::Moved => "Another request gave the session a new id. Send this one again.",
                    _ => "Another request has changed the session. Send this one again.",
                })
            }
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
        self.refusal().map(Body::from)
    }
}

impl SessionError {
    /// The error as the layer answers it.
    pub(super) fn refusal(&self) -> http::Response<Bytes> {
        let mut response = Problem::from(self).into_bytes_response();
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
