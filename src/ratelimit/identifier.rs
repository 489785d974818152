use crate::hex::hex;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Longer identifiers are replaced by their hash: Redis limits keys, and memory is counted by keys.
const LONGEST: usize = 256;

/// The identifier as it goes into a key.
pub(super) fn bounded(identifier: &str) -> Cow<'_, str> {
    if identifier.len() <= LONGEST { identifier.into() } else { digest(identifier.as_bytes()).into() }
}

/// The first 128 bits of the SHA-256, in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ones_stay_and_long_ones_are_hashed() {
        assert_eq!(bounded("user:1"), "user:1");
        let (a, b) = ("a".repeat(300), "a".repeat(301));
        assert_eq!(bounded(&a).len(), 32);
        assert_ne!(bounded(&a), bounded(&b));
        assert_eq!(digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223");
    }
}
