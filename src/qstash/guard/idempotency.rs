use super::{
    GuardFailure, MessageLease, Passed, Unbroken,
    settings::{Settings, guard_setters},
    store::DONE,
};
#[cfg(feature = "redis")]
use crate::redis::Redis;
use crate::{
    Error, ErrorKind,
    hex::hex,
    qstash::{MessageId, QStashRejection, rejection::QStashRefusal},
    rt::random_bytes,
};
use futures_core::future::BoxFuture;
use sha2::{Digest, Sha256};
use std::{future::ready, sync::Arc, time::Duration};

/// The longest id that is part of a key as it is.
const MAX_ID: usize = 256;

/// The value of a message that is being handled: this, until when in Unix milliseconds, and the lease's random name.
const IN_PROGRESS: &str = "in-progress";

/// Handles each message once, over all instances: QStash delivers a message again if an answer is lost.
///
/// A message is *in progress* while its handler runs, and *done* after a 2xx. A delivery of a message that is done is
/// answered with [`AlreadyDone`](crate::qstash::AlreadyDone), without the handler; one of a message that is in progress
/// with [`RetryIn`](crate::qstash::RetryIn) the remaining time of the lease. Any other answer, an error, a panic, or a
/// client that leaves releases the message, so that the next delivery runs: a retry has the same id.
///
/// It is used in one of three ways: in a [`QStashLayer`](crate::qstash::QStashLayer::with_idempotency_guard), which does
/// all of it; with the extractor [`LeasedMessage`](crate::qstash::LeasedMessage), whose handler says when it is done; or by
/// [`begin`](Self::begin).
///
/// ```
/// use axum::{Json, Router, body::Body, http::Request, routing::post};
/// use axum_upstash::{Upstash, qstash::Signer};
/// use tower::ServiceExt;
///
/// async fn send_receipt(Json(order): Json<u64>) -> String {
///     format!("receipt {order}") // once
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().qstash_signing_keys("sig_current", "sig_next").build()?;
/// let app: Router = Router::new()
///     .route("/receipt", post(send_receipt))
///     .layer(upstash.qstash_layer().with_idempotency_guard(upstash.idempotency_guard()));
///
/// for expected in ["receipt 17", "done already"] {
///     let delivery = Request::post("/receipt")
///         .header("content-type", "application/json")
///         .header("upstash-message-id", "msg_1")
///         .header("upstash-signature", Signer::new("sig_current")?.sign("https://app.example.com/receipt", "17"))
///         .body(Body::from("17"))?;
///     let response = app.clone().oneshot(delivery).await?;
///     assert_eq!(axum::body::to_bytes(response.into_body(), 100).await?, expected);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # What it does not do
/// A process that dies leaves its message in progress until its lease ends. If a handler takes longer than the lease,
/// another delivery may run beside it. If the process dies between the work and the mark, the work is done again: only
/// work that commits together with the id, in one database, is done exactly once. The status of a response counts,
/// not whether its body was sent. A database that evicts keys forgets messages.
///
/// `Upstash-Message-Id` is not signed. A sender that has a valid signature can send it with another id, until the
/// signature expires; a [`ReplayGuard`](super::ReplayGuard) prevents that.
///
/// # Costs
/// In Redis a message has one key, `<prefix>:message:<id>`. A delivery that is handled costs two requests of one command
/// each (`SET … NX GET PX`, then `PSETEX`), a duplicate the first of them. A failed delivery costs the first, and a script of
/// two commands that releases the message, three by Upstash's count. Redis must be 7.0 or later.
#[derive(Debug, Clone)]
#[must_use]
pub struct IdempotencyGuard {
    settings: Settings,
    lease: Duration,
    done_ttl: Duration,
}

/// The answer of [`IdempotencyGuard::begin`].
///
/// ```
/// use axum::response::{IntoResponse, Response};
/// use axum_upstash::{Error, qstash::{AlreadyDone, Begin, IdempotencyGuard, RetryIn}};
///
/// async fn handle(guard: &IdempotencyGuard, id: &str) -> Result<Response, Error> {
///     Ok(match guard.begin(id).await? {
///         Begin::Started(lease) => {
///             // The work.
///             lease.done().await?;
///             "done".into_response()
///         }
///         Begin::InProgress(time) => RetryIn(time).into_response(),
///         Begin::Done => AlreadyDone.into_response(),
///     })
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let guard = IdempotencyGuard::memory();
/// assert_eq!(handle(&guard, "msg_1").await?.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub enum Begin {
    /// The message is new, or was released: the caller handles it.
    Started(MessageLease),
    /// The message is being handled. Its lease ends after this time, at least 1 s.
    InProgress(Duration),
    /// The message was handled.
    Done,
}

