//! QStash: verified webhooks, publishing, and all that QStash keeps.
//!
//! [`QStash`] is an extractor around another one. The handler runs only for a request that QStash signed, and gets
//! the body it signed; [`VerifiedMessage`] adds message id, retries and the claims. The signing keys are in a
//! [`Receiver`], which is the state of the router or a part of it. A [`QStashLayer`] verifies for a whole router, or for a
//! tower service without axum.
//!
//! ```
//! use axum::{Json, Router, body::Body, http::Request, routing::post};
//! use axum_upstash::qstash::{NonRetryable, QStash, Receiver};
//! use tower::ServiceExt;
//!
//! #[derive(serde::Deserialize)]
//! struct Receipt {
//!     order: u64,
//! }
//!
//! async fn send_receipt(QStash(Json(receipt)): QStash<Json<Receipt>>) -> Result<(), NonRetryable<String>> {
//!     if receipt.order == 0 {
//!         // Delivering this again would not help.
//!         return Err(NonRetryable("there is no order 0".into()));
//!     }
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::new("sig_current", "sig_next")?.try_with_public_url("https://app.example.com")?;
//! let app: Router = Router::new().route("/webhooks/receipt", post(send_receipt)).with_state(receiver);
//!
//! let unsigned = Request::post("/webhooks/receipt").body(Body::from(r#"{"order":17}"#))?;
//! assert_eq!(app.oneshot(unsigned).await?.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! # What is refused
//! Any failed check answers 401 with a problem document (RFC 9457) whose member `check` is the [word for
//! it](SignatureError::check). A body beyond the receiver's limit is 413, one that breaks off 400, a receiver without
//! keys 500. If the signature is right and the inner extractor refuses the body, the extractor's own response goes out.
//! QStash delivers again after any answer but 2xx; [`NonRetryable`] says that it should not.
//!
//! # Once
//! QStash delivers a message at least once: again if an answer is lost, and after each failure.
//!
//! | to handle | use | round trips to Redis |
//! |---|---|---|
//! | each message once | an [`IdempotencyGuard`], in a [layer](QStashLayer::with_idempotency_guard) or with a [`LeasedMessage`] | 2, and 1 for a duplicate |
//! | each signature once, against recorded requests | a [`ReplayGuard`], on the [builder](crate::UpstashBuilder::qstash_replay_guard) or a [receiver](Receiver::with_replay_guard) | 1 |
//!
//! ```
//! use axum::{Json, Router, routing::post};
//! use axum_upstash::Upstash;
//!
//! async fn send_receipt(Json(order): Json<u64>) -> String {
//!     format!("receipt for order {order}")
//! }
//!
//! # fn main() -> Result<(), axum_upstash::Error> {
//! let upstash = Upstash::builder().or_memory().build()?; // Upstash::from_env()? in an application
//! let webhooks: Router = Router::new()
//!     .route("/receipt", post(send_receipt))
//!     .layer(upstash.qstash_layer().with_idempotency_guard(upstash.idempotency_guard()));
//! # Ok(())
//! # }
//! ```
//!
//! # Answers
//! | answer | QStash |
//! |---|---|
//! | any 2xx, such as [`AlreadyDone`] | does not deliver the message again |
//! | [`RetryIn`] | delivers it again after this time |
//! | [`NonRetryable`] | gives it up, and calls the failure callback |
//! | any other | delivers it again after its own backoff, for as long as there are retries |
//!
//! # Rotating keys
//! A signature of either key is accepted. [`Claims::key`] tells which it was: [`KeyUsed::Next`] means that the keys
//! were rolled in the console and this process still has the old pair. Rolling them twice before it has the new one
//! makes every signature wrong.
//!
//! # On Workers and Lambda
//! All is as on a server. Name the public URL, which the platform may hide. If a request is given up, its guard releases
//! the message in the [background](crate::background).
//!
//! # Testing
#![cfg_attr(feature = "testing", doc = "[`Signer`] signs requests as QStash does, right ones and wrong ones.")]
#![cfg_attr(not(feature = "testing"), doc = "With feature `testing`, `Signer` signs requests as QStash does.")]
//!
//! # Two regions
//! Tokens, messages and signing keys belong to one [`Region`]. While an application moves from one to the other, it
//! publishes to that of `QSTASH_REGION`, and verifies each delivery with the keys of the region that the delivery names
//! ([`Receiver::try_with_region`]).
//!
//! # Development
//! With `QSTASH_DEV=true`, [`Upstash::from_env`](crate::Upstash::from_env) uses a development server on this machine, whose
//! account and keys are public. Only a server on this machine takes URLs of this machine.
//!
//! # Publishing
//! [`QStashClient`] hands over a [`Message`] that QStash delivers to a URL or to each endpoint of a URL group.
//!
//! ```no_run
//! use axum_upstash::qstash::{Message, QStashClient};
//! use std::time::Duration;
//!
//! # async fn run() -> Result<(), axum_upstash::Error> {
//! let qstash = QStashClient::new("token")?;
//! let receipt = Message::to_url("https://app.example.com/webhooks/receipt")
//!     .json(&serde_json::json!({"order": 17}))
//!     .delay(Duration::from_secs(60))
//!     .deduplication_id("receipt-17");
//! let published = qstash.publish(receipt).await?;
//! # Ok(())
//! # }
//! ```
//!
//! | a message that | is made with |
//! |---|---|
//! | tells what became of it | [`callback`](Message::callback), [`failure_callback`](Message::failure_callback), which receive a [`CallbackBody`] |
//! | belongs to a trace | [`header`](Message::header) with `traceparent`, which [`Metadata`] has again |
//! | is retried at other times | [`retries`](Message::retries), [`retry_delay`](Message::retry_delay) |
//! | must not be taken twice | [`deduplication_id`](Message::deduplication_id), or [`deduplicated`](Message::deduplicated) |
//! | must not overload its destination | [`flow_control`](Message::flow_control), or a [queue](QStashClient::queue) |
//! | is found in logs, without its secrets | [`label`](Message::label), [`redact_body`](Message::redact_body), [`redact_header`](Message::redact_header) |
//! | goes to a language model, or is a mail | [`to_llm`](Message::to_llm), [`to_email`](Message::to_email) |
//! | is published again and again | [`Schedule`] |
//!
//! # Managing
//! Queues, schedules, URL groups, messages under way, the dead letter queue, logs and flow control are methods of the
//! client: see the table of [`QStashClient`]. Ids are checked before anything is sent, and an empty list or filter never
//! means all.
//!
//! # Errors
//! | [kind](crate::ErrorKind) | meaning |
//! |---|---|
//! | `InvalidInput` | a value cannot be sent; nothing was sent |
//! | `Refused` | the service found a value wrong; the message is its own |
//! | `Unauthorized`, `Forbidden` | the token is not valid, or is for reads |
//! | `NotFound` | there is no message, queue or other thing of that name |
//! | `LimitExceeded` | a limit of the plan: the size or options of a message, the number of queues or schedules |
//! | `QuotaExceeded` | the messages of the day are used up |
//! | `RateLimited` | too many requests in one second, or to a language model |
//!
//! [`LimitReached::of`] has the numbers of the last two, and [`Error::retry_after`](crate::Error::retry_after) the time until
//! there is room again. After a lost answer a call is sent again only if that changes nothing: reads, settings, and messages
//! with a deduplication id.

