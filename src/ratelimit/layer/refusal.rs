use crate::{
    Problem,
    ratelimit::{Decision, Reason},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};

/// Makes the answer to a request that may not pass.
///
/// Closures implement it, and so do [`ProblemRefusal`], [`TextRefusal`] and [`GrpcRefusal`]. The [`Decision`] is put into
/// the response's extensions and the rate-limit fields are added to whatever it returns.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{Decision, FixedWindow, Refuse}};
/// use bytes::Bytes;
/// use http::{Response, StatusCode};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// #[derive(Debug)]
/// struct Teapot;
///
/// impl Refuse for Teapot {
///     fn refuse(&self, _: &Decision, _: &str) -> Response<Bytes> {
///         let mut response = Response::new(Bytes::from_static(b"slower, please"));
///         *response.status_mut() = StatusCode::IM_A_TEAPOT;
///         response
///     }
/// }
///
/// let layer = upstash.rate_limit_layer("api", FixedWindow::new(100, Duration::from_secs(60))).with_refusal(Teapot);
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
pub trait Refuse: Send + Sync + 'static {
    /// The answer. `policy` is the limit's name in the fields.
    fn refuse(&self, decision: &Decision, policy: &str) -> Response<Bytes>;

    /// The answer to a request that was not even decided on: it has no key, or the limits do not go together. The problem
    /// itself, if nothing else is said.
    fn refuse_undecided(&self, problem: &Problem) -> Response<Bytes> {
        problem.clone().into_bytes_response()
    }
}

impl<F> Refuse for F
where
    F: Fn(&Decision, &str) -> Response<Bytes> + Send + Sync + 'static,
{
    fn refuse(&self, decision: &Decision, policy: &str) -> Response<Bytes> {
        self(decision, policy)
    }
}

/// The status and the title of a refusal: 429, 403 for a client on a deny list, 503 if the limiter fails.
fn status(decision: &Decision) -> (StatusCode, &'static str) {
    match decision.reason {
        Reason::Outage => (StatusCode::SERVICE_UNAVAILABLE, "Service temporarily unavailable"),
        Reason::Denied(_) => (StatusCode::FORBIDDEN, "Forbidden"),
        _ => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
    }
}

/// A problem (RFC 9457) of the types that draft-ietf-httpapi-ratelimit-headers names.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use axum_upstash::{Upstash, ratelimit::FixedWindow};
/// use http::{Request, StatusCode};
/// use std::time::Duration;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let layer = upstash.rate_limit_layer("api", FixedWindow::new(1, Duration::from_secs(60)));
/// let app: Router = Router::new().route("/", get(|| async {})).layer(layer.with_key(|_| "everyone"));
/// let request = || Request::get("/").body(Body::empty());
/// assert_eq!(app.clone().oneshot(request()?).await?.status(), StatusCode::OK);
/// let refused = app.oneshot(request()?).await?; // ProblemRefusal is the default
/// assert_eq!(refused.headers()["content-type"], "application/problem+json");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ProblemRefusal;

impl Refuse for ProblemRefusal {
    fn refuse(&self, decision: &Decision, policy: &str) -> Response<Bytes> {
        let (status, title) = status(decision);
        let problem = Problem::new(status, title);
        let problem = match decision.reason {
            Reason::Outage => {
                problem.with_type("https://iana.org/assignments/http-problem-types#temporary-reduced-capacity")
            }
            Reason::Denied(_) => problem,
            // No policy of the fields is violated: too many of its requests are being worked on.
            Reason::Busy => problem.with("limit", decision.limit),
            _ => problem
                .with_type("https://iana.org/assignments/http-problem-types#quota-exceeded")
                .with("violated-policies", vec![policy])
                .with("limit", decision.limit),
        };
        let problem = if decision.is_counted() { problem.with("remaining", decision.remaining) } else { problem };
        problem.into_bytes_response()
    }
}

