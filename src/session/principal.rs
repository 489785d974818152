use super::id::is_digest;
use crate::hex::hex;
use sha2::{Digest, Sha256};

/// Whose sessions they are, as a store knows it: the SHA-256 of the user's name or number, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PrincipalKey(String);

impl PrincipalKey {
    /// The key of a user.
    #[must_use]
    pub fn of(user: &str) -> Self {
        Self(hex(&Sha256::digest(user.as_bytes())))
    }

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
}
