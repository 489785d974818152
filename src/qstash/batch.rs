use super::{
    Destination, Message, Published, QStashClient, QueueName,
    call::{Call, Caller},
    error::{invalid, of_item},
    message::Outgoing,
    wire::{FromWire, Unreadable},
};
use crate::{Error, ErrorKind};
use serde_json::{Map, Value, json};

const OPERATION: &str = "qstash batch";

/// A message of a [batch](QStashClient::batch), for a URL, a URL group, or a queue.
///
/// ```
/// use axum_upstash::qstash::{BatchItem, Message};
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let items = [
///     BatchItem::from(Message::to_url("https://app.example.com/hook").body("1")),
///     BatchItem::from(Message::to_url_group("receipts").body("2")),
///     BatchItem::enqueue("orders", Message::to_url("https://app.example.com/hook").body("3"))?,
/// ];
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct BatchItem {
    message: Message<()>,
    queue: Option<QueueName>,
}

impl BatchItem {
    /// A message for a queue.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if no queue can have that name.
    pub fn enqueue<D: Destination>(
        queue: impl TryInto<QueueName, Error: Into<Error>>,
        message: Message<D>,
    ) -> Result<Self, Error> {
        Ok(Self { message: message.for_any(), queue: Some(queue.try_into().map_err(Into::into)?) })
    }

    fn into_json(self, caller: &Caller) -> Result<(Value, bool), Error> {
        let outgoing = self.message.into_outgoing(caller)?;
        if self.queue.is_some() {
            outgoing.check_for_queue()?;
        }
        let is_deduplicated = outgoing.is_deduplicated();
        let Outgoing { destination, headers, body } = outgoing;
        let mut named = Map::new();
        for name in headers.keys() {
            let values: Result<Vec<&str>, _> = headers.get_all(name).iter().map(http::HeaderValue::to_str).collect();
            let Ok(values) = values else {
                return Err(invalid(format!("the header {name} is not ASCII, which a batch cannot carry")));
            };
            named.insert(name.as_str().to_owned(), values.join(", ").into());
        }
        let body = std::str::from_utf8(&body)
            .map_err(|_| invalid("the body is not UTF-8, which a batch cannot carry: publish the message by itself"))?;
        let mut item = json!({"destination": destination, "headers": named});
        if !body.is_empty() {
            item["body"] = body.into();
        }
        if let Some(queue) = self.queue {
            item["queue"] = queue.as_str().into();
        }
        Ok((item, is_deduplicated))
    }
}

impl<D: Destination> From<Message<D>> for BatchItem {
    fn from(message: Message<D>) -> Self {
        Self { message: message.for_any(), queue: None }
    }
}

/// An item of a batch that QStash has taken.
///
/// ```
/// use axum_upstash::qstash::BatchPublished;
///
/// fn ids(taken: &BatchPublished) -> Vec<&str> {
///     taken.messages().iter().map(|message| message.message_id.as_str()).collect()
/// }
/// # let _ = ids;
/// ```
#[derive(Debug, Clone)]
pub enum BatchPublished {
    /// The message of an item for a URL.
    Message(Published),
    /// The messages of an item for a URL group, one for each endpoint.
    Group {
        /// Those that were taken, at least one.
        messages: Vec<Published>,
        /// Why others were not, if there are any.
        refused: Vec<Error>,
    },
}

impl BatchPublished {
    /// The message, or the messages of the group that were taken.
    #[must_use]
    pub fn messages(&self) -> &[Published] {
        match self {
            Self::Message(message) => std::slice::from_ref(message),
            Self::Group { messages, .. } => messages,
        }
    }
}

/// The outcome of one item.
struct Outcome(Result<BatchPublished, Error>);

impl Outcome {
    /// Reads the outcome of one item. One that cannot be read leaves the others alone.
    fn read(value: &Value) -> Self {
        let unreadable = |Unreadable(name): Unreadable| {
            Error::new(
                ErrorKind::Decode,
                format!("the outcome of an item cannot be read: {name} is missing or of another form"),
            )
        };
        let one = |value: &Value| match value.get("error").and_then(Value::as_str) {
            Some(error) => Err(of_item(error)),
            None => Published::from_wire(value).map_err(unreadable),
        };
        let Value::Array(endpoints) = value else { return Self(one(value).map(BatchPublished::Message)) };
        let (mut messages, mut refused) = (Vec::new(), Vec::new());
        for outcome in endpoints.iter().map(one) {
            match outcome {
                Ok(message) => messages.push(message),
                Err(error) => refused.push(error.with_operation(OPERATION)),
            }
        }
        Self(match (messages.is_empty(), refused.first()) {
            (true, Some(error)) => Err(error.clone()),
            _ => Ok(BatchPublished::Group { messages, refused }),
        })
    }
}

impl QStashClient {
    /// Hands over several messages in one request. The outcomes are in the order of the items: an item that QStash refuses
    /// holds up no other.
    ///
    /// Headers and bodies travel as JSON, so a body has to be UTF-8. Without any item nothing is sent. The request is
    /// repeated after a lost answer only if every message has a [`deduplication_id`](Message::deduplication_id).
    ///
    /// ```no_run
    /// use axum_upstash::qstash::{BatchItem, Message, QStashClient};
    ///
    /// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
    /// let receipts = (1..=3).map(|order| Message::to_url("https://app.example.com/receipt").json(&order));
    /// for outcome in qstash.batch(receipts).await? {
    ///     match outcome {
    ///         Ok(taken) => println!("{}", taken.messages()[0].message_id),
    ///         Err(error) => eprintln!("one was not taken: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if an item cannot be sent; then nothing was sent, and the message says which item.
    /// Otherwise as [`publish`](Self::publish).
    pub async fn batch(
        &self,
        batch: impl IntoIterator<Item = impl Into<BatchItem>>,
    ) -> Result<Vec<Result<BatchPublished, Error>>, Error> {
        let caller = self.caller();
        let mut body = Vec::new();
        let mut is_safe = true;
        for (at, item) in batch.into_iter().enumerate() {
            let (item, is_deduplicated) = item.into().into_json(caller).map_err(|error| {
                Error::new(error.kind(), format!("item {at}: {}", error.message())).with_operation(OPERATION)
            })?;
            is_safe &= is_deduplicated;
            body.push(item);
        }
        if body.is_empty() {
            return Ok(Vec::new());
        }
        let sent = body.len();
        let call = Call::post(OPERATION, "/v2/batch").json(&Value::Array(body)).repeatable_if(is_safe);
        let outcomes: Vec<Outcome> = caller.send(call).await?.read(|value| match value {
            // The official SDKs expect a lone object as well.
            Value::Object(_) => Ok(vec![Outcome::read(value)]),
            Value::Array(list) => Ok(list.iter().map(Outcome::read).collect()),
            _ => Err(Unreadable("a list")),
        })?;
        if outcomes.len() != sent {
            let message = format!("{sent} items were sent, and the answer has {}", outcomes.len());
            return Err(Error::new(ErrorKind::Decode, message).with_operation(OPERATION));
        }
        Ok(outcomes.into_iter().map(|Outcome(outcome)| outcome.map_err(|e| e.with_operation(OPERATION))).collect())
    }
}
