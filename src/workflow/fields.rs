//! Names and values of the protocol, version 1.

use http::{HeaderMap, HeaderName};

macro_rules! names {
    ($($constant:ident = $name:literal;)*) => {
        $(pub(super) const $constant: HeaderName = HeaderName::from_static($name);)*
    };
}

names! {
    RUN_ID = "upstash-workflow-runid";
    INIT = "upstash-workflow-init";
    URL = "upstash-workflow-url";
    CREATED_AT = "upstash-workflow-createdat";
    SDK_VERSION = "upstash-workflow-sdk-version";
    SDK = "upstash-workflow-sdk";
    CALL_TYPE = "upstash-workflow-calltype";
    CALLBACK = "upstash-workflow-callback";
    STEP_ID = "upstash-workflow-stepid";
    STEP_NAME = "upstash-workflow-stepname";
    CONCURRENT = "upstash-workflow-concurrent";
    INVOKE = "upstash-workflow-invoke";
    INVOKE_COUNT = "upstash-workflow-invoke-count";
    FAILURE_CALLBACK = "upstash-workflow-failure-callback";
    FAILURE_CALLBACK_NOT_FOUND = "upstash-workflow-failure-callback-notfound";
    UNKNOWN_SDK = "upstash-workflow-unknown-sdk";
    TRIGGER_BY_SDK = "upstash-workflow-trigger-by-sdk";
    LABEL = "upstash-label";
    MESSAGE_ID = "upstash-message-id";
    RETRIED = "upstash-retried";
    SIGNATURE = "upstash-signature";
    REGION = "upstash-region";
    ERROR_STEP_NAME = "upstash-error-step-name";
}

/// The value of a header, if it is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether an id can be part of a path: of a run, an event or a workflow.
pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The version of the protocol.
pub(super) const PROTOCOL: &str = "1";
/// The features of an endpoint that the server may count on.
pub(super) const FEATURES: &str = "LazyFetch,InitialBody,WF_DetectTrigger,WF_TriggerOnConfig";
/// Those of the call of another service: its failure is a result.
pub(super) const CALL_FEATURES: &str = "WF_NoDelete,InitialBody";
/// This crate, as an endpoint names it.
pub(super) const THIS_SDK: &str = concat!("axum-upstash@", env!("CARGO_PKG_VERSION"));
