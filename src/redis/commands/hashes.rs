use super::commands;
use crate::redis::ToArg;

commands! {
    /// `HGET`: the value of a field, or nil.
    read "HGET" hget<T>(key: impl ToArg, field: impl ToArg) -> T {
        |cmd| cmd.key(key).arg(field)
    }

    /// `HGETALL`: a map of all fields; empty where there is no such key.
    read "HGETALL" hgetall<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `HMGET`: the values of several fields, in their order.
    read "HMGET" hmget<T>(key: impl ToArg, fields: impl ToArg) -> Vec<T> {
        |cmd| cmd.key(key).arg(fields)
    }

    /// `HSET`: returns how many fields are new.
    write "HSET" hset(key: impl ToArg, fields: impl IntoIterator<Item = (impl ToArg, impl ToArg)>) -> u64 {
        |cmd| cmd.key(key).args(fields)
    }

    /// `HSETNX`: sets a field that is not there; says whether it was set.
    write "HSETNX" hsetnx(key: impl ToArg, field: impl ToArg, value: impl ToArg) -> bool {
        |cmd| cmd.key(key).arg(field).arg(value)
    }

    /// `HDEL`: returns how many of the fields there were.
    write "HDEL" hdel(key: impl ToArg, fields: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(fields)
    }

    /// `HEXISTS`: whether there is such a field.
    read "HEXISTS" hexists(key: impl ToArg, field: impl ToArg) -> bool {
        |cmd| cmd.key(key).arg(field)
    }

    /// `HLEN`: how many fields there are.
    read "HLEN" hlen(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `HKEYS`: the names of the fields.
    read "HKEYS" hkeys<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `HINCRBY`: adds `n` to a field and returns the sum.
    write "HINCRBY" hincrby(key: impl ToArg, field: impl ToArg, n: i64) -> i64 {
        |cmd| cmd.key(key).arg(field).arg(n)
    }
}
