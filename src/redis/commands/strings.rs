use super::{Compare, Expiry, SetOptions, commands};
use crate::redis::{ToArg, command::millis};
use std::time::Duration;

commands! {
    /// `GET`: the value, or nil.
    read "GET" get<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `GETDEL`: the value, which is deleted.
    write "GETDEL" getdel<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `GETEX`: the value, whose time to live is changed.
    write "GETEX" getex<T>(key: impl ToArg, expiry: Expiry) -> T {
        |cmd| cmd.key(key).arg(expiry)
    }

    /// `GETRANGE`: the bytes from `start` to `end`, both included, negative from the end.
    read "GETRANGE" getrange<T>(key: impl ToArg, start: i64, end: i64) -> T {
        |cmd| cmd.key(key).arg(start).arg(end)
    }

    /// `GETSET`: sets, and returns what was there before.
    write "GETSET" getset<T>(key: impl ToArg, value: impl ToArg) -> T {
        |cmd| cmd.key(key).arg(value)
    }

    /// `MGET`: the values of several keys, in their order, nil if there is none.
    read "MGET" mget<T>(keys: impl ToArg) -> Vec<T> {
        |cmd| cmd.key(keys)
    }

    /// `SET` without options.
    write "SET" set(key: impl ToArg, value: impl ToArg) -> () {
        |cmd| cmd.key(key).arg(value)
    }

    /// `SET` with a time to live or a condition. The reply says whether it was set.
    write "SET" set_with(key: impl ToArg, value: impl ToArg, options: SetOptions) -> bool {
        |cmd| options.write(cmd.key(key).arg(value))
    }

    /// `SET … GET`: sets, and returns what was there before.
    write "SET" set_get<T>(key: impl ToArg, value: impl ToArg, options: SetOptions) -> T {
        |cmd| options.write(cmd.key(key).arg(value)).arg("GET")
    }

    /// `SETEX`: sets with a time to live in seconds; [`set_with`](Self::set_with) counts milliseconds.
    write "SETEX" setex(key: impl ToArg, seconds: u64, value: impl ToArg) -> () {
        |cmd| cmd.key(key).arg(seconds).arg(value)
    }

    /// `PSETEX`: sets with a time to live, in whole milliseconds, rounded up.
    write "PSETEX" psetex(key: impl ToArg, ttl: Duration, value: impl ToArg) -> () {
        |cmd| cmd.key(key).arg(millis(ttl)).arg(value)
    }

    /// `SETNX`: sets a key that is not there; says whether it was set.
    write "SETNX" setnx(key: impl ToArg, value: impl ToArg) -> bool {
        |cmd| cmd.key(key).arg(value)
    }

    /// `SETRANGE`: overwrites from `offset` on, in bytes, and returns the new length.
    write "SETRANGE" setrange(key: impl ToArg, offset: u64, value: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(offset).arg(value)
    }

    /// `MSET`: several keys at once.
    write "MSET" mset(pairs: impl IntoIterator<Item = (impl ToArg, impl ToArg)>) -> () {
        |cmd| pairs.into_iter().fold(cmd, |cmd, (key, value)| cmd.key(key).arg(value))
    }

    /// `MSETNX`: sets several keys, or none if one of them exists; `true` if they were set.
    write "MSETNX" msetnx(pairs: impl IntoIterator<Item = (impl ToArg, impl ToArg)>) -> bool {
        |cmd| pairs.into_iter().fold(cmd, |cmd, (key, value)| cmd.key(key).arg(value))
    }

    /// `INCR`: adds one and returns the sum.
    write "INCR" incr(key: impl ToArg) -> i64 {
        |cmd| cmd.key(key)
    }

    /// `INCRBY`: adds `n`, which may be negative, and returns the sum.
    write "INCRBY" incrby(key: impl ToArg, n: i64) -> i64 {
        |cmd| cmd.key(key).arg(n)
    }

    /// `INCRBYFLOAT`: adds `n` and returns the sum.
    write "INCRBYFLOAT" incrbyfloat(key: impl ToArg, n: f64) -> f64 {
        |cmd| cmd.key(key).arg(n)
    }

    /// `DECR`: takes one away and returns the rest.
    write "DECR" decr(key: impl ToArg) -> i64 {
        |cmd| cmd.key(key)
    }

    /// `DECRBY`: takes `n` away and returns the rest.
    write "DECRBY" decrby(key: impl ToArg, n: i64) -> i64 {
        |cmd| cmd.key(key).arg(n)
    }

    /// `APPEND`: returns the new length in bytes.
    write "APPEND" append(key: impl ToArg, value: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(value)
    }

    /// `STRLEN`: the length in bytes; 0 if there is no key.
    read "STRLEN" strlen(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `DELEX`: deletes a string if it compares so; says whether it did. Upstash, and Redis 8.4.
    write "DELEX" delex(key: impl ToArg, condition: Compare) -> bool {
        |cmd| cmd.key(key).arg(condition)
    }

    /// `DIGEST`: the XXH3 digest of a string in 16 hexadecimal digits, or nil. Upstash, and Redis 8.4.
    read "DIGEST" digest(key: impl ToArg) -> Option<String> {
        |cmd| cmd.key(key)
    }
}
