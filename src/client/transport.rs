use bytes::Bytes;
use futures_core::future::BoxFuture;
use http_body_util::combinators::UnsyncBoxBody;
use std::{error::Error as StdError, fmt};

/// The body of an answer, read as it arrives.
pub type TransportBody = UnsyncBoxBody<Bytes, TransportError>;

/// Sends one HTTP request and returns the answer: the seam between this crate and an HTTP client.
///
/// A transport does not retry, does not follow redirects to another host with the `Authorization` header, and does
/// not treat any status as an error. Dropping the future gives the request up.
///
/// ```
/// use axum_upstash::{client::{Transport, TransportBody, TransportError, TransportErrorKind}, redis::Redis};
/// use bytes::Bytes;
/// use futures_core::future::BoxFuture;
/// use http::{Request, Response};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// A network that is always down.
/// #[derive(Debug)]
/// struct Down;
///
/// impl Transport for Down {
///     fn send(&self, _: Request<Bytes>) -> BoxFuture<'static, Result<Response<TransportBody>, TransportError>> {
///         let down = std::io::Error::from(std::io::ErrorKind::NetworkDown);
///         Box::pin(async { Err(TransportError::new(TransportErrorKind::Connect, down)) })
///     }
/// }
///
/// let redis = Redis::builder("https://eu1-example.upstash.io", "token").transport(Down).build()?;
/// # drop(redis);
/// # Ok(())
/// # }
/// ```
pub trait Transport: Send + Sync + 'static {
    /// Sends `request`.
    ///
    /// # Errors
    /// If no complete response head was received. The [`TransportErrorKind`] says whether anything was sent.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>>;
}

/// The stage at which a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The request cannot be sent at all, for example because of its URL.
    Request,
    /// No connection was made, or it was closed before anything was written: the server has seen nothing.
    Connect,
    /// Time ran out.
    Timeout,
    /// The connection broke after something may have been sent.
    Interrupted,
    /// The answer is larger than any that Upstash gives.
    Oversized,
}

/// Why a [`Transport`] has no answer.
///
/// ```
/// use axum_upstash::client::{TransportError, TransportErrorKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = TransportError::new(TransportErrorKind::Connect, refused);
/// assert_eq!(error.kind(), TransportErrorKind::Connect); // never left, so it may be sent again
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Box<dyn StdError + Send + Sync>,
}

impl TransportError {
    /// An error of `kind`.
    pub fn new(kind: TransportErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// The stage at which the request failed.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportErrorKind::Request => "the request cannot be sent",
            TransportErrorKind::Connect => "no connection could be made",
            TransportErrorKind::Timeout => "the request timed out",
            TransportErrorKind::Interrupted => "the connection broke",
            TransportErrorKind::Oversized => "the answer is too large",
        })
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
