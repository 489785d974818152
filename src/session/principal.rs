use super::hashed_key::HashedKey;

/// The owner of sessions, as a store knows it: the SHA-256 of the user's name or number, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PrincipalKey(HashedKey);

impl PrincipalKey {
    /// The key of a user.
    #[must_use]
    pub fn of(user: &str) -> Self {
        Self(HashedKey::of(user))
    }

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
}
