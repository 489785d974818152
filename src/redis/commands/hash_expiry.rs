//! Fields with a time to live. Upstash, and Redis 7.4 or 8.0.

use super::{ExpireCondition, ExpireTime, Expiry, SetExpiry, Ttl, commands, keyword_enums::codes};
use crate::redis::{
    Cmd, ToArg,
    command::{millis, unix_millis},
};
use std::time::Duration;
use web_time::SystemTime;

codes! {
    /// The outcome of setting a field's time to live.
    ///
    /// ```
    /// use axum_upstash::redis::FieldExpiry;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// redis.hset("user:1", [("code", "1234")]).await?;
    /// let set = redis.hexpire("user:1", Duration::from_secs(60), ["code", "missing"]).await?;
    /// assert_eq!(set, [FieldExpiry::Set, FieldExpiry::NoField]);
    /// # Ok(())
    /// # }
    /// ```
    pub enum FieldExpiry {
        /// There is no such field.
        NoField = -2,
        /// The condition is not met.
        NotMet = 0,
        /// It was set.
        Set = 1,
        /// The time is past, and the field is deleted.
        Deleted = 2,
    }
}

codes! {
    /// The outcome of removing a field's time to live.
    ///
    /// ```
    /// use axum_upstash::redis::FieldPersist;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// redis.hset("user:1", [("name", "Zoë")]).await?;
    /// assert_eq!(redis.hpersist("user:1", ["name"]).await?, [FieldPersist::NoExpiry]);
    /// # Ok(())
    /// # }
    /// ```
    pub enum FieldPersist {
        /// There is no such field.
        NoField = -2,
        /// It had no time to live.
        NoExpiry = -1,
        /// It does not expire any more.
        Persisted = 1,
    }
}

/// The condition of [`hsetex_if`](crate::redis::Redis::hsetex_if).
///
/// ```
/// use axum_upstash::redis::{FieldsCondition, SetExpiry};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let minute = SetExpiry::After(Duration::from_secs(60));
/// assert!(redis.hsetex_if("user:1", FieldsCondition::NoneExist, minute, [("code", "1234")]).await?);
/// assert!(!redis.hsetex_if("user:1", FieldsCondition::NoneExist, minute, [("code", "5678")]).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldsCondition {
    /// `FNX`: only if none of the fields is there.
    NoneExist,
    /// `FXX`: only if all of them are.
    AllExist,
}

impl ToArg for FieldsCondition {
    fn write(&self, cmd: &mut Cmd) {
        match self {
            Self::NoneExist => "FNX".write(cmd),
            Self::AllExist => "FXX".write(cmd),
        }
    }
}

fn fields(cmd: Cmd, fields: impl ToArg) -> Cmd {
    cmd.arg("FIELDS").counted(fields)
}

/// `FIELDS n field value…`, with `n` fields.
fn pairs(cmd: Cmd, pairs: impl IntoIterator<Item = (impl ToArg, impl ToArg)>) -> Cmd {
    let pairs: Vec<_> = pairs.into_iter().collect();
    cmd.arg("FIELDS").arg(pairs.len()).args(pairs)
}