impl IdempotencyGuard {
    /// Keeps messages in this database, for all instances.
    #[cfg(feature = "redis")]
    pub fn new(redis: Redis) -> Self {
        Self::with_settings(Settings::redis(redis))
    }

    /// Keeps messages in this process, up to 100 000 of them.
    pub fn memory() -> Self {
        Self::with_settings(Settings::memory())
    }

    fn with_settings(settings: Settings) -> Self {
        Self { settings, lease: Duration::from_secs(5 * 60), done_ttl: Duration::from_secs(48 * 3600) }
    }

    guard_setters!();

    /// Sets how long a message may be in progress (5 minutes, at least 1 s). Choose more than the longest time that a
    /// handler takes. After a crash the message runs again when this has passed. QStash waits for no longer than a day.
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_secs(1));
        self
    }

    /// Sets how long a message is known to be done (48 h, at least 1 s). QStash waits for at most a day before it
    /// delivers a message again.
    pub fn with_done_ttl(mut self, ttl: Duration) -> Self {
        self.done_ttl = ttl.max(Duration::from_secs(1));
        self
    }

    /// Leases a message by its id, if it is neither done nor in progress.
    ///
    /// If the future is dropped after it began, it ends in the background, and the message is released.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the id is empty. Otherwise if the store fails; the
    /// [policy](Self::with_failure) is the layer's and the extractor's.
    pub async fn begin(&self, message_id: impl AsRef<str>) -> Result<Begin, Error> {
        if message_id.as_ref().is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "the id of a message is empty"));
        }
        self.lease_key(self.key(message_id.as_ref())).await.map_err(|(error, _)| error)
    }

    /// [`begin`](Self::begin) as layer and extractor do it; `None` if a layer around has leased the message.
    pub(in crate::qstash) fn admit(
        &self,
        message_id: Option<&MessageId>,
        passed: &mut Passed,
    ) -> Option<BoxFuture<'static, Result<MessageLease, QStashRefusal>>> {
        let Some(id) = message_id else { return Some(Box::pin(ready(Err(QStashRejection::NoMessageId)))) };
        let key = self.key(id.as_str());
        if !passed.is_first(&key) {
            return None;
        }
        let (begin, policy) = (self.lease_key(key), self.settings.failure);
        Some(Box::pin(async move {
            match begin.await {
                Ok(Begin::Started(lease)) => Ok(lease),
                Ok(Begin::InProgress(time)) => Err(QStashRejection::InProgress(time)),
                Ok(Begin::Done) => Err(QStashRejection::AlreadyDone),
                Err((error, lease)) if policy.runs(&error) => Ok(lease),
                Err((error, _)) => Err(QStashRejection::Guard(error)),
            }
        }))
    }

    fn lease_key(&self, key: Arc<str>) -> Unbroken<Result<Begin, (Error, MessageLease)>> {
        let guard = self.clone();
        Unbroken::new(self.settings.background.clone(), async move {
            let until_ms = guard.settings.clock.now_ms().saturating_add(millis(guard.lease));
            let name = match random_bytes::<16>() {
                Ok(bytes) => hex(&bytes),
                Err(error) => return Err((error, MessageLease::of_layer())),
            };
            let value = format!("{IN_PROGRESS}:{until_ms}:{name}");
            // Made first: if it is not known whether the store has it, dropping it releases the message.
            let mut lease = MessageLease::new(guard.settings.clone(), Arc::clone(&key), value, guard.done_ttl);
            match guard.settings.put_first(&key, lease.value(), guard.lease).await {
                Ok(None) => Ok(Begin::Started(lease)),
                Ok(Some(found)) => {
                    lease.forget();
                    Ok(if found == DONE { Begin::Done } else { Begin::InProgress(guard.remaining(&found)) })
                }
                Err(error) => {
                    lease.forget_after(&error);
                    Err((error, lease))
                }
            }
        })
    }

    /// The remaining time of another's lease. It never exceeds that of this guard's leases, whatever the clocks say.
    fn remaining(&self, value: &str) -> Duration {
        let until_ms: Option<u64> = value.split(':').nth(1).and_then(|until| until.parse().ok());
        let left_ms = until_ms.map_or(millis(self.lease), |until| until.saturating_sub(self.settings.clock.now_ms()));
        Duration::from_millis(left_ms).clamp(Duration::from_secs(1), self.lease)
    }

    fn key(&self, id: &str) -> Arc<str> {
        let prefix = &self.settings.prefix;
        if id.len() > MAX_ID {
            return format!("{prefix}:message:{}", hex(&Sha256::digest(id.as_bytes()))).into();
        }
        format!("{prefix}:message:{id}").into()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
