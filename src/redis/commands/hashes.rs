use super::{ScanOptions, commands};
use crate::redis::{Pairs, ToArg};

commands! {
    /// `HGET`: the value of a field, or nil.
    read "HGET" hget<T>(key: impl ToArg, field: impl ToArg) -> T {
        |cmd| cmd.key(key).arg(field)
    }

    /// `HGETALL`: a map of all fields; empty if there is no such key.
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

    /// `HMSET`: as `HSET`, with no count.
    write "HMSET" hmset(key: impl ToArg, fields: impl IntoIterator<Item = (impl ToArg, impl ToArg)>) -> () {
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

    /// `HSTRLEN`: the length of a field's value in bytes; 0 if there is none.
    read "HSTRLEN" hstrlen(key: impl ToArg, field: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(field)
    }

    /// `HKEYS`: the names of the fields.
    read "HKEYS" hkeys<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `HVALS`: the values of the fields.
    read "HVALS" hvals<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `HINCRBY`: adds `n` to a field and returns the sum.
    write "HINCRBY" hincrby(key: impl ToArg, field: impl ToArg, n: i64) -> i64 {
        |cmd| cmd.key(key).arg(field).arg(n)
    }

    /// `HINCRBYFLOAT`: adds `n` to a field and returns the sum.
    write "HINCRBYFLOAT" hincrbyfloat(key: impl ToArg, field: impl ToArg, n: f64) -> f64 {
        |cmd| cmd.key(key).arg(field).arg(n)
    }

    /// `HRANDFIELD`: the name of a random field, or nil.
    read "HRANDFIELD" hrandfield<T>(key: impl ToArg) -> Option<T> {
        |cmd| cmd.key(key)
    }

    /// `HRANDFIELD` with a count: that many different fields, or, negative, so many that may repeat.
    read "HRANDFIELD" hrandfield_many<T>(key: impl ToArg, count: i64) -> Vec<T> {
        |cmd| cmd.key(key).arg(count)
    }

    /// `HRANDFIELD … WITHVALUES`: the same, with their values.
    read "HRANDFIELD" hrandfield_with_values<T>(key: impl ToArg, count: i64) -> Pairs<String, T> {
        |cmd| cmd.key(key).arg(count).arg("WITHVALUES")
    }

    /// `HSCAN`: one step of a walk over the fields; it begins and ends at the cursor `"0"`.
    read "HSCAN" hscan<T>(key: impl ToArg, cursor: impl ToArg, options: ScanOptions) -> (String, Pairs<String, T>) {
        |cmd| options.write(cmd.key(key).arg(cursor))
    }
}
