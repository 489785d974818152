//! The ids that the server makes up.

use std::sync::atomic::{AtomicU64, Ordering};

/// Letters and digits, as in the service's ids.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// An id of a message: `msg_` and 28 random characters.
pub(crate) fn message_id() -> String {
    prefixed("msg_")
}

/// An id of a run: `wfr_` and 28 random characters.
pub(crate) fn run_id() -> String {
    prefixed("wfr_")
}

/// An id of a schedule: `scd_` and 28 random characters.
pub(crate) fn schedule_id() -> String {
    prefixed("scd_")
}

/// An id of a URL group: `top_` and 28 random characters.
pub(crate) fn group_id() -> String {
    prefixed("top_")
}

/// An id of a signature: `jwt_` and 28 random characters.
pub(crate) fn token_id() -> String {
    prefixed("jwt_")
}

/// A signing key: `sig_` and 28 random characters.
pub(crate) fn signing_key() -> String {
    prefixed("sig_")
}

fn prefixed(prefix: &str) -> String {
    static FALLBACK: AtomicU64 = AtomicU64::new(0);
    let mut random = [0_u8; 28];
    if getrandom::fill(&mut random).is_err() {
        // Without randomness ids are at least different ones.
        let number = FALLBACK.fetch_add(1, Ordering::Relaxed);
        random[..8].copy_from_slice(&number.to_be_bytes());
    }
    let mut id = String::with_capacity(prefix.len() + random.len());
    id.push_str(prefix);
    id.extend(random.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])));
    id
}
