use super::{Basis, Decision};
use crate::Problem;
use bytes::Bytes;
use http::{Response, StatusCode};

/// Makes the answer to a request over the limit.
///
/// Closures implement it. The [`Decision`] is put into the response's extensions and the rate-limit fields are added
/// to whatever it returns.
pub trait Refuse: Send + Sync + 'static {
    /// The answer. `policy` is the limiter's name in the fields.
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

/// 429 with a `quota-exceeded` problem; 503 where the limiter itself is out of order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ProblemRefusal;

impl Refuse for ProblemRefusal {
    fn refuse(&self, decision: &Decision, policy: &str) -> Response<Bytes> {
        let problem = if decision.basis == Basis::Outage {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Service temporarily unavailable")
                .with_type("https://iana.org/assignments/http-problem-types#temporary-reduced-capacity")
        } else {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests")
                .with_type("https://iana.org/assignments/http-problem-types#quota-exceeded")
                .with("violated-policies", vec![policy])
                .with("limit", decision.limit)
        };
        let problem = if decision.is_counted() { problem.with("remaining", decision.remaining) } else { problem };
        problem.into_bytes_response()
    }
}
