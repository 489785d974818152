use super::hashed_key::HashedKey;
use crate::{Error, rt::random_bytes};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

const BYTES: usize = 24;
/// 24 bytes in base64url.
pub(super) const TEXT_LEN: usize = 32;

/// The secret name of a session: 192 random bits. Only the client and, hashed, the store know it.
#[derive(Clone)]
pub(super) struct SessionId(Arc<Inner>);

struct Inner {
    text: [u8; TEXT_LEN],
    /// The hash, computed on first use.
    key: OnceLock<SessionKey>,
}

impl PartialEq for SessionId {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for SessionId {}

impl SessionId {
    fn new(text: [u8; TEXT_LEN]) -> Self {
        Self(Arc::new(Inner { text, key: OnceLock::new() }))
    }

    pub(super) fn random() -> Result<Self, Error> {
        let mut text = [0; TEXT_LEN];
        let written = URL_SAFE_NO_PAD.encode_slice(random_bytes::<BYTES>()?, &mut text);
        debug_assert_eq!(written, Ok(TEXT_LEN));
        Ok(Self::new(text))
    }

    /// Text of the right length and alphabet. Whether we made it, only its signature says.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text: [u8; TEXT_LEN] = text.as_bytes().try_into().ok()?;
        let well_formed = text.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        well_formed.then(|| Self::new(text))
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0.text).unwrap_or_default()
    }

    /// The key of the session in the store. A hash from a dump, a log or `MONITOR` is no cookie that works.
    pub(super) fn key(&self) -> &SessionKey {
        self.0.key.get_or_init(|| SessionKey(HashedKey::of(self.as_str())))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

/// The name of a session in the store: the SHA-256 of its id, in hexadecimal.
///
/// ```
/// use axum_upstash::session::{Session, SessionError, SessionKey};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Names a session in a log or a form; it is not a cookie that works.
/// fn key(session: &Session) -> Option<SessionKey> {
///     session.key()
/// }
/// # let _ = key;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey(HashedKey);

impl SessionKey {
    /// The 64 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// A key that was stored, for stores that keep text.
    #[must_use]
    pub fn stored(text: &str) -> Option<Self> {
        HashedKey::stored(text).map(Self)
    }

    /// A key that no session has, for the tests of a store.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn random() -> Result<Self, Error> {
        SessionId::random().map(|id| id.key().clone())
    }
}
