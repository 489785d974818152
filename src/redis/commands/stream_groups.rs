//! Consumer groups of streams, and what is known of a stream.

use super::{
    AutoClaimed, ConsumerInfo, GroupInfo, PendingEntry, PendingSummary, StreamEntry, StreamInfo, StreamReads,
    XClaimOptions, XGroupCreate, XPending, commands,
    keyword_enums::{codes, words},
    stream_types::pairs,
};
use crate::redis::{ToArg, command::millis};
use std::time::Duration;

words! {
    /// The treatment of other groups' references to a deleted entry.
    ///
    /// ```
    /// use axum_upstash::redis::{EntryDeletion, References, XAddOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// let id = redis.xadd("events", "*", [("n", 1)], XAddOptions::new()).await?.expect("made");
    /// assert_eq!(redis.xdelex("events", References::Delete, [id]).await?, [EntryDeletion::Deleted]);
    /// # Ok(())
    /// # }
    /// ```
    pub enum References {
        /// They are kept.
        Keep = "KEEPREF",
        /// They are deleted as well.
        Delete = "DELREF",
        /// The entry is deleted only if all groups have acknowledged it.
        Acked = "ACKED",
    }
}

codes! {
    /// The outcome of deleting an entry.
    ///
    /// ```
    /// use axum_upstash::redis::{EntryDeletion, References, XAddOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// redis.xadd("events", "1-1", [("n", 1)], XAddOptions::new()).await?;
    /// let deleted = redis.xdelex("events", References::Keep, ["1-1", "9-9"]).await?;
    /// assert_eq!(deleted, [EntryDeletion::Deleted, EntryDeletion::Missing]);
    /// # Ok(())
    /// # }
    /// ```
    pub enum EntryDeletion {
        /// There is no such entry.
        Missing = -1,
        /// It is deleted.
        Deleted = 1,
        /// It is still there, because a group has not acknowledged it.
        Referenced = 2,
    }
}

