use super::keyword_enums::words;
use crate::redis::{FromReply, Reply, ReplyTypeError};
use std::time::Duration;
use web_time::{SystemTime, UNIX_EPOCH};

/// The remaining time to live of a key or a hash field.
///
/// ```
/// use axum_upstash::redis::Ttl;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// assert_eq!(redis.ttl("k").await?, Ttl::Missing);
/// redis.set("k", 1).await?;
/// assert_eq!(redis.ttl("k").await?, Ttl::Persistent);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// There is no such key or field.
    Missing,
    /// It does not expire.
    Persistent,
    /// It expires after so long.
    After(Duration),
}

/// When a key or a hash field expires.
///
/// ```
/// use axum_upstash::redis::ExpireTime;
/// use std::time::{Duration, SystemTime};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.set("k", 1).await?;
/// assert_eq!(redis.expire_time("k").await?, ExpireTime::Never);
/// redis.expire_at("k", SystemTime::now() + Duration::from_secs(60)).await?;
/// assert!(matches!(redis.expire_time("k").await?, ExpireTime::At(_)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpireTime {
    /// There is no such key or field.
    Missing,
    /// It does not expire.
    Never,
    /// It expires at this time.
    At(SystemTime),
}

/// From milliseconds, -1, or -2.
impl FromReply for Ttl {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        Ok(match i64::from_reply(reply)? {
            -2 => Self::Missing,
            -1 => Self::Persistent,
            // Redis rounds: the rest of the last millisecond is none.
            ms => Self::After(Duration::from_millis(ms.try_into().unwrap_or(0))),
        })
    }
}

/// From milliseconds since the Unix epoch, -1, or -2.
impl FromReply for ExpireTime {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        Ok(match i64::from_reply(reply)? {
            -2 => Self::Missing,
            -1 => Self::Never,
            ms => Self::At(UNIX_EPOCH + Duration::from_millis(ms.try_into().unwrap_or(0))),
        })
    }
}

words! {
    /// When a time to live is changed.
    ///
    /// ```
    /// use axum_upstash::redis::ExpireCondition;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// redis.set("k", 1).await?;
    /// let minute = Duration::from_secs(60);
    /// assert!(!redis.expire_if("k", minute, ExpireCondition::IfExpiring).await?);
    /// assert!(redis.expire_if("k", minute, ExpireCondition::IfPersistent).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub enum ExpireCondition {
        /// Only if there is no expiry yet.
        IfPersistent = "NX",
        /// Only if there is an expiry already.
        IfExpiring = "XX",
        /// Only if the new expiry is later.
        IfLater = "GT",
        /// Only if the new expiry is earlier.
        IfEarlier = "LT",
    }
}
