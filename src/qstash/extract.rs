use super::{
    Claims, Metadata, QStashRejection, Receiver,
    rejection::QStashRefusal,
    verification::{Verification, Verified, unreadable, with_body},
};
use axum_core::extract::{FromRef, FromRequest, Request};
use http_body_util::{BodyExt, Limited};
use std::ops::Deref;

/// A body that QStash signed, read by another extractor: `QStash<Json<T>>`, `QStash<Bytes>`.
///
/// The signature is verified over the bytes as they arrived. The inner extractor then sees the same bytes and the same
/// headers. Without a valid signature the handler does not run, and if the token alone shows that, the body is not even
/// read.
///
/// The keys come from the state: [`Receiver`] must be the state, or [`FromRef`] it.
///
/// ```
/// # fn main() -> Result<(), axum_upstash::Error> {
/// use axum::{Json, Router, routing::post};
/// use axum_upstash::qstash::{QStash, Receiver};
///
/// #[derive(serde::Deserialize)]
/// struct Receipt {
///     order: u64,
/// }
///
/// async fn send_receipt(QStash(Json(receipt)): QStash<Json<Receipt>>) {
///     println!("receipt for order {}", receipt.order);
/// }
///
/// let receiver = Receiver::new("sig_current", "sig_next")?;
/// let app: Router = Router::new().route("/webhooks/receipt", post(send_receipt)).with_state(receiver);
/// # Ok(())
/// # }
/// ```
///
/// A signature can be sent again for as long as it is valid, five minutes: a [`ReplayGuard`](super::ReplayGuard) refuses
/// that. QStash itself delivers a message more than once if an answer is lost. A handler that must act once uses an
/// [`IdempotencyGuard`](super::IdempotencyGuard), in a [`QStashLayer`](super::QStashLayer) or by a
/// [`LeasedMessage`](super::LeasedMessage).
///
/// Only the body is signed. If an inner extractor reads something else, as `Form` reads the query of a `GET`, it hands
/// over unsigned data, unless the receiver checks the URL ([`Receiver::try_with_public_url`]).
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct QStash<T>(pub T);

impl<T> Deref for QStash<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T, S> FromRequest<S> for QStash<T>
where
    T: FromRequest<S>,
    Receiver: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = QStashRejection<T::Rejection>;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let (request, _) = verify(request, &Receiver::from_ref(state)).await.map_err(QStashRefusal::widen)?;
        T::from_request(request, state).await.map(Self).map_err(QStashRejection::Inner)
    }
}

/// [`QStash`] with what else is known of the delivery.
///
/// ```
/// use axum::Json;
/// use axum_upstash::qstash::VerifiedMessage;
///
/// async fn send_receipt(message: VerifiedMessage<Json<serde_json::Value>>) {
///     let VerifiedMessage { body: Json(receipt), metadata, .. } = message;
///     println!("{receipt} in message {:?}, after {} retries", metadata.message_id, metadata.retried);
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use]
#[non_exhaustive]
pub struct VerifiedMessage<T> {
    /// The value that the inner extractor made of the body.
    pub body: T,
    /// Message id, retries, the claims that were signed.
    pub metadata: Metadata,
}

impl<T, S> FromRequest<S> for VerifiedMessage<T>
where
    T: FromRequest<S>,
    Receiver: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = QStashRejection<T::Rejection>;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let (request, claims) = verify(request, &Receiver::from_ref(state)).await.map_err(QStashRefusal::widen)?;
        let metadata = Metadata::new(request.headers(), claims);
        let body = T::from_request(request, state).await.map_err(QStashRejection::Inner)?;
        Ok(Self { body, metadata })
    }
}

/// Reads the body, verifies it, and puts the request together again.
pub(super) async fn verify(request: Request, receiver: &Receiver) -> Result<(Request, Claims), QStashRefusal> {
    if let Some(claims) = Verified::by(receiver, request.extensions()) {
        return Ok((request, claims));
    }
    let (mut parts, body) = request.into_parts();
    let verification = Verification::begin(&mut parts, receiver)?;
    verification.check_size(&body)?;
    let body = Limited::new(body, verification.body_limit()).collect().await.map_err(unreadable)?.to_bytes();
    let (claims, ticket) = verification.finish(&body)?;
    let mut request = with_body(parts, body);
    if let Some(guard) = receiver.replay_guard()
        && let Some(check) = guard.check(&ticket, request.extensions_mut().get_or_insert_default())
    {
        check.await?;
    }
    Verified::mark(&mut request, receiver.clone(), claims.clone());
    Ok((request, claims))
}
