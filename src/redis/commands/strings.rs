use super::{SetOptions, commands};
use crate::redis::{Cmd, ToArg};

commands! {
    /// `GET`: the value, or nil.
    fn get<T>(key: impl ToArg) -> T {
        Cmd::new("GET").key(key)
    }

    /// `GETDEL`: the value, which is deleted.
    fn getdel<T>(key: impl ToArg) -> T {
        Cmd::new("GETDEL").key(key)
    }

    /// `GETRANGE`: the bytes from `start` to `end`, both included, negative from the end.
    fn getrange<T>(key: impl ToArg, start: i64, end: i64) -> T {
        Cmd::new("GETRANGE").key(key).arg(start).arg(end)
    }

    /// `MGET`: the values of several keys, in one command.
    fn mget<T>(keys: &[impl ToArg]) -> Vec<T> {
        keys.iter().fold(Cmd::new("MGET"), Cmd::key)
    }

    /// `SET` without options.
    fn set(key: impl ToArg, value: impl ToArg) -> () {
        Cmd::new("SET").key(key).arg(value)
    }

    /// `SET` with a time to live or a condition. The reply says whether it was set.
    fn set_with(key: impl ToArg, value: impl ToArg, options: SetOptions) -> bool {
        options.write(Cmd::new("SET").key(key).arg(value))
    }

    /// `SET … GET`: sets, and returns what was there before.
    fn set_get<T>(key: impl ToArg, value: impl ToArg, options: SetOptions) -> T {
        options.write(Cmd::new("SET").key(key).arg(value)).arg("GET")
    }

    /// `MSET`: several keys at once.
    fn mset(pairs: &[(impl ToArg, impl ToArg)]) -> () {
        pairs.iter().fold(Cmd::new("MSET"), |cmd, (key, value)| cmd.key(key).arg(value))
    }

    /// `INCR`: adds one and returns the sum.
    fn incr(key: impl ToArg) -> i64 {
        Cmd::new("INCR").key(key)
    }

    /// `INCRBY`: adds `n`, which may be negative, and returns the sum.
    fn incrby(key: impl ToArg, n: i64) -> i64 {
        Cmd::new("INCRBY").key(key).arg(n)
    }

    /// `INCRBYFLOAT`: adds `n` and returns the sum.
    fn incrbyfloat(key: impl ToArg, n: f64) -> f64 {
        Cmd::new("INCRBYFLOAT").key(key).arg(n)
    }

    /// `DECR`: takes one away and returns the rest.
    fn decr(key: impl ToArg) -> i64 {
        Cmd::new("DECR").key(key)
    }

    /// `APPEND`: returns the new length in bytes.
    fn append(key: impl ToArg, value: impl ToArg) -> u64 {
        Cmd::new("APPEND").key(key).arg(value)
    }

    /// `STRLEN`: the length in bytes; 0 where there is no key.
    fn strlen(key: impl ToArg) -> u64 {
        Cmd::new("STRLEN").key(key)
    }
}
