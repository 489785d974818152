use super::{MessageFilter, StoredMessage};
use crate::{
    Error,
    qstash::{
        MessageId, QStashClient,
        call::{Answer, Call, Caller},
        query::Query,
        wire::{Object, Unreadable},
    },
};

const CANCEL: &str = "qstash messages cancel";

/// Ids in one request, so that its target stays short enough for any proxy.
const IDS: usize = 50;

/// Messages that are under way: delayed, queued, waiting, or between retries.
///
/// ```no_run
/// use axum_upstash::qstash::{Message, QStashClient};
/// use std::time::Duration;
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let reminder = Message::to_url("https://app.example.com/remind").delay(Duration::from_secs(3600));
/// let id = qstash.publish(reminder).await?.message_id;
/// println!("not before {:?}", qstash.messages().get(&id).await?.not_before);
/// qstash.messages().cancel(&id).await?;
/// # Ok(())
/// # }
/// ```
///
/// Ids are checked before anything is sent, and none can be empty. A message that is being delivered may still arrive after
/// it was cancelled.
#[derive(Debug, Clone)]
#[must_use]
pub struct Messages {
    caller: Caller,
}

impl QStashClient {
    /// Messages that are under way.
    pub fn messages(&self) -> Messages {
        Messages { caller: self.caller().clone() }
    }
}

impl Messages {
    /// Reads a message.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it does not exist, or was delivered a while ago.
    pub async fn get(&self, id: impl TryInto<MessageId, Error: Into<Error>>) -> Result<StoredMessage, Error> {
        const OPERATION: &str = "qstash message get";
        self.caller.fetch(Call::get(OPERATION, path(id, OPERATION)?)).await
    }

    /// Cancels a message.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it does not exist, or was delivered a while ago.
    pub async fn cancel(&self, id: impl TryInto<MessageId, Error: Into<Error>>) -> Result<(), Error> {
        const OPERATION: &str = "qstash message cancel";
        self.caller.send(Call::delete(OPERATION, path(id, OPERATION)?)).await.map(drop)
    }

    /// Cancels the messages of these ids, 50 in each request, and returns how many were under way. Without any id nothing is
    /// sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if an id cannot be sent; then nothing was sent. If a later
    /// request fails, those before have taken effect, and the call may be made again.
    pub async fn cancel_many(
        &self,
        ids: impl IntoIterator<Item = impl TryInto<MessageId, Error: Into<Error>>>,
    ) -> Result<u64, Error> {
        let ids: Result<Vec<MessageId>, Error> = ids.into_iter().map(|id| id.try_into().map_err(Into::into)).collect();
        let ids = ids.map_err(|error| error.with_operation(CANCEL))?;
        let mut cancelled = 0_u64;
        for ids in ids.chunks(IDS) {
            let mut query = Query::default();
            for id in ids {
                query.push("messageIds", id);
            }
            cancelled = cancelled.saturating_add(self.cancel_by(&query).await?);
        }
        Ok(cancelled)
    }

    /// Cancels all messages that a filter matches, and returns how many they were.
    ///
    /// QStash stops at the first message that it cannot cancel, and answers with an error. The call may be made again.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the filter is empty or has a value that cannot be sent;
    /// then nothing was sent.
    pub async fn cancel_where(&self, filter: MessageFilter) -> Result<u64, Error> {
        self.cancel_by(&filter.into_query().map_err(|error| error.with_operation(CANCEL))?).await
    }

    /// Cancels every message that is under way, and returns how many they were.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn cancel_all(&self) -> Result<u64, Error> {
        self.cancel_by(&Query::default()).await
    }

    async fn cancel_by(&self, query: &Query) -> Result<u64, Error> {
        cancelled(&self.caller.send(Call::delete(CANCEL, query.after("/v2/messages"))).await?)
    }
}

fn cancelled(answer: &Answer) -> Result<u64, Error> {
    answer.read(|value| {
        let object = Object::of(value)?;
        object.number("cancelled").or_else(|| object.number("canceled")).ok_or(Unreadable("cancelled"))
    })
}

fn path(id: impl TryInto<MessageId, Error: Into<Error>>, operation: &'static str) -> Result<String, Error> {
    let id = id.try_into().map_err(|error| error.into().with_operation(operation))?;
    Ok(format!("/v2/messages/{}", id.segment()))
}
