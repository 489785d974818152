use super::commands;
use crate::redis::{Cmd, ToArg};

commands! {
    /// `HGET`: the value of a field, or nil.
    fn hget<T>(key: impl ToArg, field: impl ToArg) -> T {
        Cmd::new("HGET").key(key).arg(field)
    }

    /// `HGETALL`: a map of all fields; empty where there is no such key.
    fn hgetall<T>(key: impl ToArg) -> T {
        Cmd::new("HGETALL").key(key)
    }

    /// `HMGET`: the values of several fields, in their order.
    fn hmget<T>(key: impl ToArg, fields: &[impl ToArg]) -> Vec<T> {
        Cmd::new("HMGET").key(key).args(fields)
    }

    /// `HSET`: returns how many fields are new.
    fn hset(key: impl ToArg, fields: &[(impl ToArg, impl ToArg)]) -> u64 {
        fields.iter().fold(Cmd::new("HSET").key(key), |cmd, (field, value)| cmd.arg(field).arg(value))
    }

    /// `HSETNX`: sets a field that is not there; says whether it was set.
    fn hsetnx(key: impl ToArg, field: impl ToArg, value: impl ToArg) -> bool {
        Cmd::new("HSETNX").key(key).arg(field).arg(value)
    }

    /// `HDEL`: returns how many of the fields there were.
    fn hdel(key: impl ToArg, fields: &[impl ToArg]) -> u64 {
        Cmd::new("HDEL").key(key).args(fields)
    }

    /// `HEXISTS`: whether there is such a field.
    fn hexists(key: impl ToArg, field: impl ToArg) -> bool {
        Cmd::new("HEXISTS").key(key).arg(field)
    }

    /// `HLEN`: how many fields there are.
    fn hlen(key: impl ToArg) -> u64 {
        Cmd::new("HLEN").key(key)
    }

    /// `HKEYS`: the names of the fields.
    fn hkeys<T>(key: impl ToArg) -> T {
        Cmd::new("HKEYS").key(key)
    }

    /// `HINCRBY`: adds `n` to a field and returns the sum.
    fn hincrby(key: impl ToArg, field: impl ToArg, n: i64) -> i64 {
        Cmd::new("HINCRBY").key(key).arg(field).arg(n)
    }
}
