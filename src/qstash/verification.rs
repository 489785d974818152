//! The checks of a delivery, in their order: its token, then its body. Extractors and the layer share them.

use super::{
    Claims, QStashRejection, Receiver, SignatureError, claims::Signed, guard::ReplayTicket, rejection::QStashRefusal,
    subject,
};
use crate::{PrivateResponse, original_uri::original_uri};
use axum_core::extract::DefaultBodyLimit;
use bytes::Bytes;
use http::{Extensions, HeaderMap, Request, request::Parts};
use http_body::Body;
use http_body_util::LengthLimitError;
use std::error::Error as StdError;

/// A delivery whose token is right, and whose body has not been read.
pub(super) struct Verification {
    /// The tokens that pass, of the lines that a proxy may have added to.
    signed: Vec<Signed>,
    receiver: Receiver,
}

impl Verification {
    /// Checks the token, before the body is read: a sender without a key cannot fill the memory.
    pub(super) fn begin(parts: &mut Parts, receiver: &Receiver) -> Result<Self, QStashRefusal> {
        PrivateResponse::extracted(&mut parts.extensions);
        let region = parts.headers.get("upstash-region").and_then(|region| region.to_str().ok());
        if let Some(reason) = receiver.missing_keys(region) {
            return Err(QStashRejection::NotConfigured(reason));
        }
        let url = receiver.public_url().map(|base| format!("{base}{}", original_path(parts)));
        let signed = signed(&parts.headers, receiver, region, url.as_deref()).map_err(QStashRejection::Signature)?;
        Ok(Self { signed, receiver: receiver.clone() })
    }

    /// Refuses a body that is known to be too large before it is read.
    pub(super) fn check_size<B: Body>(&self, body: &B) -> Result<(), QStashRefusal> {
        let is_too_large = usize::try_from(body.size_hint().lower()).map_or(true, |size| size > self.body_limit());
        if is_too_large { Err(QStashRejection::BodyTooLarge) } else { Ok(()) }
    }

    /// The largest body that may be read, in bytes.
    pub(super) fn body_limit(&self) -> usize {
        self.receiver.body_limit()
    }

    /// Returns the claims of the first token that was made for this body, and what a replay guard is asked about.
    pub(super) fn finish(self, body: &[u8]) -> Result<(Claims, ReplayTicket), QStashRefusal> {
        let mut fault = SignatureError::Missing;
        for token in self.signed {
            let digest = token.digest();
            match token.over(body) {
                Ok(claims) => {
                    let ticket = ReplayTicket::new(digest, self.receiver.lifetime(&claims));
                    return Ok((claims, ticket));
                }
                Err(error) => fault = error,
            }
        }
        Err(QStashRejection::Signature(fault))
    }
}

/// The mark of a request that was verified, for extractors behind the layer.
#[derive(Clone)]
pub(super) struct Verified {
    receiver: Receiver,
    claims: Claims,
}

impl Verified {
    /// Marks the request, and lifts axum's limit of 2 MB, because the receiver's own limit was kept.
    pub(super) fn mark<B>(request: &mut Request<B>, receiver: Receiver, claims: Claims) {
        request.extensions_mut().insert(Self { receiver, claims });
        DefaultBodyLimit::disable().apply(request);
    }

    /// Takes the mark away.
    pub(super) fn unmark(extensions: &mut Extensions) {
        extensions.remove::<Self>();
    }

    /// The claims, if this receiver verified the request already.
    pub(super) fn by(receiver: &Receiver, extensions: &Extensions) -> Option<Claims> {
        let verified = extensions.get::<Self>().filter(|verified| verified.receiver.is(receiver))?;
        Some(verified.claims.clone())
    }
}

/// Why a body could not be read.
pub(super) fn unreadable(error: Box<dyn StdError + Send + Sync>) -> QStashRefusal {
    if is_too_large(&*error) {
        return QStashRejection::BodyTooLarge;
    }
    QStashRejection::BodyUnreadable(axum_core::Error::new(error).into())
}

/// Whether our limit was passed, or one that a layer put around the body.
fn is_too_large(error: &(dyn StdError + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}

/// The tokens that pass; if there are none, the fault of the first line.
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

/// Path and query as the client sent them: a nested router takes its prefix off the request's own.
fn original_path(parts: &Parts) -> &str {
    let uri = original_uri(&parts.extensions, &parts.uri);
    uri.path_and_query().map_or("/", |path| path.as_str())
}

/// A request with the body that was read from it.
pub(super) fn with_body<B: From<Bytes>>(parts: Parts, body: Bytes) -> Request<B> {
    Request::from_parts(parts, B::from(body))
}
