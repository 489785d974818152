use crate::hex::hex_into;
use sha2::Sha256;
use std::fmt;

/// The SHA-256 of a name, in hexadecimal and in place: most requests make one, and none needs memory for it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct HashedKey([u8; 64]);

impl HashedKey {
    pub(super) fn of(name: &str) -> Self {
        let mut digits = [0; 64];
        hex_into(&<Sha256 as sha2::Digest>::digest(name.as_bytes()), &mut digits);
        Self(digits)
    }

    /// One that was stored.
    pub(super) fn stored(text: &str) -> Option<Self> {
        let digits: [u8; 64] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(Self(digits))
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for HashedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}
