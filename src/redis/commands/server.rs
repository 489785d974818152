use super::{commands, keyword_enums::words};
use crate::redis::{FromReply, Pairs, Reply, ReplyTypeError, ToArg};
use std::time::Duration;
use web_time::{SystemTime, UNIX_EPOCH};

words! {
    /// Whether work is done before the answer or behind it.
    ///
    /// ```
    /// use axum_upstash::redis::FlushMode;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// redis.set("k", 1).await?;
    /// redis.flushdb(FlushMode::Sync).await?;
    /// assert_eq!(redis.dbsize().await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub enum FlushMode {
        /// Before the answer.
        Sync = "SYNC",
        /// In the background.
        Async = "ASYNC",
    }
}

words! {
    /// The details that a client registers about itself.
    ///
    /// ```
    /// use axum_upstash::redis::ClientInfo;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// redis.client_setinfo(ClientInfo::LibraryName, "shop").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub enum ClientInfo {
        /// The library's name.
        LibraryName = "LIB-NAME",
        /// The library's version.
        LibraryVersion = "LIB-VER",
    }
}

/// The server's time, to the microsecond.
///
/// ```
/// use axum_upstash::redis::ServerTime;
/// use std::time::SystemTime;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let ServerTime(now) = redis.time().await?;
/// assert!(now > SystemTime::UNIX_EPOCH);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerTime(pub SystemTime);

impl FromReply for ServerTime {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let (seconds, micros) = <(u64, u32)>::from_reply(reply)?;
        let since = Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros.into()));
        Ok(Self(UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)))
    }
}

commands! {
    /// `PING`: `PONG`.
    read "PING" ping() -> String {
        |cmd| cmd
    }

    /// `ECHO`: the message.
    read "ECHO" echo<T>(message: impl ToArg) -> T {
        |cmd| cmd.arg(message)
    }

    /// `TIME`: the server's time.
    read "TIME" time() -> ServerTime {
        |cmd| cmd
    }

    /// `DBSIZE`: how many keys there are.
    read "DBSIZE" dbsize() -> u64 {
        |cmd| cmd
    }

    /// `FLUSHDB`: deletes all keys of the database.
    write "FLUSHDB" flushdb(mode: FlushMode) -> () {
        |cmd| cmd.arg(mode)
    }

    /// `FLUSHALL`: deletes all keys of all databases. Upstash has one.
    write "FLUSHALL" flushall(mode: FlushMode) -> () {
        |cmd| cmd.arg(mode)
    }

    /// `CLIENT SETINFO`: tells the server what it is talking to.
    write "CLIENT SETINFO" client_setinfo(info: ClientInfo, value: impl ToArg) -> () {
        |cmd| cmd.arg(info).arg(value)
    }

    /// `CONFIG GET`: settings by glob pattern. Upstash has `notify-keyspace-events` alone.
    read "CONFIG GET" config_get(pattern: impl ToArg) -> Pairs<String, String> {
        |cmd| cmd.arg(pattern)
    }

    /// `CONFIG SET`: changes a setting.
    write "CONFIG SET" config_set(name: impl ToArg, value: impl ToArg) -> () {
        |cmd| cmd.arg(name).arg(value)
    }

    /// `ACL RESTTOKEN`: the REST token of a user. Upstash only.
    read "ACL RESTTOKEN" acl_resttoken(user: impl ToArg, password: impl ToArg) -> String {
        |cmd| cmd.arg(user).arg(password)
    }

    /// `ACL GENTOKEN`: a new token, which is a user's password and REST token at once. Upstash only.
    write "ACL GENTOKEN" acl_gentoken(user: impl ToArg) -> String {
        |cmd| cmd.arg(user)
    }
}