commands! {
    /// `XGROUP CREATE`: makes a group.
    write "XGROUP CREATE" xgroup_create(key: impl ToArg, group: impl ToArg, options: XGroupCreate) -> () {
        |cmd| options.write(cmd.key(key).arg(group))
    }

    /// `XGROUP CREATECONSUMER`: says whether the consumer is new.
    write "XGROUP CREATECONSUMER" xgroup_createconsumer(
        key: impl ToArg, group: impl ToArg, consumer: impl ToArg,
    ) -> bool {
        |cmd| cmd.key(key).arg(group).arg(consumer)
    }

    /// `XGROUP DELCONSUMER`: returns the number of its unacknowledged entries, which no consumer has any more.
    write "XGROUP DELCONSUMER" xgroup_delconsumer(key: impl ToArg, group: impl ToArg, consumer: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(group).arg(consumer)
    }

    /// `XGROUP DESTROY`: says whether there was such a group.
    write "XGROUP DESTROY" xgroup_destroy(key: impl ToArg, group: impl ToArg) -> bool {
        |cmd| cmd.key(key).arg(group)
    }

    /// `XGROUP SETID`: the group goes on behind this entry.
    write "XGROUP SETID" xgroup_setid(key: impl ToArg, group: impl ToArg, id: impl ToArg) -> () {
        |cmd| cmd.key(key).arg(group).arg(id)
    }

    /// `XREADGROUP`: entries for a consumer. The id `">"` stands for entries that no consumer has received; any other
    /// id for the consumer's own pending entries after it.
    write "XREADGROUP" xreadgroup<T>(
        group: impl ToArg,
        consumer: impl ToArg,
        streams: impl IntoIterator<Item = (impl ToArg, impl ToArg)>,
        count: Option<u64>,
    ) -> StreamReads<T> {
        |cmd| pairs(cmd.arg("GROUP").arg(group).arg(consumer).arg(count.map(|count| ("COUNT", count))), streams)
    }

    /// `XREADGROUP … NOACK`: the same, and they count as acknowledged.
    write "XREADGROUP" xreadgroup_noack<T>(
        group: impl ToArg,
        consumer: impl ToArg,
        streams: impl IntoIterator<Item = (impl ToArg, impl ToArg)>,
        count: Option<u64>,
    ) -> StreamReads<T> {
        |cmd| pairs(
            cmd.arg("GROUP").arg(group).arg(consumer).arg(count.map(|count| ("COUNT", count))).arg("NOACK"),
            streams,
        )
    }

    /// `XACK`: returns how many of the entries were pending.
    write "XACK" xack(key: impl ToArg, group: impl ToArg, ids: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(group).arg(ids)
    }

    /// `XPENDING`: what a group has not acknowledged, in short.
    read "XPENDING" xpending(key: impl ToArg, group: impl ToArg) -> PendingSummary {
        |cmd| cmd.key(key).arg(group)
    }

    /// `XPENDING` with a range: the entries that a group has not acknowledged.
    read "XPENDING" xpending_entries(key: impl ToArg, group: impl ToArg, range: XPending) -> Vec<PendingEntry> {
        |cmd| range.write(cmd.key(key).arg(group))
    }

    /// `XCLAIM`: gives entries that have been pending for `min_idle` or longer to another consumer.
    write "XCLAIM" xclaim<T>(
        key: impl ToArg,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        ids: impl ToArg,
        options: XClaimOptions,
    ) -> Vec<StreamEntry<T>> {
        |cmd| options.write(cmd.key(key).arg(group).arg(consumer).arg(millis(min_idle)).arg(ids))
    }

    /// `XCLAIM … JUSTID`: the same with the ids alone, and no delivery is counted.
    write "XCLAIM" xclaim_ids(
        key: impl ToArg,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        ids: impl ToArg,
        options: XClaimOptions,
    ) -> Vec<String> {
        |cmd| options.write(cmd.key(key).arg(group).arg(consumer).arg(millis(min_idle)).arg(ids)).arg("JUSTID")
    }

    /// `XAUTOCLAIM`: the same for up to `count` entries behind `start`, which is `"0"` at first.
    write "XAUTOCLAIM" xautoclaim<T>(
        key: impl ToArg,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        start: impl ToArg,
        count: Option<u64>,
    ) -> AutoClaimed<StreamEntry<T>> {
        |cmd| cmd.key(key).arg(group).arg(consumer).arg(millis(min_idle)).arg(start).arg(count.map(|n| ("COUNT", n)))
    }

    /// `XAUTOCLAIM … JUSTID`: the same with the ids alone, and no delivery is counted.
    write "XAUTOCLAIM" xautoclaim_ids(
        key: impl ToArg,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        start: impl ToArg,
        count: Option<u64>,
    ) -> AutoClaimed<String> {
        |cmd| cmd.key(key).arg(group).arg(consumer).arg(millis(min_idle)).arg(start)
            .arg(count.map(|n| ("COUNT", n))).arg("JUSTID")
    }

    /// `XACKDEL`: acknowledges entries and deletes them. Upstash, and Redis 8.2.
    write "XACKDEL" xackdel(
        key: impl ToArg, group: impl ToArg, references: References, ids: impl ToArg,
    ) -> Vec<EntryDeletion> {
        |cmd| cmd.key(key).arg(group).arg(references).arg("IDS").counted(ids)
    }

    /// `XDELEX`: deletes entries. Upstash, and Redis 8.2.
    write "XDELEX" xdelex(key: impl ToArg, references: References, ids: impl ToArg) -> Vec<EntryDeletion> {
        |cmd| cmd.key(key).arg(references).arg("IDS").counted(ids)
    }

    /// `XINFO STREAM`: the properties of a stream.
    read "XINFO STREAM" xinfo_stream(key: impl ToArg) -> StreamInfo {
        |cmd| cmd.key(key)
    }

    /// `XINFO GROUPS`: the groups of a stream.
    read "XINFO GROUPS" xinfo_groups(key: impl ToArg) -> Vec<GroupInfo> {
        |cmd| cmd.key(key)
    }

    /// `XINFO CONSUMERS`: the consumers of a group.
    read "XINFO CONSUMERS" xinfo_consumers(key: impl ToArg, group: impl ToArg) -> Vec<ConsumerInfo> {
        |cmd| cmd.key(key).arg(group)
    }
}
