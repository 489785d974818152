use super::{event::EventOutcome, record::Record};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt};

/// A URL that a third party calls, for one run.
///
/// ```
/// use axum_upstash::workflow::{CallRequest, EventOutcome, WorkflowContext, WorkflowError};
/// use std::time::Duration;
///
/// async fn render(ctx: WorkflowContext<String>) -> Result<Option<u16>, WorkflowError> {
///     let webhook = ctx.create_webhook("webhook").await;
///     let job = serde_json::json!({"page": ctx.payload(), "callback": webhook.url});
///     ctx.call("render", CallRequest::post("https://render.example.com/jobs").json(&job)).await;
///     match ctx.wait_for_webhook("rendered", &webhook, Duration::from_secs(600)).await {
///         EventOutcome::Event(request) => Ok(Some(request.json().map_err(|_| WorkflowError::non_retryable("no page count"))?)),
///         EventOutcome::TimedOut => Ok(None),
///     }
/// }
/// # let _: axum::Router<axum_upstash::Upstash> =
/// #     axum::Router::new().route("/", axum::routing::post(axum_upstash::workflow::serve(render)));
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Webhook {
    /// The URL. Its knowledge is all that a caller needs.
    #[serde(rename = "webhookUrl")]
    pub url: String,
    /// The id of the event that a call is.
    #[serde(rename = "eventId")]
    pub event: String,
}

impl Webhook {
    pub(super) fn new(url: String, event: String) -> Self {
        Self { url, event }
    }
}

/// Without the URL, which is all that a caller needs.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

/// A call of a [`Webhook`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookRequest {
    /// The method.
    pub method: String,
    /// The URL, with its query.
    pub url: String,
    /// The headers, each with its values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body.
    pub body: Bytes,
}

impl WebhookRequest {
    /// Reads the body as JSON.
    ///
    /// # Errors
    /// If it is not of that type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

/// Without URL, headers and body: they are the application's.
impl fmt::Debug for WebhookRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

pub(super) fn read_webhook_request(record: &Record) -> Result<EventOutcome<WebhookRequest>, &'static str> {
    #[derive(Deserialize)]
    struct Called {
        method: String,
        #[serde(default)]
        header: BTreeMap<String, Vec<String>>,
        body: Option<String>,
        #[serde(default)]
        proto: String,
        #[serde(default)]
        host: String,
        #[serde(default)]
        url: String,
    }
    if record.wait_timeout == Some(true) {
        return Ok(EventOutcome::TimedOut);
    }
    let out = BASE64_STANDARD.decode(record.out.as_deref().ok_or("is missing")?).map_err(|_| "is not base64")?;
    let Called { method, header, body, proto, host, url } =
        serde_json::from_slice(&out).map_err(|_| "is not that of a webhook")?;
    let body = BASE64_STANDARD.decode(body.unwrap_or_default()).map_err(|_| "has a body that is not base64")?;
    let url = format!("{proto}://{host}{url}");
    Ok(EventOutcome::Event(WebhookRequest { method, url, headers: header, body: body.into() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::record::StepKind;

    #[test]
    fn a_call_is_read() {
        let called = r#"{"method":"POST","header":{"A":["b"]},"body":"Nw==","proto":"https","host":"q.example","url":"/hook?x=1"}"#;
        let record = Record::new(1, "wait", StepKind::WaitForWebhook, 1);
        let record = Record { out: Some(BASE64_STANDARD.encode(called)), ..record };
        let request = read_webhook_request(&record).unwrap().event().unwrap();
        assert_eq!(
            (&*request.method, &*request.url, request.json().ok()),
            ("POST", "https://q.example/hook?x=1", Some(7))
        );
        assert_eq!(request.headers["A"], ["b"]);
        let late = Record { wait_timeout: Some(true), out: None, ..record };
        assert_eq!(read_webhook_request(&late), Ok(EventOutcome::TimedOut));
    }
}
