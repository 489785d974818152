use crate::{
    Problem,
    ratelimit::{Basis, Decision},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};

/// Makes the answer to a request that may not pass.
///
/// Closures implement it, and so do [`ProblemRefusal`], [`TextRefusal`] and [`GrpcRefusal`]. The [`Decision`] is put into
/// the response's extensions and the rate-limit fields are added to whatever it returns.
pub trait Refuse: Send + Sync + 'static {
    /// The answer. `policy` is the limit's name in the fields.
    fn refuse(&self, decision: &Decision, policy: &str) -> Response<Bytes>;
}

impl<F> Refuse for F
where
    F: Fn(&Decision, &str) -> Response<Bytes> + Send + Sync + 'static,
{
    fn refuse(&self, decision: &Decision, policy: &str) -> Response<Bytes> {
        self(decision, policy)
    }
}

/// The status and the words for a refusal: 429, 403 for whom a list names, 503 where the limiter is out of order.
fn status(decision: &Decision) -> (StatusCode, &'static str) {
    match decision.basis {
        Basis::Outage => (StatusCode::SERVICE_UNAVAILABLE, "Service temporarily unavailable"),
        Basis::Denied(_) => (StatusCode::FORBIDDEN, "Forbidden"),
        _ => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
    }
}

/// A problem (RFC 9457) of the types that draft-ietf-httpapi-ratelimit-headers names.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProblemRefusal;

impl Refuse for ProblemRefusal {
    fn refuse(&self, decision: &Decision, policy: &str) -> Response<Bytes> {
        let (status, title) = status(decision);
        let problem = Problem::new(status, title);
        let problem = match decision.basis {
            Basis::Outage => {
                problem.with_type("https://iana.org/assignments/http-problem-types#temporary-reduced-capacity")
            }
            Basis::Denied(_) => problem,
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
#[derive(Debug, Clone, Copy, Default)]
pub struct TextRefusal;

impl Refuse for TextRefusal {
    fn refuse(&self, decision: &Decision, _: &str) -> Response<Bytes> {
        let (status, title) = status(decision);
        let mut response = Response::new(Bytes::from_static(title.as_bytes()));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }
}

/// For gRPC services, such as tonic's: status `RESOURCE_EXHAUSTED`, `PERMISSION_DENIED` for whom a list names,
/// `UNAVAILABLE` where the limiter is out of order, in the headers of a response without a body.
#[derive(Debug, Clone, Copy, Default)]
pub struct GrpcRefusal;

impl Refuse for GrpcRefusal {
    fn refuse(&self, decision: &Decision, _: &str) -> Response<Bytes> {
        let (_, title) = status(decision);
        let code = match decision.basis {
            Basis::Outage => "14",
            Basis::Denied(_) => "7",
            _ => "8",
        };
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from_static(code));
        headers.insert(HeaderName::from_static("grpc-message"), HeaderValue::from_static(title));
        response
    }
}
