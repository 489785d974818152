//! What can be known at start: whether each product answers, accepts its token, and may be written to.

use super::Upstash;
use crate::{Error, ErrorKind, problems::Problems};
#[cfg(feature = "redis")]
use crate::{
    env,
    redis::{Cmd, Redis, SetOptions},
};
#[cfg(feature = "redis")]
use std::time::Duration;

/// The findings of [`Upstash::check`]. A product that is not configured is not in it.
///
/// ```
/// use axum_upstash::{Upstash, local::LocalRedis};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let local = LocalRedis::start().await?;
/// let upstash = Upstash::builder().redis(local.url(), local.token()).build()?;
/// let found = upstash.check().await?;
/// let redis = found.redis.expect("it is configured");
/// assert_eq!(redis.eviction_policy.as_deref(), Some("noeviction"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The Redis database of limits and cached responses, and of sessions if they have none of their own.
    #[cfg(feature = "redis")]
    pub redis: Option<DatabaseReport>,
    /// The Redis database of sessions alone.
    #[cfg(feature = "session")]
    pub session_redis: Option<DatabaseReport>,
    /// Whether QStash is configured: it then accepts the token.
    #[cfg(feature = "qstash")]
    pub qstash: bool,
    /// Whether Vector is configured: it then accepts the token.
    #[cfg(feature = "vector")]
    pub vector: bool,
    /// Whether Kafka is configured: it then accepts the user.
    #[cfg(feature = "kafka")]
    pub kafka: bool,
}

/// A Redis database that answers, accepts its token, and can be written to.
///
/// ```
/// use axum_upstash::DatabaseReport;
///
/// fn warn_of_eviction(database: &DatabaseReport) {
///     if database.evicts() == Some(true) {
///         eprintln!("sessions may be evicted before they end");
///     }
/// }
/// # let _ = warn_of_eviction;
/// ```
#[cfg(feature = "redis")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseReport {
    /// `maxmemory_policy` of `INFO`, if the server says it: `noeviction`, `allkeys-lru`.
    pub eviction_policy: Option<String>,
}

#[cfg(feature = "redis")]
impl DatabaseReport {
    /// Whether keys are evicted when the memory is full, if it is known.
    #[must_use]
    pub fn evicts(&self) -> Option<bool> {
        self.eviction_policy.as_deref().map(|policy| policy != "noeviction")
    }
}

impl Upstash {
    /// Asks each product that is configured whether it answers, accepts the token, and may be written to, so that a wrong
    /// setting is found at start and the first request does not wait.
    ///
    /// A Redis database is sent `PING` ([`Redis::connect`]), and in a second round trip a `SET` of a key that expires after a
    /// second, and `INFO`: three commands. QStash is asked for its keys, and
    /// Vector for its counts, and Kafka for its topics. In memory there is nothing to check. A warning is
    /// logged if the database of the sessions evicts keys.
    ///
    /// ```no_run
    /// use axum_upstash::Upstash;
    ///
    /// # async fn run() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::from_env()?;
    /// upstash.check().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Every problem, each by the name of its setting. The kind is that of the first problem that is no outage:
    /// [`ErrorKind::Unauthorized`] for a token that is not valid, [`ErrorKind::Forbidden`] for one that is for reads. Redis
    /// comes first, then the Redis of sessions, then QStash and Vector. Only if all problems are outages, [`Error::is_outage`] holds
    /// for the kind: an application that may start in an outage goes on then.
    pub async fn check(&self) -> Result<CheckReport, Error> {
        let mut found = Found::default();
        let mut report = CheckReport::default();
        #[cfg(feature = "redis")]
        if let Some(redis) = &self.inner.redis {
            report.redis = found.note(self.inner.redis_name, database(redis, &self.inner.namespace).await);
        }
        #[cfg(feature = "session")]
        if let Some(redis) = self.inner.session_redis.as_ref().filter(|redis| !redis.is(self.inner.redis.as_ref())) {
            report.session_redis =
                found.note(env::SESSION_REDIS_URL.name, database(redis, &self.inner.namespace).await);
        }
        #[cfg(feature = "session")]
        if let Some(policy) = report
            .session_redis
            .as_ref()
            .or(report.redis.as_ref())
            .filter(|database| database.evicts() == Some(true))
            .and_then(|database| database.eviction_policy.as_deref())
        {
            tracing::warn!(%policy, "the database of the sessions evicts keys when its memory is full, and so ends sessions early");
        }
        #[cfg(feature = "qstash")]
        if let Some(answer) = self.inner.qstash.check().await {
            report.qstash = found.note(self.inner.qstash_name, answer).is_some();
        }
        #[cfg(feature = "vector")]
        if self.inner.vector.is_configured() {
            let answer = self.inner.vector.info().await;
            report.vector = found.note(crate::env::VECTOR_URL.name, answer).is_some();
        }
        #[cfg(feature = "kafka")]
        if self.inner.kafka.is_configured() {
            let answer = self.inner.kafka.topics().await;
            report.kafka = found.note(crate::env::KAFKA_URL.name, answer).is_some();
        }
        found.into_result()?;
        Ok(report)
    }
}

#[cfg(feature = "redis")]
async fn database(redis: &Redis, namespace: &str) -> Result<DatabaseReport, Error> {
    redis.connect().await?;
    let mut pipe = redis.pipeline();
    let key = format!("{namespace}:check");
    let written = pipe.set_with(key, "", SetOptions::new().expire(Duration::from_secs(1)));
    let info = pipe.issue::<String>(Cmd::new("INFO").arg("memory"));
    let mut results = pipe.exec().await?;
    results.take(written)?;
    // Not every server has it, and a token may forbid it.
    let info = results.take(info).unwrap_or_default();
    let policy = info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:"));
    Ok(DatabaseReport { eviction_policy: policy.map(|policy| policy.trim().to_owned()) })
}

/// The problems so far, and the first that is no outage, or else the first.
#[derive(Default)]
struct Found {
    problems: Problems,
    first: Option<Error>,
}

impl Found {
    fn note<T>(&mut self, setting: &str, outcome: Result<T, Error>) -> Option<T> {
        outcome
            .map_err(|error| {
                let error = error.without_key();
                if self.first.as_ref().is_none_or(|first| first.is_outage() && !error.is_outage()) {
                    self.first = Some(error.clone());
                }
                self.problems.add(format!("{setting}: {error}"));
            })
            .ok()
    }

    fn into_result(self) -> Result<(), Error> {
        let kind = self.first.map_or(ErrorKind::Configuration, |first| first.kind());
        self.problems.into_result().map_err(|error| error.with_kind(kind).for_people())
    }
}
