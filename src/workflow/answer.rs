//! The answers of an endpoint.

use super::{
    error::{Failure, Retry},
    fields::{self, PROTOCOL, THIS_SDK},
};
use crate::qstash::whole_seconds;
use axum_core::{body::Body, response::Response};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde_json::{Value, json};

/// Why a delivery is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Success,
    FromCallback,
    Duplicate,
    AlreadyEnded,
    NoFailureFunction,
}

impl Condition {
    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::FromCallback => "fromCallback",
            Self::Duplicate => "duplicate-step",
            Self::AlreadyEnded => "workflow-already-ended",
            Self::NoFailureFunction => "failure-callback-undefined",
        }
    }
}

pub(super) fn done(run_id: &str, condition: Condition) -> Response {
    let mut response =
        json_response(StatusCode::OK, &json!({"workflowRunId": run_id, "finishCondition": condition.as_str()}));
    if condition == Condition::NoFailureFunction {
        response.headers_mut().insert(fields::FAILURE_CALLBACK_NOT_FOUND, HeaderValue::from_static("true"));
    }
    response
}

/// The failure function has run.
pub(super) fn failure_handled(result: Option<&str>) -> Response {
    json_response(StatusCode::OK, &result.map_or_else(|| json!({}), |result| json!({"result": result})))
}

/// The function returned without a step, which is how it refuses a request.
pub(super) fn without_step(run_id: Option<&str>) -> Response {
    let message = "the workflow returned before its first step: it needs at least one, or it has refused the request";
    json_response(
        StatusCode::BAD_REQUEST,
        &json!({"message": message, "workflowRunId": run_id.unwrap_or("no-workflow-id")}),
    )
}

pub(super) fn failed(failure: &Failure) -> Response {
    let status = match failure.retry {
        Retry::Yes => StatusCode::INTERNAL_SERVER_ERROR,
        Retry::After(_) => StatusCode::TOO_MANY_REQUESTS,
        // A status that no registry knows; the header is what counts.
        Retry::Never => StatusCode::from_u16(489).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY),
    };
    let mut response = json_response(status, &json!({"error": failure.name, "message": failure.message}));
    let headers = response.headers_mut();
    match failure.retry {
        Retry::Yes => {}
        Retry::Never => {
            headers.insert("upstash-nonretryable-error", HeaderValue::from_static("true"));
        }
        Retry::After(time) => {
            headers.insert(RETRY_AFTER, whole_seconds(time).into());
        }
    }
    if let Some(step) = &failure.step {
        let visible: String =
            step.chars().map(|one| if one.is_control() || !one.is_ascii() { ' ' } else { one }).collect();
        if let Ok(step) = HeaderValue::from_str(&visible) {
            headers.insert(fields::ERROR_STEP_NAME, step);
        }
    }
    response
}

/// The signature is missing or wrong.
pub(super) fn unsigned(message: &str) -> Response {
    json_response(StatusCode::UNAUTHORIZED, &json!({"error": "SignatureError", "message": message}))
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(fields::SDK_VERSION, HeaderValue::from_static(PROTOCOL));
    headers.insert(fields::SDK, HeaderValue::from_static(THIS_SDK));
    response
}
