use super::commands;
use crate::redis::{
    ToArg,
    command::{millis, unix_millis},
};
use std::time::Duration;
use web_time::SystemTime;

commands! {
    /// `DEL`: returns how many keys there were.
    write "DEL" del(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `UNLINK`: as `DEL`, the memory is freed later.
    write "UNLINK" unlink(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `EXISTS`: whether there is such a key.
    read "EXISTS" exists(key: impl ToArg) -> bool {
        |cmd| cmd.key(key)
    }

    /// `PEXPIRE`: expires after `ttl`, in whole milliseconds, rounded up; `false` where there is no such key.
    write "PEXPIRE" expire(key: impl ToArg, ttl: Duration) -> bool {
        |cmd| cmd.key(key).arg(millis(ttl))
    }

    /// `PEXPIREAT`: expires at a time, in whole milliseconds, rounded up; `false` where there is no such key.
    write "PEXPIREAT" expire_at(key: impl ToArg, time: SystemTime) -> bool {
        |cmd| cmd.key(key).arg(unix_millis(time))
    }

    /// `PERSIST`: takes the time to live away; `false` where there was none.
    write "PERSIST" persist(key: impl ToArg) -> bool {
        |cmd| cmd.key(key)
    }

    /// `PTTL`: the time to live in milliseconds, -1 where there is none, -2 where there is no such key.
    read "PTTL" pttl(key: impl ToArg) -> i64 {
        |cmd| cmd.key(key)
    }

    /// `TYPE`: `string`, `hash`, `set`, `zset`, `list`, `stream`, or `none`.
    read "TYPE" key_type(key: impl ToArg) -> String {
        |cmd| cmd.key(key)
    }

    /// `RENAME`: an error where there is no such key.
    write "RENAME" rename(from: impl ToArg, to: impl ToArg) -> () {
        |cmd| cmd.key(from).key(to)
    }

    /// `SCAN`: one step of a walk over the keys that match `pattern`; the walk ends where the cursor is `"0"` again.
    read "SCAN" scan(cursor: &str, pattern: &str, count: u32) -> (String, Vec<String>) {
        |cmd| cmd.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(count)
    }
}
