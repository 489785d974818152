use super::{ScoreBound, ZAddOptions, ZRange, commands};
use crate::redis::{Pairs, ToArg};

commands! {
    /// `ZADD`: scores and members; returns how many are new, or changed with [`ZAddOptions::changed`].
    write "ZADD" zadd(key: impl ToArg, options: ZAddOptions, members: impl IntoIterator<Item = (f64, impl ToArg)>) -> u64 {
        |cmd| options.write(cmd.key(key)).args(members)
    }

    /// `ZINCRBY`: adds to the score of a member and returns it.
    write "ZINCRBY" zincrby(key: impl ToArg, n: f64, member: impl ToArg) -> f64 {
        |cmd| cmd.key(key).arg(n).arg(member)
    }

    /// `ZSCORE`: the score of a member, or nil.
    read "ZSCORE" zscore(key: impl ToArg, member: impl ToArg) -> Option<f64> {
        |cmd| cmd.key(key).arg(member)
    }

    /// `ZRANK`: the place of a member from the lowest score, or nil.
    read "ZRANK" zrank(key: impl ToArg, member: impl ToArg) -> Option<u64> {
        |cmd| cmd.key(key).arg(member)
    }

    /// `ZCARD`: how many members there are.
    read "ZCARD" zcard(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `ZCOUNT`: how many members have a score between the bounds.
    read "ZCOUNT" zcount(key: impl ToArg, min: ScoreBound, max: ScoreBound) -> u64 {
        |cmd| cmd.key(key).arg(min).arg(max)
    }

    /// `ZRANGE`: the members of a range.
    read "ZRANGE" zrange<T>(key: impl ToArg, range: ZRange) -> Vec<T> {
        |cmd| range.write(cmd.key(key))
    }

    /// `ZRANGE … WITHSCORES`: the members of a range with their scores.
    read "ZRANGE" zrange_with_scores<T>(key: impl ToArg, range: ZRange) -> Pairs<T, f64> {
        |cmd| range.write(cmd.key(key)).arg("WITHSCORES")
    }

    /// `ZREM`: returns how many of the members there were.
    write "ZREM" zrem(key: impl ToArg, members: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(members)
    }

    /// `ZREMRANGEBYSCORE`: removes the members between the bounds and returns how many.
    write "ZREMRANGEBYSCORE" zremrangebyscore(key: impl ToArg, min: ScoreBound, max: ScoreBound) -> u64 {
        |cmd| cmd.key(key).arg(min).arg(max)
    }
}
