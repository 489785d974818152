use crate::redis::{
    Cmd, ToArg,
    command::{millis, unix_millis},
};
use std::time::Duration;
use web_time::SystemTime;

/// The options of `SET`.
///
/// ```
/// use axum_upstash::redis::SetOptions;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let lock = SetOptions::new().if_absent().expire(Duration::from_secs(30));
/// assert!(redis.set_with("lock", "me", lock.clone()).await?);
/// assert!(!redis.set_with("lock", "another", lock).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct SetOptions {
    expiry: Option<SetExpiry>,
    condition: Option<Condition>,
}

#[derive(Debug, Clone)]
enum Condition {
    Absent,
    Present,
    Compare(Compare),
}

/// The time to live of what is written.
///
/// ```
/// use axum_upstash::redis::{SetOptions, Ttl};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.set_with("k", 1, SetOptions::new().expire(Duration::from_secs(60))).await?;
/// redis.set_with("k", 2, SetOptions::new().keep_ttl()).await?;
/// assert!(matches!(redis.ttl("k").await?, Ttl::After(_)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetExpiry {
    /// `PX`: after so long, in whole milliseconds, rounded up.
    After(Duration),
    /// `PXAT`: at a time, in whole milliseconds, rounded up.
    At(SystemTime),
    /// `KEEPTTL`: as it is already.
    Keep,
}

impl ToArg for SetExpiry {
    fn write(&self, cmd: &mut Cmd) {
        match self {
            Self::After(ttl) => ("PX", millis(*ttl)).write(cmd),
            Self::At(time) => ("PXAT", unix_millis(*time)).write(cmd),
            Self::Keep => "KEEPTTL".write(cmd),
        }
    }
}

/// The change to the time to live of a read value.
///
/// ```
/// use axum_upstash::redis::{Expiry, Ttl};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.set("k", 1).await?;
/// let value: i64 = redis.getex("k", Expiry::After(Duration::from_secs(60))).await?;
/// assert_eq!(value, 1);
/// assert!(matches!(redis.ttl("k").await?, Ttl::After(_)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// `PX`: it ends after so long, in whole milliseconds, rounded up.
    After(Duration),
    /// `PXAT`: it ends at a time, in whole milliseconds, rounded up.
    At(SystemTime),
    /// `PERSIST`: there is none any more.
    Persist,
}

impl ToArg for Expiry {
    fn write(&self, cmd: &mut Cmd) {
        match self {
            Self::After(ttl) => SetExpiry::After(*ttl).write(cmd),
            Self::At(time) => SetExpiry::At(*time).write(cmd),
            Self::Persist => "PERSIST".write(cmd),
        }
    }
}

/// A comparison with the value that is there. Upstash, and Redis 8.4.
///
/// ```no_run
/// use axum_upstash::redis::{Compare, SetOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let upstash = axum_upstash::Upstash::from_env()?;
/// let redis = upstash.redis();
/// redis.set("k", "old").await?;
/// let swap = SetOptions::new().only_if(Compare::Equal("old".into()));
/// assert!(redis.set_with("k", "new", swap.clone()).await?);
/// assert!(!redis.set_with("k", "newer", swap).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compare {
    /// `IFEQ`: it is this.
    Equal(Vec<u8>),
    /// `IFNE`: it is not this.
    NotEqual(Vec<u8>),
    /// `IFDEQ`: its digest is this.
    DigestEqual(String),
    /// `IFDNE`: its digest is not this.
    DigestNotEqual(String),
}

impl ToArg for Compare {
    fn write(&self, cmd: &mut Cmd) {
        match self {
            Self::Equal(value) => ("IFEQ", value).write(cmd),
            Self::NotEqual(value) => ("IFNE", value).write(cmd),
            Self::DigestEqual(digest) => ("IFDEQ", digest).write(cmd),
            Self::DigestNotEqual(digest) => ("IFDNE", digest).write(cmd),
        }
    }
}

impl SetOptions {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// `PX`: expires after `ttl`, in whole milliseconds, rounded up.
    pub fn expire(mut self, ttl: Duration) -> Self {
        self.expiry = Some(SetExpiry::After(ttl));
        self
    }

    /// `PXAT`: expires at a time, in whole milliseconds, rounded up.
    pub fn expire_at(mut self, time: SystemTime) -> Self {
        self.expiry = Some(SetExpiry::At(time));
        self
    }

    /// `KEEPTTL`: keeps the time to live that the key has.
    pub fn keep_ttl(mut self) -> Self {
        self.expiry = Some(SetExpiry::Keep);
        self
    }

    /// `NX`: only if there is no such key.
    pub fn if_absent(mut self) -> Self {
        self.condition = Some(Condition::Absent);
        self
    }

    /// `XX`: only if there is such a key.
    pub fn if_present(mut self) -> Self {
        self.condition = Some(Condition::Present);
        self
    }

    /// `IFEQ`, `IFNE`, `IFDEQ`, `IFDNE`: only if the present value compares so.
    pub fn only_if(mut self, compare: Compare) -> Self {
        self.condition = Some(Condition::Compare(compare));
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        let cmd = match self.condition {
            Some(Condition::Absent) => cmd.arg("NX"),
            Some(Condition::Present) => cmd.arg("XX"),
            Some(Condition::Compare(compare)) => cmd.arg(compare),
            None => cmd,
        };
        cmd.arg(self.expiry)
    }
}
