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
/// The region of QStash to publish to, if an application uses two: `US_EAST_1` or `EU_CENTRAL_1`. The variables that begin
/// with the name of a region are read only if this one is set.
pub const QSTASH_REGION: Variable = variable("QSTASH_REGION", None);
/// The address of QStash in the region `EU_CENTRAL_1`.
pub const EU_CENTRAL_1_QSTASH_URL: Variable = variable("EU_CENTRAL_1_QSTASH_URL", None);
/// The token of that region.
pub const EU_CENTRAL_1_QSTASH_TOKEN: Variable = variable("EU_CENTRAL_1_QSTASH_TOKEN", None);
/// The key that QStash signs with in that region.
pub const EU_CENTRAL_1_QSTASH_CURRENT_SIGNING_KEY: Variable = variable("EU_CENTRAL_1_QSTASH_CURRENT_SIGNING_KEY", None);
/// The key that QStash will sign with in that region after the next rotation.
pub const EU_CENTRAL_1_QSTASH_NEXT_SIGNING_KEY: Variable = variable("EU_CENTRAL_1_QSTASH_NEXT_SIGNING_KEY", None);
/// The address of QStash in the region `US_EAST_1`.
pub const US_EAST_1_QSTASH_URL: Variable = variable("US_EAST_1_QSTASH_URL", None);
/// The token of that region.
pub const US_EAST_1_QSTASH_TOKEN: Variable = variable("US_EAST_1_QSTASH_TOKEN", None);
/// The key that QStash signs with in that region.
pub const US_EAST_1_QSTASH_CURRENT_SIGNING_KEY: Variable = variable("US_EAST_1_QSTASH_CURRENT_SIGNING_KEY", None);
/// The key that QStash will sign with in that region after the next rotation.
pub const US_EAST_1_QSTASH_NEXT_SIGNING_KEY: Variable = variable("US_EAST_1_QSTASH_NEXT_SIGNING_KEY", None);
/// Whether QStash is a development server on this machine, with its public account: `true` or `1`, `false` or `0`.
pub const QSTASH_DEV: Variable = variable("QSTASH_DEV", None);
/// The port of that server (8080).
pub const QSTASH_DEV_PORT: Variable = variable("QSTASH_DEV_PORT", None);
/// The address of the Vector index.
pub const VECTOR_URL: Variable = variable("UPSTASH_VECTOR_REST_URL", Some("NEXT_PUBLIC_UPSTASH_VECTOR_REST_URL"));
/// Its token.
pub const VECTOR_TOKEN: Variable = variable("UPSTASH_VECTOR_REST_TOKEN", Some("NEXT_PUBLIC_UPSTASH_VECTOR_REST_TOKEN"));
/// The address of Kafka over REST.
pub const KAFKA_URL: Variable = variable("UPSTASH_KAFKA_REST_URL", None);
/// Its user.
pub const KAFKA_USERNAME: Variable = variable("UPSTASH_KAFKA_REST_USERNAME", None);
/// The password of that user.
pub const KAFKA_PASSWORD: Variable = variable("UPSTASH_KAFKA_REST_PASSWORD", None);
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
    QSTASH_REGION,
    EU_CENTRAL_1_QSTASH_URL,
    EU_CENTRAL_1_QSTASH_TOKEN,
    EU_CENTRAL_1_QSTASH_CURRENT_SIGNING_KEY,
    EU_CENTRAL_1_QSTASH_NEXT_SIGNING_KEY,
    US_EAST_1_QSTASH_URL,
    US_EAST_1_QSTASH_TOKEN,
    US_EAST_1_QSTASH_CURRENT_SIGNING_KEY,
    US_EAST_1_QSTASH_NEXT_SIGNING_KEY,
    QSTASH_DEV,
    QSTASH_DEV_PORT,
    VECTOR_URL,
    VECTOR_TOKEN,
    KAFKA_URL,
    KAFKA_USERNAME,
    KAFKA_PASSWORD,
    DISABLE_TELEMETRY,
];
