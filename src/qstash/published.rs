use super::{
    MessageId,
    wire::{FromWire, Object, Unreadable, items},
};
use serde_json::Value;

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
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The id of the message: for logs, for cancelling it, and what the destination gets as `Upstash-Message-Id`.
    pub message_id: MessageId,
    /// The URL of the destination, if the service returns it.
    pub url: Option<String>,
    /// A message with the same deduplication id was taken before: this is its id, and nothing new was queued.
    pub deduplicated: bool,
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
