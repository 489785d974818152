//! The span of a delivery, with the names of OpenTelemetry
//! (<https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/>).

use super::{
    delivery::Kind,
    error::{Failure, Retry},
    fields,
    run::Run,
};
use http::HeaderMap;
use tracing::{Span, field::Empty};

/// The span in which a delivery is answered, and the function runs.
pub(super) fn of_delivery(headers: &HeaderMap, kind: &Kind, run: &Run) -> Span {
    let operation = match kind {
        Kind::Begin | Kind::UnknownSdk => "begin",
        Kind::CallResult => "call result",
        Kind::Failure => "failure",
        Kind::Step => "step",
    };
    // The query of a URL, and what is before its host, may be secret.
    let destination = url::Url::parse(&run.url).map(|url| url.path().to_owned()).unwrap_or_default();
    tracing::info_span!(
        "workflow delivery",
        "otel.kind" = "consumer",
        "otel.status_code" = Empty,
        "error.type" = Empty,
        "messaging.system" = "qstash",
        "messaging.operation.type" = "process",
        "messaging.operation.name" = operation,
        "messaging.destination.name" = destination,
        "messaging.message.id" = fields::text(headers, &fields::MESSAGE_ID),
        "messaging.message.conversation_id" = %run.id,
        "http.request.resend_count" = run.retried,
        "workflow.version" = run.version.as_deref(),
        "workflow.step.name" = Empty,
    )
}

/// Notes in the span why a delivery failed.
pub(super) fn failed(span: &Span, failure: &Failure) {
    let kind = match failure.retry {
        Retry::Yes => failure.name,
        Retry::Never => "non_retryable",
        Retry::After(_) => "retry_after",
    };
    span.record("otel.status_code", "ERROR").record("error.type", kind);
    if let Some(step) = &failure.step {
        span.record("workflow.step.name", step.as_str());
    }
}
