use super::{fields::is_id, record::Record};
use crate::{
    Error, ErrorKind,
    qstash::{EmailProvider, FlowControl, LlmProvider, RetryDelay},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{borrow::Borrow, collections::BTreeMap, fmt, time::Duration};

/// A request that QStash makes for a workflow. No process waits for its answer, which may take hours.
///
/// ```
/// use axum_upstash::workflow::CallRequest;
/// use std::time::Duration;
///
/// let charge = CallRequest::post("https://pay.example.com/charges")
///     .header("authorization", "Bearer token")
///     .json(&serde_json::json!({"amount": 5}))
///     .retries(3)
///     .timeout(Duration::from_secs(30));
/// ```
#[derive(Clone)]
#[must_use]
pub struct CallRequest {
    pub(super) target: Target,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<String>,
    pub(super) retries: u32,
    pub(super) retry_delay: Option<RetryDelay>,
    pub(super) flow_control: Option<FlowControl>,
    pub(super) timeout: Option<Duration>,
    pub(super) problem: Option<&'static str>,
}

impl CallRequest {
    /// A request without a body, by `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        let url = url.into();
        let is_url = url::Url::parse(&url).is_ok_and(|url| url.has_host() && ["http", "https"].contains(&url.scheme()));
        let is_method = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(&method);
        let problem = match (is_url, is_method) {
            (false, _) => Some("its URL is not one of http or https"),
            (_, false) => Some("its method is not GET, POST, PUT, PATCH or DELETE"),
            _ => None,
        };
        Self { problem, ..Self::to(Target::Url(url), method) }
    }

    /// A request that begins a run of another workflow of the same [route](crate::workflow::serve_many), by its id, and does
    /// not wait for its end. The answer has the id of the run.
    pub fn workflow(id: impl Into<String>) -> Self {
        let id = id.into();
        let problem = (!is_id(&id)).then_some("it is for a workflow whose id is not one");
        Self { problem, ..Self::to(Target::Workflow(id), Method::POST) }
    }

    /// A prompt to a language model, for [`json`](Self::json).
    ///
    /// ```
    /// use axum_upstash::{qstash::LlmProvider, workflow::CallRequest};
    ///
    /// let summary = CallRequest::to_llm(&LlmProvider::openai("key")).json(&serde_json::json!({
    ///     "model": "gpt-4o",
    ///     "messages": [{"role": "user", "content": "Sum it up"}],
    /// }));
    /// ```
    pub fn to_llm(provider: &LlmProvider) -> Self {
        Self::to_provider(provider.url(), provider.headers())
    }

    /// A mail, or a list of them, for [`json`](Self::json).
    pub fn to_email(provider: &EmailProvider) -> Self {
        Self::to_provider(provider.url(), provider.headers())
    }

    fn to_provider(url: &str, headers: Vec<(&'static str, String)>) -> Self {
        headers.into_iter().fold(Self::post(url), |request, (name, value)| request.header(name, value))
    }

    fn to(target: Target, method: Method) -> Self {
        Self {
            target,
            method,
            headers: HeaderMap::new(),
            body: None,
            retries: 0,
            retry_delay: None,
            flow_control: None,
            timeout: None,
            problem: None,
        }
    }

    /// A `GET` request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// A `POST` request.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::POST, url)
    }

    /// Sets a header. One of that name that was set before is replaced.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name = HeaderName::try_from(name.as_ref());
        let value = HeaderValue::from_str(value.as_ref());
        match (name, value) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.problem = Some("a header of the call cannot be sent"),
        }
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the body to a value as JSON.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(text) => self.body = Some(text),
            Err(_) => self.problem = Some("the body of the call cannot be written as JSON"),
        }
        self
    }

    /// Sets how often QStash repeats a request that fails (not at all).
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets the waits before repetitions (12 s, 2 min 28 s, 30 min, 6 h, then 24 h).
    pub fn retry_delay(mut self, delay: impl Borrow<RetryDelay>) -> Self {
        self.retry_delay = Some(delay.borrow().clone());
        self
    }

    /// Limits how many calls with one key are made at once, or in a period.
    pub fn flow_control(mut self, control: impl Borrow<FlowControl>) -> Self {
        match control.borrow().key() {
            Ok(_) => self.flow_control = Some(control.borrow().clone()),
            Err(_) => self.problem = Some("its flow control has a key that cannot be sent"),
        }
        self
    }

    /// Sets how long QStash waits for the answer.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The media type of the body.
    pub(super) fn content_type(&self) -> &str {
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json")
    }
}

