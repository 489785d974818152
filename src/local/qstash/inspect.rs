use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::records::{Row, State};

/// A message as a test sees it: with its attempts and its state.
///
/// ```
/// use axum_upstash::{
///     local::{LocalMessageState, LocalQStash},
///     qstash::{Message, QStashClient},
/// };
/// use axum::{Router, routing::post};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = Router::new().route("/hook", post(|| async { "received" }));
/// let local = LocalQStash::builder().destination("https://app.example.com", app).start().await?;
/// let qstash = QStashClient::builder(local.token()).url(local.url()).build()?;
///
/// qstash.publish(Message::to_url("https://app.example.com/hook").body("17")).await?;
/// local.idle().await;
///
/// let [message] = &local.messages()[..] else { panic!("there is one") };
/// assert_eq!(message.state, LocalMessageState::Delivered);
/// assert_eq!((&*message.body, message.attempts), (&b"17"[..], 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LocalMessage {
    /// The id of the message.
    pub id: String,
    /// The destination, as it was published.
    pub url: String,
    /// The method that the destination is called with.
    pub method: Method,
    /// The fields that the destination gets, without those of QStash.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The attempts that have begun.
    pub attempts: u32,
    /// The status of the last response, if there was one.
    pub last_status: Option<u16>,
    /// The state.
    pub state: LocalMessageState,
}

/// The state of a [`LocalMessage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalMessageState {
    /// It waits for an attempt, or for the end of one.
    Pending,
    /// The destination answered with a status of 200 to 299.
    Delivered,
    /// All attempts failed: it is in the dead letter queue.
    Failed,
    /// It was cancelled.
    Canceled,
}

/// The messages in rows of the log, the oldest row first; in the order in which they were accepted.
pub(super) fn messages(rows: &[Arc<Row>]) -> Vec<LocalMessage> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut messages: Vec<LocalMessage> = Vec::new();
    for row in rows {
        let message = &row.message;
        let place = *places.entry(&message.id).or_insert_with(|| {
            messages.push(LocalMessage {
                id: message.id.clone(),
                url: message.url.clone(),
                method: message.options.method(),
                headers: message.options.forwarded.clone(),
                body: message.body.clone(),
                attempts: 0,
                last_status: None,
                state: LocalMessageState::Pending,
            });
            messages.len() - 1
        });
        let Some(seen) = messages.get_mut(place) else { continue };
        match row.state {
            State::Active => seen.attempts += 1,
            State::Delivered => seen.state = LocalMessageState::Delivered,
            State::Failed => seen.state = LocalMessageState::Failed,
            State::CancelRequested | State::Canceled => seen.state = LocalMessageState::Canceled,
            State::Created | State::Retry | State::Error => {}
        }
        if let Some(outcome) = row.outcome.as_ref().filter(|outcome| outcome.status > 0) {
            seen.last_status = Some(outcome.status);
        }
    }
    messages
}
