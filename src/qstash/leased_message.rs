use super::{
    IdempotencyGuard, MessageLease, Metadata, QStashRejection, Receiver, extract::verify, guard::Passed,
    rejection::QStashRefusal,
};
use axum_core::extract::{FromRef, FromRequest, Request};

/// A [`VerifiedMessage`](super::VerifiedMessage) that an [`IdempotencyGuard`] leased to this handler.
///
/// The handler says when its work is done. Without that the message is released, and its next delivery runs. A delivery
/// of a message that is done, or in progress, does not reach the handler.
///
/// The guard comes from the state, as the [`Receiver`] does. Behind a layer that has the same guard, the layer settles the
/// message, and [`done`](MessageLease::done) does nothing.
///
/// ```
/// use axum::{Json, Router, routing::post};
/// use axum_upstash::{Error, Upstash, qstash::LeasedMessage};
///
/// async fn send_receipt(message: LeasedMessage<Json<u64>>) -> Result<(), Error> {
///     let LeasedMessage { body: Json(order), lease, .. } = message;
///     println!("receipt for order {order}");
///     lease.done().await
/// }
///
/// # fn main() -> Result<(), Error> {
/// let upstash = Upstash::builder().or_memory().qstash_signing_keys("sig_current", "sig_next").build()?;
/// let app: Router = Router::new().route("/webhooks/receipt", post(send_receipt)).with_state(upstash);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "dropping it releases the message"]
pub struct LeasedMessage<T> {
    /// The value that the inner extractor made of the body.
    pub body: T,
    /// Message id, retries, the claims that were signed.
    pub metadata: Metadata,
    /// The lease: [`done`](MessageLease::done) ends it.
    pub lease: MessageLease,
}

impl<T, S> FromRequest<S> for LeasedMessage<T>
where
    T: FromRequest<S, Rejection: Send> + Send,
    Receiver: FromRef<S>,
    IdempotencyGuard: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = QStashRejection<T::Rejection>;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let (mut request, claims) = verify(request, &Receiver::from_ref(state)).await.map_err(QStashRefusal::widen)?;
        let metadata = Metadata::new(request.headers(), claims);
        let passed = request.extensions_mut().get_or_insert_default::<Passed>();
        let lease = match IdempotencyGuard::from_ref(state).admit(metadata.message_id.as_ref(), passed) {
            Some(admission) => admission.await.map_err(QStashRefusal::widen)?,
            None => MessageLease::of_layer(),
        };
        match T::from_request(request, state).await {
            Ok(body) => Ok(Self { body, metadata, lease }),
            Err(rejection) => {
                // Before the answer goes out: QStash may deliver the next attempt at once. A failure is logged.
                let _ = lease.release().await;
                Err(QStashRejection::Inner(rejection))
            }
        }
    }
}
