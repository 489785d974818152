//! The entry points of the fuzz targets. They exist under `cfg(fuzzing)` only.

/// A server's answer: JSON, or RESP2.
#[cfg(feature = "redis")]
pub fn reply(bytes: &[u8]) {
    crate::redis::fuzzing::reply(bytes);
}

/// A stream of server-sent events, in pieces as long as the first byte says.
#[cfg(feature = "redis")]
pub fn events(bytes: &[u8]) {
    crate::redis::fuzzing::events(bytes);
}

/// A request to the local server: a target up to the first line feed, and a body behind it.
#[cfg(feature = "local")]
pub fn request(bytes: &[u8]) {
    crate::local::fuzzing::request(bytes);
}
