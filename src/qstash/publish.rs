use super::{
    Destination, Message, QStashClient,
    call::{Call, Caller},
    message::Outgoing,
    published::FromAnswer,
};
use crate::Error;

impl QStashClient {
    /// Hands a message over to QStash, which delivers it.
    ///
    /// A message to a URL answers with one [`Published`](super::Published), one to a URL group with one for each
    /// endpoint.
    ///
    /// Publishing twice makes two messages, so only what provably never left is sent again, unless the message has a
    /// [`deduplication_id`](Message::deduplication_id).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the message has a value that cannot be sent; then
    /// nothing was sent. [`ErrorKind::Unauthorized`](crate::ErrorKind::Unauthorized),
    /// [`ErrorKind::QuotaExceeded`](crate::ErrorKind::QuotaExceeded),
    /// [`ErrorKind::RateLimited`](crate::ErrorKind::RateLimited),
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) and
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if QStash did not take the message;
    /// [`Error::is_outage`] if QStash could not be reached.
    pub async fn publish<D: Destination>(&self, message: Message<D>) -> Result<D::Published, Error> {
        const OPERATION: &str = "qstash publish";
        let caller = self.caller();
        let outgoing = message.into_outgoing(caller).map_err(|error| error.with_operation(OPERATION))?;
        let path = format!("/v2/publish/{}", outgoing.destination);
        hand_over::<D>(caller, OPERATION, path, outgoing).await
    }
}

/// Sends a message, and reads the answer that its destination has.
pub(super) async fn hand_over<D: Destination>(
    caller: &Caller,
    operation: &'static str,
    path: String,
    message: Outgoing,
) -> Result<D::Published, Error> {
    let is_deduplicated = message.is_deduplicated();
    let call = Call::post(operation, path).headers(message.headers).body(message.body);
    caller.send(call.repeatable_if(is_deduplicated)).await?.read(D::Published::read)
}
