use super::{Claims, Metadata, QStashRejection, Receiver, SignatureError, claims::Signed, subject};
use crate::PrivateResponse;
use axum_core::{
    body::Body,
    extract::{DefaultBodyLimit, FromRef, FromRequest, Request},
};
use bytes::Bytes;
use http::{HeaderMap, request::Parts};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::{error::Error as StdError, ops::Deref};

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
/// A signature can be sent again for as long as it is valid, five minutes, and QStash itself delivers a message more
/// than once if an answer is lost. A handler that must act once remembers two ids that [`VerifiedMessage`] hands over.
/// The signed [`token_id`](Claims::token_id) stops the first kind of repeat. [`message_id`](Metadata::message_id),
/// which is the same in every delivery but is not signed, stops the second.
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
        let (request, _) = verify(request, &Receiver::from_ref(state)).await?;
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
        let (request, claims) = verify(request, &Receiver::from_ref(state)).await?;
        let metadata = Metadata::new(request.headers(), claims);
        let body = T::from_request(request, state).await.map_err(QStashRejection::Inner)?;
        Ok(Self { body, metadata })
    }
}

/// Reads the body, verifies it, and puts the request together again.
async fn verify<R>(request: Request, receiver: &Receiver) -> Result<(Request, Claims), QStashRejection<R>> {
    let (mut parts, body) = request.into_parts();
    let region = parts.headers.get("upstash-region").and_then(|region| region.to_str().ok());
    if let Some(reason) = receiver.missing_keys(region) {
        return Err(QStashRejection::NotConfigured(reason));
    }
    let url = receiver.public_url().map(|base| format!("{base}{}", original_path(&parts)));
    // Checked before the body is read, so that a sender without a key cannot fill the memory.
    let signed = signed(&parts.headers, receiver, region, url.as_deref());
    PrivateResponse::extracted(&mut parts.extensions);
    let signed = signed.map_err(QStashRejection::Signature)?;
    let body = read(body, receiver.body_limit()).await?;
    let claims = over(signed, &body).map_err(QStashRejection::Signature)?;
    let mut request = Request::from_parts(parts, Body::from(body));
    // The receiver's own limit was kept; axum's default of 2 MB would refuse what has been read already.
    DefaultBodyLimit::disable().apply(&mut request);
    Ok((request, claims))
}

/// The tokens that pass, of the lines that a proxy may have added to; if there are none, the fault of the first line.
fn signed(
    headers: &HeaderMap,
    receiver: &Receiver,
    region: Option<&str>,
    url: Option<&str>,
) -> Result<Vec<Signed>, SignatureError> {
    const MAX_LINES: usize = 4;
    let (mut signed, mut fault) = (Vec::new(), None);
    for line in headers.get_all("upstash-signature").into_iter().take(MAX_LINES) {
        let text = line.to_str().map_err(|_| SignatureError::Malformed);
        match text.and_then(|text| receiver.check_token(text, region, url, subject::is_same)) {
            Ok(token) => signed.push(token),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    if signed.is_empty() { Err(fault.unwrap_or(SignatureError::Missing)) } else { Ok(signed) }
}

/// The claims of the first token that was made for this body.
fn over(signed: Vec<Signed>, body: &[u8]) -> Result<Claims, SignatureError> {
    let mut fault = SignatureError::Missing;
    for token in signed {
        match token.over(body) {
            Ok(claims) => return Ok(claims),
            Err(error) => fault = error,
        }
    }
    Err(fault)
}

async fn read<R>(body: Body, limit: usize) -> Result<Bytes, QStashRejection<R>> {
    if usize::try_from(body.size_hint().lower()).map_or(true, |size| size > limit) {
        return Err(QStashRejection::BodyTooLarge);
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_too_large(&*error) => Err(QStashRejection::BodyTooLarge),
        Err(error) => Err(QStashRejection::BodyUnreadable(axum_core::Error::new(error))),
    }
}

/// Whether our limit was passed, or one that a layer put around the body.
fn is_too_large(error: &(dyn StdError + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}

/// Path and query as the client sent them: a nested router takes its prefix off the request's own.
fn original_path(parts: &Parts) -> &str {
    #[cfg(feature = "axum")]
    let uri = parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |original| &original.0);
    #[cfg(not(feature = "axum"))]
    let uri = &parts.uri;
    uri.path_and_query().map_or("/", |path| path.as_str())
}
