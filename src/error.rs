use crate::Problem;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

/// The result of a call to Upstash.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a call to Upstash, or its configuration, failed.
///
/// It names the kind, the operation (`"GET"`, `"qstash publish"`), and the first key and the HTTP status if there are any.
/// It never holds a token, a signing key or a value that was sent.
///
/// A handler may return it: as a response it is a problem (RFC 9457) with status 503 for an [outage](Self::is_outage), and
/// 500 otherwise. The log has the error, and the response says nothing of it.
///
/// ```
/// use axum::{extract::State, response::IntoResponse};
/// use axum_upstash::{Error, ErrorKind, redis::Redis};
///
/// async fn visits(State(redis): State<Redis>) -> Result<String, Error> {
///     let visits = redis.incr("visits").await?;
///     Ok(visits.to_string())
/// }
///
/// # let _ = visits;
/// let error = Error::new(ErrorKind::Timeout, "no answer within 1s").with_operation("INCR");
/// assert_eq!(error.to_string(), "INCR: no answer within 1s");
/// assert_eq!(error.into_response().status(), 503);
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    operation: Option<Cow<'static, str>>,
    key: Option<String>,
    status: Option<u16>,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
    /// Nothing was sent: the error says nothing of the service.
    is_local: bool,
    /// `Debug` prints the message alone, for `main`.
    for_people: bool,
    // Shared, because one lost request is the error of every command in it.
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The kind of an [`Error`], to match on.
///
/// ```
/// use axum_upstash::{ErrorKind, Upstash};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let error = upstash.redis().incr("visits").await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Configuration); // names the variables that are not set
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is missing or wrong; the message names it.
    Configuration,
    /// An argument cannot be sent, or a value cannot be stored, as it is.
    InvalidInput,
    /// No connection was made: nothing was sent.
    Connect,
    /// The deadline passed. Whether the request took effect is not known.
    Timeout,
    /// The connection broke. Whether the request took effect is not known.
    Interrupted,
    /// The token is missing or not valid (HTTP 401, `WRONGPASS`, `NOAUTH`).
    Unauthorized,
    /// The token may not do this (`NOPERM`, HTTP 403).
    Forbidden,
    /// Too many requests in a short time (HTTP 429).
    RateLimited,
    /// A limit of the plan for one request: its size, the size of a record, the capacity.
    LimitExceeded,
    /// The requests of the plan, or of its day, are used up: every call is refused until there are more.
    QuotaExceeded,
    /// The named resource does not exist (HTTP 404).
    NotFound,
    /// The key holds a value of another type (`WRONGTYPE`).
    WrongType,
    /// The script is not in the script cache (`NOSCRIPT`).
    NoScript,
    /// A write to a read-only replica or from a read-only script (`READONLY`).
    ReadOnly,
    /// The database is out of memory (`OOM`).
    OutOfMemory,
    /// The transaction was discarded; none of it was executed (`EXECABORT`).
    Aborted,
    /// The service refused the command or request for another reason.
    Refused,
    /// The service failed (HTTP 5xx).
    Server,
    /// The answer is not what the protocol or the caller's type says.
    Decode,
}

impl Error {
    /// An error of `kind`, with a message that says what to change. The message must hold no secret and no value.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            operation: None,
            key: None,
            status: None,
            message: message.into(),
            retry_after: None,
            is_local: false,
            for_people: kind == ErrorKind::Configuration,
            source: None,
        }))
    }

    /// Names what was being done: a Redis command, `"qstash publish"`.
    #[must_use]
    pub fn with_operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0.operation = Some(operation.into());
        self
    }

    /// The same error with another message.
    pub(crate) fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    pub(crate) fn with_key(mut self, key: Option<String>) -> Self {
        self.0.key = key;
        self
    }

    /// The same error, of a call that a store refused without sending anything.
    pub(crate) fn local(mut self) -> Self {
        self.0.is_local = true;
        self
    }

    pub(crate) fn is_local(&self) -> bool {
        self.0.is_local
    }

    /// Another kind for the same message.
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same error, for people who read it as `main` prints it.
    pub(crate) fn for_people(mut self) -> Self {
        self.0.for_people = true;
        self
    }

    /// The error without its key, for a log: keys hold names of clients.
    pub(crate) fn without_key(self) -> Self {
        self.with_key(None)
    }

    /// Adds the remedy to the message.
    pub(crate) fn with_remedy(mut self, remedy: impl fmt::Display) -> Self {
        self.0.message = format!("{}: {remedy}", self.0.message).into();
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status.as_u16());
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The operation that failed: a Redis command name, `"qstash publish"`.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// The first key of the Redis command.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// The message without operation, key and status.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The time that the service asked to wait (`Retry-After`).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the store or service is out of order: it cannot be reached, does not answer in time, fails, or refuses
    /// every call for a while. A refusal of this one call is no outage.
    ///
    /// The [`CircuitBreaker`](crate::CircuitBreaker) counts these errors, and
    /// [`LoadFailure`](crate::session::LoadFailure) applies to them.
    ///
    /// ```
    /// use axum_upstash::{Error, ErrorKind};
    ///
    /// assert!(Error::new(ErrorKind::Connect, "no connection was made").is_outage());
    /// assert!(!Error::new(ErrorKind::WrongType, "the key holds a list").is_outage());
    /// ```
    #[must_use]
    pub fn is_outage(&self) -> bool {
        use ErrorKind::*;
        matches!(self.0.kind, Connect | Timeout | Interrupted | Server | RateLimited | QuotaExceeded)
    }

    /// Whether the credentials are refused, or have not the right for this call.
    pub(crate) fn is_denial(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unauthorized | ErrorKind::Forbidden)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(operation) = &inner.operation {
            f.write_str(operation)?;
            if let Some(key) = &inner.key {
                write!(f, " {key:?}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&inner.message)?;
        if let Some(status) = inner.status {
            write!(f, " (HTTP {status})")?;
        }
        Ok(())
    }
}

/// All fields. A configuration error and one of [`Upstash::check`](crate::Upstash::check) print their message alone, one
/// line for each problem, because `main` prints the `Debug` text of the error that it returns.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if inner.for_people {
            return fmt::Display::fmt(self, f);
        }
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("operation", &inner.operation)
            .field("key", &inner.key)
            .field("status", &inner.status)
            .field("message", &inner.message)
            .field("retry_after", &inner.retry_after)
            .field("source", &inner.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// For parameters of `impl TryInto`, which also take the value itself.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        if error.is_outage() {
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service temporarily unavailable");
        }
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let problem = Problem::from(&self);
        let error = self.without_key();
        if problem.status() == StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(%error, "a handler failed: Upstash is unavailable");
        } else {
            tracing::error!(%error, "a handler failed");
        }
        problem.into_response()
    }
}
