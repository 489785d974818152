use super::Claims;
use http::HeaderMap;

/// The headers that QStash adds to a delivery.
///
/// The [`claims`](Self::claims) are signed. The rest comes from headers, which the signature does not cover: they are
/// as trustworthy as the connection.
///
/// ```
/// use axum::Json;
/// use axum_upstash::qstash::VerifiedMessage;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// async fn receipt(message: VerifiedMessage<Json<u64>>) -> String {
///     // The same in every delivery of one message.
///     message.metadata.message_id.unwrap_or_default()
/// }
/// # let _ = receipt;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// `Upstash-Message-Id`: the same for all deliveries of a message.
    pub message_id: Option<String>,
    /// `Upstash-Retried`: how often the message was delivered before.
    pub retried: u32,
    /// `Upstash-Schedule-Id`: the schedule that made the message.
    pub schedule_id: Option<String>,
    /// `Upstash-Topic-Name`: the URL group that the message was published to.
    pub url_group: Option<String>,
    /// `Upstash-Caller-Ip`: who published the message.
    pub caller_ip: Option<String>,
    /// `Upstash-Region`: the region that the message comes from, such as `EU-CENTRAL-1`.
    pub region: Option<String>,
    /// The signed claims.
    pub claims: Claims,
}

impl Metadata {
    pub(super) fn new(headers: &HeaderMap, claims: Claims) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            message_id: text("upstash-message-id"),
            retried: text("upstash-retried").and_then(|count| count.parse().ok()).unwrap_or(0),
            schedule_id: text("upstash-schedule-id"),
            url_group: text("upstash-topic-name"),
            caller_ip: text("upstash-caller-ip"),
            region: text("upstash-region"),
            claims,
        }
    }
}
