use super::{
    CallbackRejection, DlqId, MessageId, ScheduleId, UrlGroupName,
    verification::Verified,
    wire::{Object, Unreadable},
};
use crate::{Error, ErrorKind};
use axum_core::{
    body::Body,
    extract::{FromRequest, Request},
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Value;
use std::{fmt, time::SystemTime};

/// The body of a [callback](crate::qstash::Callback): the message, and the destination's answer to one delivery.
///
/// A callback comes after each delivery until one succeeds or all have failed; the last has
/// [`is_last`](Self::is_last). A failure callback comes once, and has the [`dlq_id`](Self::dlq_id).
///
/// It is an extractor inside of [`QStash`](super::QStash). `T` is any extractor, which reads the answer with its headers:
/// `Bytes`, `Json<Sent>`. An answer to a failed attempt is often something else, such as a page of a proxy, so expect it
/// as `Result<Json<Sent>, JsonRejection>`. If the service's documents print a field in two ways, both are read.
///
/// `Debug` shows neither headers nor bodies nor URLs.
///
/// ```
/// use axum::{Json, extract::rejection::JsonRejection};
/// use axum_upstash::qstash::{CallbackBody, QStash};
///
/// #[derive(serde::Deserialize)]
/// struct Sent {
///     receipt: u64,
/// }
///
/// async fn done(QStash(callback): QStash<CallbackBody<Result<Json<Sent>, JsonRejection>>>) {
///     match &callback.body {
///         Ok(Json(sent)) if callback.is_success() => println!("receipt {} was sent", sent.receipt),
///         _ if callback.is_last() => println!("{} failed", callback.source_message_id),
///         _ => println!("failed {} times, of {:?} retries at the most", callback.retried + 1, callback.max_retries),
///     }
/// }
///
/// async fn failed(QStash(callback): QStash<CallbackBody>) {
///     println!("{:?} answered {:?}: {:?}", callback.url, callback.status, callback.body);
/// }
/// # let _ = (done, failed);
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallbackBody<T = Bytes> {
    /// The message that was delivered.
    pub source_message_id: MessageId,
    /// The status of the answer, if there was one.
    pub status: Option<StatusCode>,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The body of the answer. It may be cut to the size that the plan allows.
    pub body: T,
    /// The number of deliveries before this one.
    pub retried: u32,
    /// The number of retries after failed deliveries, at the most, if the service says it.
    pub max_retries: Option<u32>,
    /// The URL of the destination.
    pub url: Option<String>,
    /// The method that it was called with.
    pub method: Option<Method>,
    /// The headers that the destination received.
    pub source_headers: HeaderMap,
    /// The body that the destination received.
    pub source_body: Bytes,
    /// The URL group that the message was published to.
    pub url_group: Option<UrlGroupName>,
    /// The name of the endpoint in that group.
    pub endpoint_name: Option<String>,
    /// The time of the delivery at the earliest.
    pub not_before: Option<SystemTime>,
    /// The time at which QStash took the message.
    pub created_at: Option<SystemTime>,
    /// The schedule that made the message.
    pub schedule_id: Option<ScheduleId>,
    /// The address that the message was published from.
    pub caller_ip: Option<String>,
    /// The entry of the dead letter queue, in a failure callback.
    pub dlq_id: Option<DlqId>,
}

impl<T> CallbackBody<T> {
    /// Reads the body that the destination received, as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if it is not JSON of this form.
    pub fn source_json<U: DeserializeOwned>(&self) -> Result<U, Error> {
        json("the message of the callback is not JSON of the expected form", &self.source_body)
    }

    /// Whether the destination answered with success (200 to 299).
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| status.is_success())
    }

    /// Whether the message is not delivered again.
    #[must_use]
    pub fn is_last(&self) -> bool {
        let is_given_up = self.status.is_some_and(|status| status.as_u16() == 489)
            && self
                .headers
                .get("upstash-nonretryable-error")
                .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
        self.is_success()
            || is_given_up
            || self.dlq_id.is_some()
            || self.max_retries.is_some_and(|max_retries| self.retried >= max_retries)
    }
}

impl CallbackBody {
    fn read(value: &Value) -> Result<Self, Error> {
        let unreadable = |Unreadable(name): Unreadable| {
            Error::new(
                ErrorKind::Decode,
                format!("the callback is not one of QStash: {name} is missing or cannot be read"),
            )
        };
        let object = Object::of(value).map_err(unreadable)?;
        Ok(Self {
            source_message_id: object.required_id("sourceMessageId").map_err(unreadable)?,
            status: object.status("status"),
            headers: object.headers(&["header", "headers"]),
            body: object.base64("body").unwrap_or_default(),
            retried: object.number("retried").unwrap_or(0),
            max_retries: object.number("maxRetries"),
            url: object.text("url"),
            method: object.method("method"),
            source_headers: object.headers(&["sourceHeader", "sourceHeaders"]),
            source_body: object.base64("sourceBody").unwrap_or_default(),
            url_group: object.id("topicName"),
            endpoint_name: object.text("endpointName"),
            not_before: object.time("notBefore"),
            created_at: object.time("createdAt"),
            schedule_id: object.id("scheduleId"),
            caller_ip: object.text("callerIP").or_else(|| object.text("callerIp")),
            dlq_id: object.id("dlqId"),
        })
    }

    fn with_body<T>(self, body: T) -> CallbackBody<T> {
        CallbackBody {
            body,
            source_message_id: self.source_message_id,
            status: self.status,
            headers: self.headers,
            retried: self.retried,
            max_retries: self.max_retries,
            url: self.url,
            method: self.method,
            source_headers: self.source_headers,
            source_body: self.source_body,
            url_group: self.url_group,
            endpoint_name: self.endpoint_name,
            not_before: self.not_before,
            created_at: self.created_at,
            schedule_id: self.schedule_id,
            caller_ip: self.caller_ip,
            dlq_id: self.dlq_id,
        }
    }
}

/// Reads JSON. The error of serde may quote the text, so it is left out of the message.
fn json<T: DeserializeOwned>(problem: &'static str, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::new(ErrorKind::Decode, format!("{problem} ({place})"))
    })
}

impl<'de> Deserialize<'de> for CallbackBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).map_err(|error| D::Error::custom(error.message()))
    }
}

/// It asks for no `Content-Type` of the callback itself.
impl<T: FromRequest<S>, S: Send + Sync> FromRequest<S> for CallbackBody<T> {
    type Rejection = CallbackRejection<T::Rejection>;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body);
        let body = Bytes::from_request(whole, state).await.map_err(CallbackRejection::Body)?;
        let value = json("the callback is not JSON", &body).map_err(CallbackRejection::Callback)?;
        let callback = CallbackBody::<Bytes>::read(&value).map_err(CallbackRejection::Callback)?;
        parts.headers.clone_from(&callback.headers);
        // The callback was verified, and not the answer in it.
        Verified::unmark(&mut parts.extensions);
        let answer = Request::from_parts(parts, Body::from(callback.body.clone()));
        let body = T::from_request(answer, state).await.map_err(CallbackRejection::Inner)?;
        Ok(callback.with_body(body))
    }
}

// By hand: headers and bodies are the application's, and a URL may hold a password.
impl<T> fmt::Debug for CallbackBody<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackBody")
            .field("source_message_id", &self.source_message_id)
            .field("status", &self.status)
            .field("retried", &self.retried)
            .field("max_retries", &self.max_retries)
            .field("dlq_id", &self.dlq_id)
            .finish_non_exhaustive()
    }
}
