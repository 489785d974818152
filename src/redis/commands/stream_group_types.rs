use crate::redis::{
    Cmd, FromReply, Pairs, Reply, ReplyTypeError,
    command::{millis, unix_millis},
};
use std::time::Duration;
use web_time::SystemTime;

/// The position at which a new group begins.
///
/// ```
/// use axum_upstash::redis::XGroupCreate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.xgroup_create("events", "mailer", XGroupCreate::from_id("$").make_stream()).await?;
/// assert_eq!(redis.xinfo_groups("events").await?[0].name, "mailer");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct XGroupCreate {
    id: String,
    make: bool,
    entries_read: Option<i64>,
}

impl XGroupCreate {
    /// Behind an entry; `"0"` for all entries, `"$"` for those to come.
    pub fn from_id(id: impl Into<String>) -> Self {
        Self { id: id.into(), make: false, entries_read: None }
    }

    /// `MKSTREAM`: creates the stream if it does not exist.
    pub fn make_stream(mut self) -> Self {
        self.make = true;
        self
    }

    /// `ENTRIESREAD`: how many entries the group counts as read, for its lag.
    pub fn entries_read(mut self, entries: i64) -> Self {
        self.entries_read = Some(entries);
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        cmd.arg(self.id)
            .arg(self.make.then_some("MKSTREAM"))
            .arg(self.entries_read.map(|entries| ("ENTRIESREAD", entries)))
    }
}

/// Which pending entries are listed.
///
/// ```
/// use axum_upstash::redis::{XGroupCreate, XPending};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.xgroup_create("events", "mailer", XGroupCreate::from_id("0").make_stream()).await?;
/// let pending = redis.xpending_entries("events", "mailer", XPending::first(10)).await?;
/// assert!(pending.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct XPending {
    start: String,
    end: String,
    count: u64,
    idle: Option<Duration>,
    consumer: Option<String>,
}

impl XPending {
    /// Up to `count`, from the first on.
    pub fn first(count: u64) -> Self {
        Self { start: "-".into(), end: "+".into(), count, idle: None, consumer: None }
    }

    /// Only those from one id to another, `"-"` and `"+"` for the ends.
    pub fn between(mut self, start: impl Into<String>, end: impl Into<String>) -> Self {
        (self.start, self.end) = (start.into(), end.into());
        self
    }

    /// `IDLE`: only those that were delivered so long ago, in whole milliseconds, rounded up.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = Some(idle);
        self
    }

    /// Only those of one consumer.
    pub fn consumer(mut self, consumer: impl Into<String>) -> Self {
        self.consumer = Some(consumer.into());
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        cmd.arg(self.idle.map(|idle| ("IDLE", millis(idle))))
            .arg(self.start)
            .arg(self.end)
            .arg(self.count)
            .arg(self.consumer)
    }
}

/// The options of `XCLAIM`.
///
/// ```
/// use axum_upstash::redis::{StreamEntry, XAddOptions, XClaimOptions, XGroupCreate};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.xgroup_create("events", "mailer", XGroupCreate::from_id("0").make_stream()).await?;
/// let id = redis.xadd("events", "*", [("n", 1)], XAddOptions::new()).await?.expect("made");
/// let options = XClaimOptions::new().force();
/// let claimed: Vec<StreamEntry<i64>> =
///     redis.xclaim("events", "mailer", "worker-2", Duration::ZERO, [id], options).await?;
/// assert_eq!(claimed.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct XClaimOptions {
    delivered: Option<Delivered>,
    retry_count: Option<u64>,
    force: bool,
    last_id: Option<String>,
}

#[derive(Debug, Clone)]
enum Delivered {
    Ago(Duration),
    At(SystemTime),
}

impl XClaimOptions {
    /// The entries count as delivered now.
    pub fn new() -> Self {
        Self::default()
    }

    /// `IDLE`: they count as delivered so long ago, in whole milliseconds.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.delivered = Some(Delivered::Ago(idle));
        self
    }

    /// `TIME`: they count as delivered at this time, in whole milliseconds.
    pub fn time(mut self, time: SystemTime) -> Self {
        self.delivered = Some(Delivered::At(time));
        self
    }

    /// `RETRYCOUNT`: how often they count as delivered.
    pub fn retry_count(mut self, count: u64) -> Self {
        self.retry_count = Some(count);
        self
    }

    /// `FORCE`: claims entries that are in no pending list, too.
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    /// `LASTID`: the group goes on behind this entry, if that is later.
    pub fn last_id(mut self, id: impl Into<String>) -> Self {
        self.last_id = Some(id.into());
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        let delivered = self.delivered.map(|delivered| match delivered {
            Delivered::Ago(idle) => ("IDLE", millis(idle)),
            Delivered::At(time) => ("TIME", unix_millis(time)),
        });
        cmd.arg(delivered)
            .arg(self.retry_count.map(|count| ("RETRYCOUNT", count)))
            .arg(self.force.then_some("FORCE"))
            .arg(self.last_id.map(|id| ("LASTID", id)))
    }
}

/// The result of `XAUTOCLAIM`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AutoClaimed<E> {
    /// The id to continue from; `"0-0"` if all entries were scanned.
    pub next: String,
    /// The entries that the consumer has now.
    pub entries: Vec<E>,
    /// The ids that were pending and are no longer in the stream.
    pub deleted: Vec<String>,
}

impl<E: FromReply> FromReply for AutoClaimed<E> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let (next, entries, deleted) = FromReply::from_reply(reply)?;
        Ok(Self { next, entries, deleted })
    }
}

/// A struct that is read from names and values; names that it does not have are left out.
macro_rules! info {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $key:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl FromReply for $name {
            fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
                let mut info = Self::default();
                for (name, value) in Pairs::<String, Reply>::from_reply(reply)?.0 {
                    match name.as_str() {
                        $($key => info.$field = FromReply::from_reply(value)?,)*
                        _ => {}
                    }
                }
                Ok(info)
            }
        }
    };
}

info! {
    /// The properties of a stream.
    pub struct StreamInfo {
        /// How many entries it has.
        length: u64 = "length",
        /// The id of the entry that was added last.
        last_generated_id: String = "last-generated-id",
        /// The highest id of a deleted entry.
        max_deleted_entry_id: Option<String> = "max-deleted-entry-id",
        /// How many entries were ever added.
        entries_added: Option<u64> = "entries-added",
        /// How many groups it has.
        groups: u64 = "groups",
    }
}

info! {
    /// The properties of a group.
    pub struct GroupInfo {
        /// Its name.
        name: String = "name",
        /// How many consumers it has.
        consumers: u64 = "consumers",
        /// How many entries are delivered and not acknowledged.
        pending: u64 = "pending",
        /// The entry that was delivered last.
        last_delivered_id: String = "last-delivered-id",
        /// How many entries it has read.
        entries_read: Option<u64> = "entries-read",
        /// How many entries are still to be delivered, if that is known.
        lag: Option<u64> = "lag",
    }
}

info! {
    /// The properties of a consumer.
    pub struct ConsumerInfo {
        /// Its name.
        name: String = "name",
        /// How many entries it has not acknowledged.
        pending: u64 = "pending",
        /// For how many milliseconds it has tried nothing.
        idle: u64 = "idle",
    }
}
