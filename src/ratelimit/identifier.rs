use crate::hex::hex;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Longer identifiers are replaced by their hash: Redis limits keys, and memory is counted by keys.
const LONGEST: usize = 256;

/// The segments behind a prefix in keys that are not counters. An identifier must not take their places.
const RESERVED: [&str; 6] = ["denyList:", "ipDenyListStatus", "dynamic:", "events:", CONCURRENCY, "gcra:"];

/// The part before the identifier in the keys of permits.
pub(super) const CONCURRENCY: &str = "concurrency:";

/// The identifier as it goes into a key.
pub(super) fn key_segment(identifier: &str) -> Cow<'_, str> {
    let reserved = || RESERVED.iter().any(|name| identifier.starts_with(name));
    if identifier.len() > LONGEST || reserved() { digest(identifier.as_bytes()).into() } else { identifier.into() }
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
        assert_eq!(key_segment("user:1"), "user:1");
        let (a, b) = ("a".repeat(300), "a".repeat(301));
        assert_eq!(key_segment(&a).len(), 32);
        assert_ne!(key_segment(&a), key_segment(&b));
        for name in ["denyList:all", "dynamic:global", "events:0", "ipDenyListStatus", "concurrency:a", "gcra:a"] {
            assert_eq!(key_segment(name).len(), 32, "{name}");
        }
        assert_eq!(digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223");
    }
}
