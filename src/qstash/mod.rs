//! QStash: verified webhooks, and publishing.
//!
//! [`QStash`] is an extractor around another one. The handler runs only for a request that QStash signed, and gets
//! the body it signed; [`VerifiedMessage`] adds message id, retries and the claims. The signing keys are in a
//! [`Receiver`], which is the state of the router or a part of it.
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
//! # Rotating keys
//! A signature of either key is accepted. [`Claims::key`] tells which it was: [`KeyUsed::Next`] means that the keys
//! were rolled in the console and this process still has the old pair. Rolling them twice before it has the new one
//! makes every signature wrong.
//!
//! # On Workers and Lambda
//! All is as on a server. Name the public URL, which the platform may hide.
//!
//! # Testing
#![cfg_attr(feature = "testing", doc = "[`Signer`] signs requests as QStash does, right ones and wrong ones.")]
#![cfg_attr(not(feature = "testing"), doc = "With feature `testing`, `Signer` signs requests as QStash does.")]
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
//! assert!(!published.deduplicated);
//! # Ok(())
//! # }
//! ```

mod applied_flow_control;
mod batch;
mod call;
mod callback_body;
mod claims;
mod client;
pub(crate) mod dev;
mod dlq;
mod error;
mod extract;
mod flow_control;
mod hs256;
mod id;
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
mod wire;

#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub use self::signer::Signer;
pub use self::{
    applied_flow_control::AppliedFlowControl,
    batch::{BatchItem, BatchPublished},
    callback_body::CallbackBody,
    claims::{Claims, KeyUsed},
    client::{QStashClient, QStashClientBuilder},
    dlq::{Dlq, DlqEntry, DlqFilter},
    extract::{QStash, VerifiedMessage},
    flow_control::{FlowControlInfo, FlowControlPin, FlowControls, GlobalParallelism, PinnedLimit},
    id::{DlqId, FlowControlKey, MessageId, QueueName, ScheduleId, UrlGroupName},
    limit_reached::{LimitReached, LimitScope, LimitWindow},
    listing::{Listing, Page},
    logs::{LogEntry, LogFilter, LogState, Logs},
    message::{
        Callback, DeliveryOptions, Destination, EmailProvider, FlowControl, LlmProvider, Message, RetryDelay, ToUrl,
        ToUrlGroup,
    },
    messages::{MessageFilter, Messages, StoredMessage},
    metadata::Metadata,
    published::Published,
    queues::{Queue, QueueInfo, QueueSettings, Queues},
    receiver::Receiver,
    region::Region,
    rejection::QStashRejection,
    response::{NonRetryable, RetryIn},
    schedules::{Cron, Schedule, ScheduledMessageState, Schedules, StoredSchedule},
    signature_error::SignatureError,
    signing_keys::{SigningKeyPair, SigningKeys},
    url_groups::{Endpoint, EndpointSelector, UrlGroup, UrlGroups},
};
