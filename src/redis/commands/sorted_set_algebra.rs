//! Sorted sets put together, and the older forms of ranges.

use super::{LexBound, ScoreBound, ZCombine, commands};
use crate::redis::{Pairs, ToArg};

commands! {
    /// `ZUNION`: the members that are in any of the sets.
    read "ZUNION" zunion<T>(keys: impl ToArg, combine: ZCombine) -> Vec<T> {
        |cmd| combine.write(cmd.counted_keys(keys))
    }

    /// `ZUNION … WITHSCORES`: the same, with their scores.
    read "ZUNION" zunion_with_scores<T>(keys: impl ToArg, combine: ZCombine) -> Pairs<T, f64> {
        |cmd| combine.write(cmd.counted_keys(keys)).arg("WITHSCORES")
    }

    /// `ZINTER`: the members that are in all of the sets.
    read "ZINTER" zinter<T>(keys: impl ToArg, combine: ZCombine) -> Vec<T> {
        |cmd| combine.write(cmd.counted_keys(keys))
    }

    /// `ZINTER … WITHSCORES`: the same, with their scores.
    read "ZINTER" zinter_with_scores<T>(keys: impl ToArg, combine: ZCombine) -> Pairs<T, f64> {
        |cmd| combine.write(cmd.counted_keys(keys)).arg("WITHSCORES")
    }

    /// `ZINTERCARD`: how many members are in all of the sets; counting ends at `limit`, which 0 leaves open.
    read "ZINTERCARD" zintercard(keys: impl ToArg, limit: u64) -> u64 {
        |cmd| cmd.counted_keys(keys).arg((limit > 0).then_some(("LIMIT", limit)))
    }

    /// `ZDIFF`: the members of the first set that are in none of the others.
    read "ZDIFF" zdiff<T>(keys: impl ToArg) -> Vec<T> {
        |cmd| cmd.counted_keys(keys)
    }

    /// `ZDIFF … WITHSCORES`: the same, with their scores.
    read "ZDIFF" zdiff_with_scores<T>(keys: impl ToArg) -> Pairs<T, f64> {
        |cmd| cmd.counted_keys(keys).arg("WITHSCORES")
    }

    /// `ZUNIONSTORE`: keeps the union under `to` and returns its size.
    write "ZUNIONSTORE" zunionstore(to: impl ToArg, keys: impl ToArg, combine: ZCombine) -> u64 {
        |cmd| combine.write(cmd.key(to).counted_keys(keys))
    }

    /// `ZINTERSTORE`: keeps the intersection under `to` and returns its size.
    write "ZINTERSTORE" zinterstore(to: impl ToArg, keys: impl ToArg, combine: ZCombine) -> u64 {
        |cmd| combine.write(cmd.key(to).counted_keys(keys))
    }

    /// `ZDIFFSTORE`: keeps the difference under `to` and returns its size.
    write "ZDIFFSTORE" zdiffstore(to: impl ToArg, keys: impl ToArg) -> u64 {
        |cmd| cmd.key(to).counted_keys(keys)
    }

    /// `ZREVRANGE`: the members from one place to another, from the highest score.
    /// [`zrange`](Self::zrange) has this and more.
    read "ZREVRANGE" zrevrange<T>(key: impl ToArg, start: i64, stop: i64) -> Vec<T> {
        |cmd| cmd.key(key).arg(start).arg(stop)
    }

    /// `ZRANGEBYSCORE`: the members between two scores. [`zrange`](Self::zrange) has this and more.
    read "ZRANGEBYSCORE" zrangebyscore<T>(key: impl ToArg, min: ScoreBound, max: ScoreBound) -> Vec<T> {
        |cmd| cmd.key(key).arg(min).arg(max)
    }

    /// `ZREVRANGEBYSCORE`: the same from the highest score, whose bound comes first.
    read "ZREVRANGEBYSCORE" zrevrangebyscore<T>(key: impl ToArg, max: ScoreBound, min: ScoreBound) -> Vec<T> {
        |cmd| cmd.key(key).arg(max).arg(min)
    }

    /// `ZRANGEBYLEX`: the members between two texts, in a set whose scores are all the same.
    read "ZRANGEBYLEX" zrangebylex<T>(key: impl ToArg, min: LexBound, max: LexBound) -> Vec<T> {
        |cmd| cmd.key(key).arg(min).arg(max)
    }

    /// `ZREVRANGEBYLEX`: the same from the last, whose bound comes first.
    read "ZREVRANGEBYLEX" zrevrangebylex<T>(key: impl ToArg, max: LexBound, min: LexBound) -> Vec<T> {
        |cmd| cmd.key(key).arg(max).arg(min)
    }
}
