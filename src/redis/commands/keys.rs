use super::commands;
use crate::redis::{Cmd, ToArg, command::millis};
use std::time::Duration;

commands! {
    /// `DEL`: returns how many keys there were.
    fn del(key: impl ToArg) -> u64 {
        Cmd::new("DEL").key(key)
    }

    /// `UNLINK`: as `DEL`, the memory is freed later.
    fn unlink(key: impl ToArg) -> u64 {
        Cmd::new("UNLINK").key(key)
    }

    /// `EXISTS`: whether there is such a key.
    fn exists(key: impl ToArg) -> bool {
        Cmd::new("EXISTS").key(key)
    }

    /// `PEXPIRE`: expires after `ttl`, in whole milliseconds, rounded up; `false` where there is no such key.
    fn expire(key: impl ToArg, ttl: Duration) -> bool {
        Cmd::new("PEXPIRE").key(key).arg(millis(ttl))
    }

    /// `PEXPIREAT`: expires at a time in milliseconds since the Unix epoch; `false` where there is no such key.
    fn expire_at_ms(key: impl ToArg, unix_ms: u64) -> bool {
        Cmd::new("PEXPIREAT").key(key).arg(unix_ms)
    }

    /// `PERSIST`: takes the time to live away; `false` where there was none.
    fn persist(key: impl ToArg) -> bool {
        Cmd::new("PERSIST").key(key)
    }

    /// `PTTL`: the time to live in milliseconds, -1 where there is none, -2 where there is no such key.
    fn pttl(key: impl ToArg) -> i64 {
        Cmd::new("PTTL").key(key)
    }

    /// `TYPE`: `string`, `hash`, `set`, `zset`, `list`, `stream`, or `none`.
    fn key_type(key: impl ToArg) -> String {
        Cmd::new("TYPE").key(key)
    }

    /// `RENAME`: an error where there is no such key.
    fn rename(from: impl ToArg, to: impl ToArg) -> () {
        Cmd::new("RENAME").key(from).key(to)
    }

    /// `SCAN`: one step of a walk over the keys that match `pattern`; the walk ends where the cursor is `"0"` again.
    fn scan(cursor: &str, pattern: &str, count: u32) -> (String, Vec<String>) {
        Cmd::new("SCAN").arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(count)
    }
}