/// What a call is made to.
#[derive(Clone)]
pub(super) enum Target {
    Url(String),
    /// A workflow beside this one, by its id.
    Workflow(String),
}

/// Without headers and body: they are the application's.
impl fmt::Debug for CallRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// The answer to a [`CallRequest`], whatever its status.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallResponse {
    /// The status.
    pub status: u16,
    /// The headers, each with its values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body.
    pub body: Bytes,
}

impl CallResponse {
    /// Whether the status is one of success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if it is not of that type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let problem = |error: serde_json::Error| {
            let message = format!("the body of the answer is not the expected JSON: {:?} error", error.classify());
            let error = Error::new(ErrorKind::Decode, message);
            match http::StatusCode::from_u16(self.status) {
                Ok(status) => error.with_status(status),
                Err(_) => error,
            }
        };
        serde_json::from_slice(&self.body).map_err(problem)
    }
}

/// Without headers and body: they are the application's.
impl fmt::Debug for CallResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The result of a call as it is stored: each byte of the body is one character.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) status: u16,
    #[serde(default)]
    pub(super) body: Value,
    #[serde(default)]
    pub(super) header: BTreeMap<String, Vec<String>>,
}

impl Stored {
    pub(super) fn new(status: u16, body: &[u8], header: BTreeMap<String, Vec<String>>) -> Self {
        Self { status, body: body.iter().map(|byte| char::from(*byte)).collect::<String>().into(), header }
    }
}

pub(super) fn read_call(record: &Record) -> Result<CallResponse, &'static str> {
    let out = record.out.as_deref().ok_or("is missing")?;
    let Stored { status, body, header } = serde_json::from_str(out).map_err(|_| "is not that of a call")?;
    let body = match body {
        // Characters beyond a byte come from clients that store text.
        Value::String(text) => {
            match text.chars().map(|one| u8::try_from(u32::from(one)).ok()).collect::<Option<Vec<u8>>>() {
                Some(bytes) => bytes.into(),
                None => text.into(),
            }
        }
        Value::Null => Bytes::new(),
        other => other.to_string().into(),
    };
    Ok(CallResponse { status, headers: header, body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::record::StepKind;

    #[test]
    fn a_body_is_the_same_bytes_after_all() {
        for body in ["é".as_bytes(), b"\xff\x00", b"{\"id\":7}", b""] {
            let stored = Stored::new(200, body, BTreeMap::new());
            let out = serde_json::to_string(&stored).unwrap();
            let record = Record { out: Some(out), ..Record::new(1, "charge", StepKind::Call, 1) };
            assert_eq!(&*read_call(&record).unwrap().body, body);
        }
        let stored = serde_json::to_value(Stored::new(200, "é".as_bytes(), BTreeMap::new())).unwrap();
        assert_eq!(stored["body"], "Ã©");
    }

    #[test]
    fn json_of_an_answer_is_typed() {
        let answer = CallResponse { status: 200, headers: BTreeMap::new(), body: r#"{"id":7}"#.into() };
        assert_eq!(answer.json::<BTreeMap<String, u8>>().unwrap()["id"], 7);
        assert_eq!(answer.json::<u8>().unwrap_err().kind(), ErrorKind::Decode);
    }
}
