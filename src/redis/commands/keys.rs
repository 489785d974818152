use super::{ExpireCondition, ExpireTime, ScanOptions, Ttl, commands};
use crate::redis::{
    Pairs, ToArg,
    command::{millis, unix_millis},
};
use std::time::Duration;
use web_time::SystemTime;

commands! {
    /// `DEL`: returns how many of the keys there were.
    write "DEL" del(keys: impl ToArg) -> u64 {
        |cmd| cmd.key(keys)
    }

    /// `UNLINK`: as `DEL`, the memory is freed later.
    write "UNLINK" unlink(keys: impl ToArg) -> u64 {
        |cmd| cmd.key(keys)
    }

    /// `EXISTS`: how many of the keys there are; one that is named twice counts twice.
    read "EXISTS" exists(keys: impl ToArg) -> u64 {
        |cmd| cmd.key(keys)
    }

    /// `TOUCH`: returns how many of the keys there are, and marks them as used.
    read "TOUCH" touch(keys: impl ToArg) -> u64 {
        |cmd| cmd.key(keys)
    }

    /// `COPY`: `true` if it was copied; `false` if `to` exists, or `from` does not.
    write "COPY" copy(from: impl ToArg, to: impl ToArg) -> bool {
        |cmd| cmd.key(from).key(to)
    }

    /// `COPY … REPLACE`: overwrites `to`; `false` if there is no `from`.
    write "COPY" copy_replace(from: impl ToArg, to: impl ToArg) -> bool {
        |cmd| cmd.key(from).key(to).arg("REPLACE")
    }

    /// `PEXPIRE`: expires after `ttl`, in whole milliseconds, rounded up; `false` if there is no such key.
    write "PEXPIRE" expire(key: impl ToArg, ttl: Duration) -> bool {
        |cmd| cmd.key(key).arg(millis(ttl))
    }

    /// `PEXPIRE` under a condition; `false` also if it is not met.
    write "PEXPIRE" expire_if(key: impl ToArg, ttl: Duration, condition: ExpireCondition) -> bool {
        |cmd| cmd.key(key).arg(millis(ttl)).arg(condition)
    }

    /// `EXPIRE`: expires after so many seconds; a negative number deletes it.
    write "EXPIRE" expire_secs(key: impl ToArg, seconds: i64) -> bool {
        |cmd| cmd.key(key).arg(seconds)
    }

    /// `PEXPIREAT`: expires at a time, in whole milliseconds, rounded up; `false` if there is no such key.
    write "PEXPIREAT" expire_at(key: impl ToArg, time: SystemTime) -> bool {
        |cmd| cmd.key(key).arg(unix_millis(time))
    }

    /// `PEXPIREAT` under a condition; `false` also if it is not met.
    write "PEXPIREAT" expire_at_if(key: impl ToArg, time: SystemTime, condition: ExpireCondition) -> bool {
        |cmd| cmd.key(key).arg(unix_millis(time)).arg(condition)
    }

    /// `EXPIREAT`: expires at a time in seconds since the Unix epoch.
    write "EXPIREAT" expire_at_secs(key: impl ToArg, unix_seconds: i64) -> bool {
        |cmd| cmd.key(key).arg(unix_seconds)
    }

    /// `PTTL`: how long it still lives, to the millisecond.
    read "PTTL" ttl(key: impl ToArg) -> Ttl {
        |cmd| cmd.key(key)
    }

    /// `TTL`: the remaining seconds, -1 if the key does not expire, -2 if it does not exist.
    read "TTL" ttl_secs(key: impl ToArg) -> i64 {
        |cmd| cmd.key(key)
    }

    /// `PEXPIRETIME`: when it expires, to the millisecond.
    read "PEXPIRETIME" expire_time(key: impl ToArg) -> ExpireTime {
        |cmd| cmd.key(key)
    }

    /// `EXPIRETIME`: the expiry in seconds since the Unix epoch, -1 if the key does not expire, -2 if it does not
    /// exist.
    read "EXPIRETIME" expire_time_secs(key: impl ToArg) -> i64 {
        |cmd| cmd.key(key)
    }

    /// `PERSIST`: takes the time to live away; `false` if there was none.
    write "PERSIST" persist(key: impl ToArg) -> bool {
        |cmd| cmd.key(key)
    }

    /// `TYPE`: `string`, `hash`, `set`, `zset`, `list`, `stream`, or `none`.
    read "TYPE" key_type(key: impl ToArg) -> String {
        |cmd| cmd.key(key)
    }

    /// `RENAME`: an error if there is no such key.
    write "RENAME" rename(from: impl ToArg, to: impl ToArg) -> () {
        |cmd| cmd.key(from).key(to)
    }

    /// `RENAMENX`: `false` if `to` is there already.
    write "RENAMENX" renamenx(from: impl ToArg, to: impl ToArg) -> bool {
        |cmd| cmd.key(from).key(to)
    }

    /// `KEYS`: all keys that match; the whole database is walked. [`scan`](Self::scan) goes in steps.
    read "KEYS" keys<T>(pattern: impl ToArg) -> Vec<T> {
        |cmd| cmd.arg(pattern)
    }

    /// `RANDOMKEY`: nil if there is no key.
    read "RANDOMKEY" randomkey<T>() -> Option<T> {
        |cmd| cmd
    }

    /// `SCAN`: one step of a walk over the keys; it begins and ends at the cursor `"0"`.
    read "SCAN" scan<T>(cursor: impl ToArg, options: ScanOptions) -> (String, Vec<T>) {
        |cmd| options.write(cmd.arg(cursor))
    }

    /// `SCAN … WITHTYPE`: one step of a walk over the keys, each with its type. Upstash only.
    read "SCAN" scan_with_types<T>(cursor: impl ToArg, options: ScanOptions) -> (String, Pairs<T, String>) {
        |cmd| options.write(cmd.arg(cursor)).arg("WITHTYPE")
    }

    /// `DUMP`: the value in the form that [`restore`](Self::restore) takes, or nil.
    read "DUMP" dump(key: impl ToArg) -> Option<Vec<u8>> {
        |cmd| cmd.key(key)
    }

    /// `RESTORE`: a value that `DUMP` gave, under a key that is not there yet.
    write "RESTORE" restore(key: impl ToArg, dump: impl AsRef<[u8]>) -> () {
        |cmd| cmd.key(key).arg(0).arg(dump.as_ref())
    }

    /// `RESTORE … REPLACE`: the same, with a time to live, over what is there.
    write "RESTORE" restore_replace(key: impl ToArg, ttl: Option<Duration>, dump: impl AsRef<[u8]>) -> () {
        |cmd| cmd.key(key).arg(ttl.map_or(0, millis)).arg(dump.as_ref()).arg("REPLACE")
    }

    /// `MEMORY USAGE`: how many bytes the key takes, or nil.
    read "MEMORY USAGE" memory_usage(key: impl ToArg) -> Option<u64> {
        |cmd| cmd.key(key)
    }

    /// `OBJECT ENCODING`: how the value is kept, or nil.
    read "OBJECT ENCODING" object_encoding(key: impl ToArg) -> Option<String> {
        |cmd| cmd.key(key)
    }
}