mod applied_flow_control;
mod batch;
mod bulk;
mod call;
mod callback_body;
mod callback_rejection;
mod claims;
mod client;
pub(crate) mod dev;
mod dlq;
mod error;
mod extract;
mod flow_control;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod guard;
mod hs256;
mod id;
mod keys;
mod layer;
mod leased_message;
mod limit_reached;
mod listing;
mod logs;
mod message;
mod messages;
mod metadata;
mod publish;
mod published;
mod query;
mod queues;
mod receiver;
#[cfg(test)]
mod receiver_tests;
mod region;
mod rejection;
mod response;
mod schedules;
mod seconds;
mod signature_error;
#[cfg(any(test, feature = "testing"))]
mod signer;
mod signing_keys;
mod subject;
mod url_groups;
#[cfg(test)]
mod vectors;
mod verification;
mod wire;

#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub use self::signer::Signer;
pub use self::{
    applied_flow_control::AppliedFlowControl,
    batch::{BatchItem, BatchPublished},
    callback_body::CallbackBody,
    callback_rejection::CallbackRejection,
    claims::{Claims, KeyUsed},
    client::{QStashClient, QStashClientBuilder},
    dlq::{Dlq, DlqEntry, DlqFilter},
    extract::{QStash, VerifiedMessage},
    flow_control::{FlowControlInfo, FlowControlPin, FlowControls, GlobalParallelism, PinnedLimit},
    guard::{Begin, GuardFailure, IdempotencyGuard, MessageLease, ReplayGuard},
    id::{DlqId, FlowControlKey, MessageId, QueueName, ScheduleId, UrlGroupName},
    layer::{QStashLayer, QStashService, ResponseFuture},
    leased_message::LeasedMessage,
    limit_reached::{LimitReached, LimitScope, LimitWindow},
    listing::{Listing, Page},
    logs::{LogEntry, LogFilter, LogState, Logs},
    message::{
        Callback, DeliveryOptions, Destination, EmailProvider, FlowControl, LlmProvider, Message, RetryDelay, ToUrl,
        ToUrlGroup,
    },
    messages::{MessageFilter, Messages, StoredMessage},
    metadata::{Metadata, MetadataRejection},
    published::Published,
    queues::{Queue, QueueInfo, QueueSettings, Queues},
    receiver::Receiver,
    region::Region,
    rejection::{QStashRefusal, QStashRejection},
    response::{AlreadyDone, NonRetryable, RetryIn},
    schedules::{Cron, Schedule, ScheduledMessageState, Schedules, StoredSchedule},
    signature_error::SignatureError,
    signing_keys::{SigningKeyPair, SigningKeys},
    url_groups::{Endpoint, EndpointSelector, UrlGroup, UrlGroups},
};
#[cfg(feature = "workflow")]
pub(crate) use self::{
    bulk::Entries,
    call::Answer,
    client::RawRequest,
    query::{Query, filter_setters},
    seconds::{rounded_up as whole_seconds, text as seconds_text},
    wire::{FromWire, Object, Unreadable, items},
};
