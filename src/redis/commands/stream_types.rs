use crate::redis::{Cmd, FromReply, Pairs, Reply, ReplyTypeError, ToArg};
use std::time::Duration;

/// An entry of a stream. Its fields stay in their order, also those that are there twice.
///
/// ```
/// use axum_upstash::redis::{StreamEntry, XAddOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.xadd("events", "1-1", [("user", "7")], XAddOptions::new()).await?;
/// let entries: Vec<StreamEntry<String>> = redis.xrange("events", "-", "+").await?;
/// assert_eq!((entries[0].id.as_str(), entries[0].get("user").map(String::as_str)), ("1-1", Some("7")));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamEntry<T> {
    /// The id: milliseconds and a number.
    pub id: String,
    /// The fields and their values; empty if the entry was deleted and is only pending.
    pub fields: Vec<(String, T)>,
}

impl<T> StreamEntry<T> {
    /// The value of the first field of this name.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&T> {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }
}

impl<T: FromReply> FromReply for StreamEntry<T> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let (id, fields) = <(String, Option<Pairs<String, T>>)>::from_reply(reply)?;
        Ok(Self { id, fields: fields.map_or_else(Vec::new, |Pairs(fields)| fields) })
    }
}

/// The entries of several streams: the key of each that had some, and its entries.
///
/// ```
/// use axum_upstash::redis::{StreamReads, XAddOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.xadd("events", "1-1", [("user", "7")], XAddOptions::new()).await?;
/// let StreamReads(reads) = redis.xread::<String>([("events", "0")], Some(10)).await?;
/// assert_eq!((reads[0].0.as_str(), reads[0].1[0].id.as_str()), ("events", "1-1"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamReads<T>(pub Vec<(String, Vec<StreamEntry<T>>)>);

impl<T: FromReply> FromReply for StreamReads<T> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        // Nil if no stream had anything.
        Option::from_reply(reply).map(|reads| Self(reads.unwrap_or_default()))
    }
}

/// `STREAMS key… id…`, from pairs, so that no key is without its id.
pub(super) fn pairs(cmd: Cmd, streams: impl IntoIterator<Item = (impl ToArg, impl ToArg)>) -> Cmd {
    let (keys, ids): (Vec<_>, Vec<_>) = streams.into_iter().unzip();
    cmd.arg("STREAMS").key(keys).arg(ids)
}

/// Which entries of a stream are kept.
///
/// ```
/// use axum_upstash::redis::{TrimOptions, XAddOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// for n in 0..3 {
///     redis.xadd("events", "*", [("n", n)], XAddOptions::new()).await?;
/// }
/// assert_eq!(redis.xtrim("events", TrimOptions::max_len(1)).await?, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct TrimOptions {
    strategy: &'static str,
    threshold: String,
    approximate: bool,
    limit: Option<u64>,
}

impl TrimOptions {
    /// `MAXLEN`: the newest so many.
    pub fn max_len(length: u64) -> Self {
        Self { strategy: "MAXLEN", threshold: length.to_string(), approximate: false, limit: None }
    }

    /// `MINID`: those with this id or a later one.
    pub fn min_id(id: impl Into<String>) -> Self {
        Self { strategy: "MINID", threshold: id.into(), approximate: false, limit: None }
    }

    /// `~`: some more may be kept, if that is cheaper.
    pub fn approximate(mut self) -> Self {
        self.approximate = true;
        self
    }

    /// `LIMIT`: at most so many are deleted at once. It makes the trimming approximate.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self.approximate()
    }
}

impl ToArg for TrimOptions {
    fn write(&self, cmd: &mut Cmd) {
        self.strategy.write(cmd);
        self.approximate.then_some("~").write(cmd);
        self.threshold.write(cmd);
        self.limit.map(|limit| ("LIMIT", limit)).write(cmd);
    }
}

/// The options of `XADD`.
///
/// ```
/// use axum_upstash::redis::{TrimOptions, XAddOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let options = XAddOptions::new().trim(TrimOptions::max_len(2));
/// for n in 0..3 {
///     redis.xadd("events", "*", [("n", n)], options.clone()).await?;
/// }
/// assert_eq!(redis.xlen("events").await?, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct XAddOptions {
    no_make: bool,
    trim: Option<TrimOptions>,
}

impl XAddOptions {
    /// Creates the stream if it does not exist, and never trims it.
    pub fn new() -> Self {
        Self::default()
    }

    /// `NOMKSTREAM`: only if the stream exists.
    pub fn no_make_stream(mut self) -> Self {
        self.no_make = true;
        self
    }

    /// Trims the stream as well.
    pub fn trim(mut self, trim: TrimOptions) -> Self {
        self.trim = Some(trim);
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        cmd.arg(self.no_make.then_some("NOMKSTREAM")).arg(self.trim)
    }
}

/// A summary of a group's unacknowledged entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PendingSummary {
    /// The number of entries.
    pub count: u64,
    /// The lowest id.
    pub first: Option<String>,
    /// The highest id.
    pub last: Option<String>,
    /// Each consumer and how many of them are its own.
    pub consumers: Vec<(String, u64)>,
}

impl FromReply for PendingSummary {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let (count, first, last, consumers) = FromReply::from_reply(reply)?;
        Ok(Self { count, first, last, consumers: Option::unwrap_or_default(consumers) })
    }
}

/// An entry that was delivered and not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingEntry {
    /// The entry.
    pub id: String,
    /// The consumer that received it last.
    pub consumer: String,
    /// Time since the last delivery.
    pub idle: Duration,
    /// The number of deliveries.
    pub deliveries: u64,
}

impl FromReply for PendingEntry {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let (id, consumer, idle, deliveries) = <(String, String, u64, u64)>::from_reply(reply)?;
        Ok(Self { id, consumer, idle: Duration::from_millis(idle), deliveries })
    }
}
