use crate::{hex::hex, http::random_bytes};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
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
    text: String,
    /// Hashed once, whoever asks.
    key: OnceLock<SessionKey>,
}

impl PartialEq for SessionId {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for SessionId {}

impl SessionId {
    fn new(text: String) -> Self {
        Self(Arc::new(Inner { text, key: OnceLock::new() }))
    }

    pub(super) fn random() -> std::io::Result<Self> {
        Ok(Self::new(URL_SAFE_NO_PAD.encode(random_bytes::<BYTES>()?)))
    }

    /// Text of the right length and alphabet. Whether we made it, only its signature says.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == TEXT_LEN
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        well_formed.then(|| Self::new(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0.text
    }

    /// What the store knows it by: from a dump, a log or `MONITOR` nobody gets a cookie that works.
    pub(super) fn key(&self) -> &SessionKey {
        self.0.key.get_or_init(|| SessionKey(hex(&Sha256::digest(self.0.text.as_bytes()))))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

/// Whether it is a SHA-256 in hexadecimal.
pub(super) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The name of a session in the store: the SHA-256 of its id, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey(String);

impl SessionKey {
    /// The 64 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key that was stored, for stores that keep text.
    #[must_use]
    pub fn stored(text: &str) -> Option<Self> {
        is_digest(text).then(|| Self(text.to_owned()))
    }

    /// A key that no session has, for the tests of a store.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn random() -> std::io::Result<Self> {
        SessionId::random().map(|id| id.key().clone())
    }
}
