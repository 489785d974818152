use super::{SetOptions, commands};
use crate::redis::ToArg;

commands! {
    /// `GET`: the value, or nil.
    read "GET" get<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `GETDEL`: the value, which is deleted.
    write "GETDEL" getdel<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `GETRANGE`: the bytes from `start` to `end`, both included, negative from the end.
    read "GETRANGE" getrange<T>(key: impl ToArg, start: i64, end: i64) -> T {
        |cmd| cmd.key(key).arg(start).arg(end)
    }

    /// `MGET`: the values of several keys, in one command.
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

    /// `MSET`: several keys at once.
    write "MSET" mset(pairs: impl IntoIterator<Item = (impl ToArg, impl ToArg)>) -> () {
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

    /// `APPEND`: returns the new length in bytes.
    write "APPEND" append(key: impl ToArg, value: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(value)
    }

    /// `STRLEN`: the length in bytes; 0 where there is no key.
    read "STRLEN" strlen(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }
}
