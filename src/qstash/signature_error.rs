use std::{error::Error as StdError, fmt};

/// Which check a signature did not pass.
///
/// It says nothing of the keys, the token or the expected values, so it may be shown to the sender of the request.
///
/// ```
/// use axum_upstash::qstash::{Receiver, Signer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r";
/// let signature = Signer::new(key)?.sign("https://app.example.com/hook", "{}");
/// let error = Receiver::new(key, key)?.verify(&signature, b"{\"paid\":true}").unwrap_err();
/// assert_eq!(error.check(), "body");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is no signature.
    Missing,
    /// The signature is no signed token of three parts whose claims can be read.
    Malformed,
    /// The token was not signed with HS256.
    Algorithm,
    /// Neither the current nor the next signing key made this signature.
    BadSignature,
    /// The token was not issued by Upstash.
    Issuer,
    /// The token is too old.
    Expired,
    /// The token is from the future.
    NotYetValid,
    /// The token was made for another URL.
    Subject,
    /// The token was made for another body.
    BodyHash,
    /// The [`Receiver`](crate::qstash::Receiver) has no signing keys.
    NoKeys,
}

impl SignatureError {
    /// The check as a word for programs, such as `"signature"`, `"expired"` or `"body"`.
    #[must_use]
    pub fn check(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::BadSignature => "signature",
            Self::Issuer => "issuer",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Subject => "subject",
            Self::BodyHash => "body",
            Self::NoKeys => "keys",
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no Upstash-Signature header",
            Self::Malformed => "the signature is not a signed token that can be read",
            Self::Algorithm => "the signature was not made with HS256",
            Self::BadSignature => "the signature was made with neither of the signing keys",
            Self::Issuer => "the token was not issued by Upstash",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::Subject => "the token was made for another URL",
            Self::BodyHash => "the token was made for another body",
            Self::NoKeys => "there are no signing keys to verify with",
        })
    }
}

impl StdError for SignatureError {}
