use serde::Deserialize;

/// A message that QStash has taken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Published {
    /// The id of the message: for logs, for cancelling it, and what the destination gets as `Upstash-Message-Id`.
    pub message_id: String,
    /// The URL of the destination, if the service returns it.
    #[serde(default)]
    pub url: Option<String>,
    /// A message with the same deduplication id was taken before: this is its id, and nothing new was queued.
    #[serde(default)]
    pub deduplicated: bool,
}