/// A line of plain text.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use axum_upstash::{Upstash, ratelimit::{FixedWindow, TextRefusal}};
/// use http::{Request, StatusCode};
/// use std::time::Duration;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let layer = upstash.rate_limit_layer("api", FixedWindow::new(1, Duration::from_secs(60)));
/// let layer = layer.with_key(|_| "everyone").with_refusal(TextRefusal);
/// let app: Router = Router::new().route("/", get(|| async {})).layer(layer);
/// let request = || Request::get("/").body(Body::empty());
/// assert_eq!(app.clone().oneshot(request()?).await?.status(), StatusCode::OK);
/// let refused = app.oneshot(request()?).await?;
/// assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
/// assert!(refused.headers()["content-type"].to_str()?.starts_with("text/plain"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TextRefusal;

impl Refuse for TextRefusal {
    fn refuse(&self, decision: &Decision, _: &str) -> Response<Bytes> {
        let (status, title) = status(decision);
        text(status, title)
    }

    fn refuse_undecided(&self, problem: &Problem) -> Response<Bytes> {
        text(problem.status(), problem.title())
    }
}

fn text(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(text.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Refuses calls of gRPC services, such as tonic's: status `RESOURCE_EXHAUSTED`, `PERMISSION_DENIED` for a client on a
/// deny list, `UNAVAILABLE` if the limiter fails, in the headers of a response without a body.
///
/// tonic does not put the peer into axum's extension, so the key has to read tonic's:
///
/// ```
/// use axum_upstash::{Upstash, client_ip::ClientIpSource, ratelimit::{FixedWindow, GrpcRefusal, Key}};
/// use std::time::Duration;
/// use tonic::transport::server::TcpConnectInfo;
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let source = ClientIpSource::peer();
/// let layer = upstash
///     .rate_limit_layer("grpc", FixedWindow::new(100, Duration::from_secs(60)))
///     .with_key(move |head| {
///         let peer = head.extensions().get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
///         peer.map_or(Key::Deny, |peer| Key::from(source.network(peer.ip())))
///     })
///     .with_refusal(GrpcRefusal);
/// let server = tonic::transport::Server::builder().layer(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct GrpcRefusal;

impl Refuse for GrpcRefusal {
    fn refuse(&self, decision: &Decision, _: &str) -> Response<Bytes> {
        let (_, title) = status(decision);
        let code = match decision.reason {
            Reason::Outage => UNAVAILABLE,
            Reason::Denied(_) => PERMISSION_DENIED,
            _ => RESOURCE_EXHAUSTED,
        };
        grpc(code, title)
    }

    fn refuse_undecided(&self, problem: &Problem) -> Response<Bytes> {
        let code = match problem.status() {
            StatusCode::UNAUTHORIZED => UNAUTHENTICATED,
            StatusCode::FORBIDDEN => PERMISSION_DENIED,
            StatusCode::TOO_MANY_REQUESTS => RESOURCE_EXHAUSTED,
            StatusCode::SERVICE_UNAVAILABLE => UNAVAILABLE,
            status if status.is_client_error() => INVALID_ARGUMENT,
            _ => INTERNAL,
        };
        grpc(code, problem.title())
    }
}

// <https://grpc.io/docs/guides/status-codes/>
const INVALID_ARGUMENT: u8 = 3;
const PERMISSION_DENIED: u8 = 7;
const RESOURCE_EXHAUSTED: u8 = 8;
const INTERNAL: u8 = 13;
const UNAVAILABLE: u8 = 14;
const UNAUTHENTICATED: u8 = 16;

pub(super) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A status without a message: its trailers stand in the headers.
fn grpc(code: u8, message: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_STATUS, u16::from(code).into());
    // Titles are plain text, in which gRPC escapes nothing but the percent sign.
    if let Ok(message) = HeaderValue::try_from(message.replace('%', "%25")) {
        headers.insert(HeaderName::from_static("grpc-message"), message);
    }
    response
}
