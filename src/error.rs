use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

/// The result of a call to Upstash.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a call to Upstash, or its configuration, failed.
///
/// It names the kind, the operation (`"GET"`, `"qstash publish"`), the first key and the HTTP status where
/// there are any. It never holds a token, a signing key or a value that was sent.
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
    // Shared, because one lost request is the error of every command in it.
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What kind of failure an [`Error`] is.
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
    /// A limit of the plan: request size, record size, daily requests, capacity.
    LimitExceeded,
    /// What was named does not exist (HTTP 404).
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
            source: None,
        }))
    }

    /// Names what was being done: a Redis command, `"qstash publish"`.
    #[must_use]
    pub fn with_operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0.operation = Some(operation.into());
        self
    }

    pub(crate) fn with_key(mut self, key: Option<String>) -> Self {
        self.0.key = key;
        self
    }

    /// For a log: keys hold names of clients.
    #[cfg(feature = "redis")]
    pub(crate) fn without_key(self) -> Self {
        self.with_key(None)
    }

    pub(crate) fn with_status(mut self, status: http::StatusCode) -> Self {
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

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status of the answer, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// What was being done: a Redis command name, `"qstash publish"`.
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

    /// How long the service asked to wait (`Retry-After`).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the store or service could not be reached or did not work, as opposed to having refused the call.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        use ErrorKind::*;
        matches!(self.0.kind, Connect | Timeout | Interrupted | Server | RateLimited | OutOfMemory | ReadOnly)
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

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
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
