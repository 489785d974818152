//! The one table of environment variables that this crate reads.

/// A variable, by the names it may have.
///
/// ```
/// use axum_upstash::env::VARIABLES;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// for variable in VARIABLES {
///     println!("{}", variable.name);
/// }
/// assert!(VARIABLES.iter().any(|variable| variable.name == "UPSTASH_REDIS_REST_URL"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// The name to use.
    pub name: &'static str,
    /// Another name, read if the first is not set.
    pub alias: Option<&'static str>,
}

const fn variable(name: &'static str, alias: Option<&'static str>) -> Variable {
    Variable { name, alias }
}

/// The address of the Redis database.
pub const REDIS_URL: Variable = variable("UPSTASH_REDIS_REST_URL", Some("KV_REST_API_URL"));
/// Its token.
pub const REDIS_TOKEN: Variable = variable("UPSTASH_REDIS_REST_TOKEN", Some("KV_REST_API_TOKEN"));
/// The address of a Redis server over TCP, read only by
/// [`UpstashBuilder::or_redis_url`](crate::UpstashBuilder::or_redis_url).
pub const REDIS_TCP_URL: Variable = variable("REDIS_URL", None);
/// The address of a Redis database for sessions alone, if they have one.
pub const SESSION_REDIS_URL: Variable = variable("SESSION_REDIS_REST_URL", None);
/// Its token.
pub const SESSION_REDIS_TOKEN: Variable = variable("SESSION_REDIS_REST_TOKEN", None);
/// Secrets that sign session cookies, separated by commas: the first signs, all verify.
pub const SESSION_SECRET: Variable = variable("SESSION_SECRET", None);
/// The address of QStash, if it is not the default region's.
pub const QSTASH_URL: Variable = variable("QSTASH_URL", None);
/// The token that publishes to QStash.
pub const QSTASH_TOKEN: Variable = variable("QSTASH_TOKEN", None);
/// The key that QStash signs with.
pub const QSTASH_CURRENT_SIGNING_KEY: Variable = variable("QSTASH_CURRENT_SIGNING_KEY", None);
/// The key that QStash will sign with after the next rotation.
pub const QSTASH_NEXT_SIGNING_KEY: Variable = variable("QSTASH_NEXT_SIGNING_KEY", None);
/// Any value turns the telemetry headers off.
pub const DISABLE_TELEMETRY: Variable = variable("UPSTASH_DISABLE_TELEMETRY", None);

/// The variables that the crate reads, in the order in which the documentation lists them.
pub const VARIABLES: &[Variable] = &[
    REDIS_URL,
    REDIS_TOKEN,
    REDIS_TCP_URL,
    SESSION_REDIS_URL,
    SESSION_REDIS_TOKEN,
    SESSION_SECRET,
    QSTASH_URL,
    QSTASH_TOKEN,
    QSTASH_CURRENT_SIGNING_KEY,
    QSTASH_NEXT_SIGNING_KEY,
    DISABLE_TELEMETRY,
];
