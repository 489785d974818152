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

/// An expression of a retry delay.
#[cfg(feature = "local")]
pub fn expression(text: &str) {
    crate::local::qstash_fuzzing::expression(text);
    #[cfg(feature = "qstash")]
    crate::qstash::fuzzing::text(text);
}

/// A cron expression, and the time from which its next times are looked for, in milliseconds since the epoch.
#[cfg(feature = "local")]
pub fn cron(text: &str, from_ms: u64) {
    crate::local::qstash_fuzzing::cron(text, from_ms);
    #[cfg(feature = "qstash")]
    crate::qstash::fuzzing::text(text);
}

/// A duration of a field.
#[cfg(feature = "local")]
pub fn duration(text: &str) {
    crate::local::qstash_fuzzing::duration(text);
}

/// Fields of a request that publishes, of a delivery and of a response, each in a line.
#[cfg(all(feature = "local", feature = "qstash"))]
pub fn fields(lines: &[u8]) {
    crate::qstash::fuzzing::fields(&crate::local::qstash_fuzzing::fields(lines));
}

/// A token: as it is, or its header, its claims and a body, each in a line, to sign.
#[cfg(all(feature = "qstash", feature = "testing"))]
pub fn token(bytes: &[u8]) {
    crate::qstash::fuzzing::token(bytes);
}

/// A callback.
#[cfg(all(feature = "qstash", feature = "testing"))]
pub fn callback(bytes: &[u8]) {
    crate::qstash::fuzzing::callback(bytes);
}

/// A filter of the local Vector.
#[cfg(feature = "local")]
pub fn filter(text: &str) {
    crate::local::vector_fuzzing::filter(text);
}

/// A request to the local Vector: a path up to the first line feed, and a body behind it.
#[cfg(feature = "local")]
pub fn vector_request(bytes: &[u8]) {
    crate::local::vector_fuzzing::request(bytes);
}