commands! {
    /// `HPEXPIRE`: fields expire after `ttl`, in whole milliseconds, rounded up. One answer for each.
    write "HPEXPIRE" hexpire(key: impl ToArg, ttl: Duration, names: impl ToArg) -> Vec<FieldExpiry> {
        |cmd| fields(cmd.key(key).arg(millis(ttl)), names)
    }

    /// `HPEXPIRE` under a condition.
    write "HPEXPIRE" hexpire_if(
        key: impl ToArg, ttl: Duration, condition: ExpireCondition, names: impl ToArg,
    ) -> Vec<FieldExpiry> {
        |cmd| fields(cmd.key(key).arg(millis(ttl)).arg(condition), names)
    }

    /// `HEXPIRE`: fields expire after so many seconds.
    write "HEXPIRE" hexpire_secs(key: impl ToArg, seconds: u64, names: impl ToArg) -> Vec<FieldExpiry> {
        |cmd| fields(cmd.key(key).arg(seconds), names)
    }

    /// `HPEXPIREAT`: fields expire at a time, in whole milliseconds, rounded up.
    write "HPEXPIREAT" hexpire_at(key: impl ToArg, time: SystemTime, names: impl ToArg) -> Vec<FieldExpiry> {
        |cmd| fields(cmd.key(key).arg(unix_millis(time)), names)
    }

    /// `HPEXPIREAT` under a condition.
    write "HPEXPIREAT" hexpire_at_if(
        key: impl ToArg, time: SystemTime, condition: ExpireCondition, names: impl ToArg,
    ) -> Vec<FieldExpiry> {
        |cmd| fields(cmd.key(key).arg(unix_millis(time)).arg(condition), names)
    }

    /// `HEXPIREAT`: fields expire at a time in seconds since the Unix epoch.
    write "HEXPIREAT" hexpire_at_secs(key: impl ToArg, unix_seconds: u64, names: impl ToArg) -> Vec<FieldExpiry> {
        |cmd| fields(cmd.key(key).arg(unix_seconds), names)
    }

    /// `HPTTL`: how long each field still lives, to the millisecond.
    read "HPTTL" httl(key: impl ToArg, names: impl ToArg) -> Vec<Ttl> {
        |cmd| fields(cmd.key(key), names)
    }

    /// `HTTL`: remaining seconds of each field, -1 if it does not expire, -2 if it does not exist.
    read "HTTL" httl_secs(key: impl ToArg, names: impl ToArg) -> Vec<i64> {
        |cmd| fields(cmd.key(key), names)
    }

    /// `HPEXPIRETIME`: when each field expires, to the millisecond.
    read "HPEXPIRETIME" hexpire_time(key: impl ToArg, names: impl ToArg) -> Vec<ExpireTime> {
        |cmd| fields(cmd.key(key), names)
    }

    /// `HEXPIRETIME`: the expiry of each field in seconds since the Unix epoch, -1 if it does not expire, -2 if it does
    /// not exist.
    read "HEXPIRETIME" hexpire_time_secs(key: impl ToArg, names: impl ToArg) -> Vec<i64> {
        |cmd| fields(cmd.key(key), names)
    }

    /// `HPERSIST`: takes the time to live of fields away.
    write "HPERSIST" hpersist(key: impl ToArg, names: impl ToArg) -> Vec<FieldPersist> {
        |cmd| fields(cmd.key(key), names)
    }

    /// `HGETDEL`: the values of fields, which are deleted.
    write "HGETDEL" hgetdel<T>(key: impl ToArg, names: impl ToArg) -> Vec<T> {
        |cmd| fields(cmd.key(key), names)
    }

    /// `HGETEX`: the values of fields, whose time to live is changed.
    write "HGETEX" hgetex<T>(key: impl ToArg, expiry: Expiry, names: impl ToArg) -> Vec<T> {
        |cmd| fields(cmd.key(key).arg(expiry), names)
    }

    /// `HSETEX`: sets fields and their time to live.
    write "HSETEX" hsetex(
        key: impl ToArg, expiry: SetExpiry, values: impl IntoIterator<Item = (impl ToArg, impl ToArg)>,
    ) -> bool {
        |cmd| pairs(cmd.key(key).arg(expiry), values)
    }

    /// `HSETEX` under a condition; says whether it was met.
    write "HSETEX" hsetex_if(
        key: impl ToArg,
        condition: FieldsCondition,
        expiry: SetExpiry,
        values: impl IntoIterator<Item = (impl ToArg, impl ToArg)>,
    ) -> bool {
        |cmd| pairs(cmd.key(key).arg(condition).arg(expiry), values)
    }
}
