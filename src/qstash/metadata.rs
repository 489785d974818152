use super::{Claims, MessageId, Region, ScheduleId, UrlGroupName, wire::StoredId};
use crate::Problem;
use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, request::Parts};
use std::{convert::Infallible, fmt, net::IpAddr};

/// The longest value of a header that is read.
const MAX_LENGTH: usize = 256;

/// The headers that QStash adds to a delivery.
///
/// The [`claims`](Self::claims) are signed. The rest comes from headers, which the signature does not cover: they are
/// as trustworthy as the connection. A header that cannot be read, or has more than 256 bytes, counts as absent.
///
/// It is in [`VerifiedMessage`](super::VerifiedMessage). Behind a [`QStashLayer`](super::QStashLayer) it is an extractor
/// too, and in the extensions of the request.
///
/// ```
/// use axum::{Router, routing::post};
/// use axum_upstash::{Upstash, qstash::Metadata};
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// async fn receipt(metadata: Metadata) -> String {
///     // The same in every delivery of one message.
///     format!("{:?}, after {} retries", metadata.message_id, metadata.retried)
/// }
///
/// let upstash = Upstash::builder().or_memory().qstash_signing_keys("sig_current", "sig_next").build()?;
/// let app: Router = Router::new().route("/webhooks/receipt", post(receipt)).layer(upstash.qstash_layer());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// `Upstash-Message-Id`: the same for all deliveries of a message.
    pub message_id: Option<MessageId>,
    /// `Upstash-Retried`: how often the message was delivered before.
    pub retried: u32,
    /// `Upstash-Schedule-Id`: the schedule that made the message.
    pub schedule_id: Option<ScheduleId>,
    /// `Upstash-Topic-Name`: the URL group that the message was published to.
    pub url_group: Option<UrlGroupName>,
    /// `Upstash-Caller-Ip`: the address that the message was published from.
    pub caller_ip: Option<IpAddr>,
    /// `Upstash-Region`: the region that the message comes from.
    pub region: Option<Region>,
    /// `traceparent`: the trace that the message was published in, if the publisher forwarded the header
    /// ([Trace Context](https://www.w3.org/TR/trace-context/)).
    pub traceparent: Option<String>,
    /// The signed claims.
    pub claims: Claims,
}

impl Metadata {
    pub(super) fn new(headers: &HeaderMap, claims: Claims) -> Self {
        let text = |name| {
            let text = headers.get(name).and_then(|value| value.to_str().ok())?;
            (text.len() <= MAX_LENGTH).then_some(text)
        };
        fn id<T: StoredId>(text: Option<&str>) -> Option<T> {
            T::from_service(text?.to_owned())
        }
        Self {
            message_id: id(text("upstash-message-id")),
            retried: text("upstash-retried").and_then(|count| count.parse().ok()).unwrap_or(0),
            schedule_id: id(text("upstash-schedule-id")),
            url_group: id(text("upstash-topic-name")),
            caller_ip: text("upstash-caller-ip").and_then(|ip| ip.parse().ok()),
            region: text("upstash-region").and_then(|region| region.parse().ok()),
            traceparent: text("traceparent").filter(|text| is_traceparent(text)).map(str::to_owned),
            claims,
        }
    }
}

/// Whether the text begins with version, trace, parent and flags, in lower-case hexadecimal. A later version may add to it.
fn is_traceparent(text: &str) -> bool {
    let mut fields = text.split('-');
    let mut is_hex = |length| {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        fields.next().is_some_and(|field| field.len() == length && field.bytes().all(is_digit))
    };
    is_hex(2) && is_hex(32) && is_hex(16) && is_hex(2)
}

impl<S: Send + Sync> FromRequestParts<S> for Metadata {
    type Rejection = MetadataRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MetadataRejection> {
        parts.extensions.get().cloned().ok_or(MetadataRejection(()))
    }
}

/// `None` if no [`QStashLayer`](super::QStashLayer) is around the route.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Metadata {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}

/// The request did not go through a [`QStashLayer`](super::QStashLayer).
///
/// ```
/// use axum_upstash::qstash::{Metadata, MetadataRejection};
///
/// async fn handler(metadata: Result<Metadata, MetadataRejection>) -> &'static str {
///     if metadata.is_ok() { "verified" } else { "there is no QStashLayer around this route" }
/// }
/// # let _ = handler;
/// ```
#[derive(Debug)]
pub struct MetadataRejection(());

impl fmt::Display for MetadataRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no QStash metadata in the request: QStashLayer has to be added after (so around) the routes that use it",
        )
    }
}

impl std::error::Error for MetadataRejection {}

impl IntoResponse for MetadataRejection {
    fn into_response(self) -> Response {
        Problem::of_mistake(&self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::is_traceparent;

    #[test]
    fn a_traceparent_has_four_fields_in_hexadecimal() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(is_traceparent(trace) && is_traceparent(&format!("{}-more", trace.replacen("00", "01", 1))));
        for text in ["", "00", &trace[..54], &trace.to_uppercase(), &trace.replace('-', "_"), "00-1-2-01"] {
            assert!(!is_traceparent(text), "{text}");
        }
    }
}
