use super::{SignatureError, subject};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::digest::CtOutput;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{fmt, time::Duration};

/// The claims of a verified token.
///
/// ```
/// use axum_upstash::qstash::{Receiver, Signer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r";
/// let signature = Signer::new(key)?.sign("https://app.example.com/hook", "{}");
/// let claims = Receiver::new(key, key)?.verify(&signature, b"{}")?;
/// assert_eq!(claims.subject, "https://app.example.com/hook");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims {
    /// `iss`: always `Upstash`.
    pub issuer: String,
    /// `sub`: the destination exactly as it was published, query included.
    pub subject: String,
    /// `exp` in seconds since the Unix epoch. QStash signs for five minutes.
    pub expires_at: i64,
    /// `nbf` in seconds since the Unix epoch. In production it is the year 1 (`-62135596800`).
    pub not_before: Option<i64>,
    /// `iat` in seconds since the Unix epoch.
    pub issued_at: Option<i64>,
    /// `jti`, if it is text. Each delivery has its own; the id of the message is the same for all of its deliveries.
    pub token_id: Option<String>,
    /// The signing key that made the signature.
    pub key: KeyUsed,
}

// By hand: a URL may hold a password.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("issuer", &self.issuer)
            .field("subject", &subject::shown(&self.subject))
            .field("expires_at", &self.expires_at)
            .field("not_before", &self.not_before)
            .field("issued_at", &self.issued_at)
            .field("token_id", &self.token_id)
            .field("key", &self.key)
            .finish()
    }
}

/// Which of the two signing keys matched.
///
/// After the keys were rolled, [`Next`](Self::Next) says that this process still has the old pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyUsed {
    /// `QSTASH_CURRENT_SIGNING_KEY`
    Current,
    /// `QSTASH_NEXT_SIGNING_KEY`
    Next,
}

/// A token that passed every check but that of the body.
pub(super) struct Signed {
    claims: Claims,
    body_hash: Option<[u8; 32]>,
    digest: [u8; 32],
}

impl Signed {
    pub(super) fn subject(&self) -> &str {
        &self.claims.subject
    }

    /// The SHA-256 of the part that is signed, which no other token has.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Returns the claims if they are about this body.
    pub(super) fn over(self, body: &[u8]) -> Result<Claims, SignatureError> {
        let claimed = self.body_hash.ok_or(SignatureError::BodyHash)?;
        if CtOutput::<Sha256>::new(Sha256::digest(body)) == CtOutput::new(claimed.into()) {
            Ok(self.claims)
        } else {
            Err(SignatureError::BodyHash)
        }
    }
}

/// The claims of a token whose MAC is right, not checked otherwise.
pub(super) struct Unchecked {
    claims: Map<String, Value>,
    digest: [u8; 32],
}

impl Unchecked {
    pub(super) fn decode(token: &str) -> Result<Self, SignatureError> {
        let claims = jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| SignatureError::Malformed)?;
        let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
        Ok(Self { claims, digest: Sha256::digest(signed).into() })
    }

    /// Checks issuer and times. `aud` is empty in production and of no meaning here.
    pub(super) fn check(&self, now_ms: u64, tolerance: Duration, key: KeyUsed) -> Result<Signed, SignatureError> {
        let issuer = self.text("iss").filter(|issuer| *issuer == "Upstash").ok_or(SignatureError::Issuer)?;
        let subject = self.text("sub").ok_or(SignatureError::Subject)?;
        let expires_at = self.date("exp")?.ok_or(SignatureError::Malformed)?;
        let not_before = self.date("nbf")?;
        let now = i128::from(now_ms);
        let tolerance = i128::try_from(tolerance.as_millis()).unwrap_or(i128::MAX);
        // RFC 7519 4.1.4: not accepted on or after this time.
        if now >= expires_at.ms.saturating_add(tolerance) {
            return Err(SignatureError::Expired);
        }
        if not_before.as_ref().is_some_and(|date| now < date.ms.saturating_sub(tolerance)) {
            return Err(SignatureError::NotYetValid);
        }
        let claims = Claims {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            expires_at: expires_at.seconds,
            not_before: not_before.map(|date| date.seconds),
            issued_at: self.date("iat").ok().flatten().map(|date| date.seconds),
            token_id: self.text("jti").map(str::to_owned),
            key,
        };
        Ok(Signed { claims, body_hash: self.body_hash(), digest: self.digest })
    }

    /// The hash of the body: base64url, padded in production and not so in the test suites of the SDKs.
    fn body_hash(&self) -> Option<[u8; 32]> {
        let hash = self.text("body")?.trim_end_matches('=');
        URL_SAFE_NO_PAD.decode(hash).ok()?.try_into().ok()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    fn date(&self, name: &str) -> Result<Option<NumericDate>, SignatureError> {
        match self.claims.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => NumericDate::read(value).map(Some).ok_or(SignatureError::Malformed),
        }
    }
}

/// RFC 7519 2: seconds since the Unix epoch, which may have a fraction.
struct NumericDate {
    seconds: i64,
    ms: i128,
}

impl NumericDate {
    #[allow(clippy::cast_possible_truncation, reason = "a cast from float to integer saturates")]
    fn read(value: &Value) -> Option<Self> {
        if let Some(seconds) = value.as_i64() {
            return Some(Self { seconds, ms: i128::from(seconds) * 1000 });
        }
        let seconds = value.as_f64()?;
        Some(Self { seconds: seconds.floor() as i64, ms: (seconds * 1000.0) as i128 })
    }
}
