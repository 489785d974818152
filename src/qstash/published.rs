use super::{
    MessageId, subject,
    wire::{FromWire, Object, Unreadable, items},
};
use serde_json::Value;
use std::fmt;

/// A message that QStash has taken.
///
/// ```no_run
/// use axum_upstash::qstash::{Message, QStashClient};
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let published = qstash.publish(Message::to_url("https://app.example.com/hook").body("17")).await?;
/// println!("{}", published.message_id);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The id of the message: for logs, for cancelling it, and what the destination gets as `Upstash-Message-Id`.
    pub message_id: MessageId,
    /// The URL of the destination, if the service returns it.
    pub url: Option<String>,
    /// A message with the same deduplication id was taken before: this is its id, and nothing new was queued. The client
    /// sends such a message again if an answer was lost, so the one before may be this call's own.
    pub deduplicated: bool,
}

// By hand: a URL may hold a password.
impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published")
            .field("message_id", &self.message_id)
            .field("url", &self.url.as_deref().map(subject::shown))
            .field("deduplicated", &self.deduplicated)
            .finish()
    }
}

impl FromWire for Published {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self {
            message_id: object.required_id("messageId")?,
            url: object.text("url"),
            deduplicated: object.flag("deduplicated"),
        })
    }
}

/// The answer to a message, whose form depends on the destination.
pub trait FromAnswer: Sized {
    #[doc(hidden)]
    fn read(value: &Value) -> Result<Self, Unreadable>;
}

impl FromAnswer for Published {
    fn read(value: &Value) -> Result<Self, Unreadable> {
        Self::from_wire(value)
    }
}

impl FromAnswer for Vec<Published> {
    fn read(value: &Value) -> Result<Self, Unreadable> {
        match value {
            // As OpenAPI draws it.
            Value::Object(object) => object.get("messages").map_or(Err(Unreadable("messages")), items),
            Value::Null => Err(Unreadable("a list")),
            list => items(list),
        }
    }
}
