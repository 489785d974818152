use super::{Extreme, LexBound, ScanOptions, ScoreBound, ZAddOptions, ZRange, commands};
use crate::redis::{Pairs, ToArg};

commands! {
    /// `ZADD`: scores and members; returns how many are new, or changed with [`ZAddOptions::changed`].
    write "ZADD" zadd(
        key: impl ToArg, options: ZAddOptions, members: impl IntoIterator<Item = (f64, impl ToArg)>,
    ) -> u64 {
        |cmd| options.write(cmd.key(key)).args(members)
    }

    /// `ZADD … INCR`: adds to the score of one member and returns it; nil if a condition is not met.
    write "ZADD" zadd_incr(key: impl ToArg, options: ZAddOptions, n: f64, member: impl ToArg) -> Option<f64> {
        |cmd| options.write(cmd.key(key)).arg("INCR").arg(n).arg(member)
    }

    /// `ZINCRBY`: adds to the score of a member and returns it.
    write "ZINCRBY" zincrby(key: impl ToArg, n: f64, member: impl ToArg) -> f64 {
        |cmd| cmd.key(key).arg(n).arg(member)
    }

    /// `ZSCORE`: the score of a member, or nil.
    read "ZSCORE" zscore(key: impl ToArg, member: impl ToArg) -> Option<f64> {
        |cmd| cmd.key(key).arg(member)
    }

    /// `ZMSCORE`: the scores of several members, in their order.
    read "ZMSCORE" zmscore(key: impl ToArg, members: impl ToArg) -> Vec<Option<f64>> {
        |cmd| cmd.key(key).arg(members)
    }

    /// `ZRANK`: the place of a member from the lowest score, or nil.
    read "ZRANK" zrank(key: impl ToArg, member: impl ToArg) -> Option<u64> {
        |cmd| cmd.key(key).arg(member)
    }

    /// `ZREVRANK`: the place of a member from the highest score, or nil.
    read "ZREVRANK" zrevrank(key: impl ToArg, member: impl ToArg) -> Option<u64> {
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

    /// `ZLEXCOUNT`: the number of members between the bounds, in a set whose scores are all the same.
    read "ZLEXCOUNT" zlexcount(key: impl ToArg, min: LexBound, max: LexBound) -> u64 {
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

    /// `ZRANGESTORE`: keeps a range under `to` and returns its size.
    write "ZRANGESTORE" zrangestore(to: impl ToArg, from: impl ToArg, range: ZRange) -> u64 {
        |cmd| range.write(cmd.key(to).key(from))
    }

    /// `ZPOPMIN`: takes up to `count` members with the lowest scores.
    write "ZPOPMIN" zpopmin<T>(key: impl ToArg, count: u64) -> Pairs<T, f64> {
        |cmd| cmd.key(key).arg(count)
    }

    /// `ZPOPMAX`: takes up to `count` members with the highest scores.
    write "ZPOPMAX" zpopmax<T>(key: impl ToArg, count: u64) -> Pairs<T, f64> {
        |cmd| cmd.key(key).arg(count)
    }

    /// `ZMPOP`: takes up to `count` members from the first of the sets that has any; that set and they, or nil.
    write "ZMPOP" zmpop<T>(keys: impl ToArg, from: Extreme, count: u64) -> Option<(String, Vec<(T, f64)>)> {
        |cmd| cmd.counted_keys(keys).arg(from).arg("COUNT").arg(count)
    }

    /// `ZRANDMEMBER`: a random member, or nil.
    read "ZRANDMEMBER" zrandmember<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `ZRANDMEMBER` with a count: that many different ones, or, negative, so many that may repeat.
    read "ZRANDMEMBER" zrandmember_many<T>(key: impl ToArg, count: i64) -> Vec<T> {
        |cmd| cmd.key(key).arg(count)
    }

    /// `ZRANDMEMBER … WITHSCORES`: the same, with their scores.
    read "ZRANDMEMBER" zrandmember_with_scores<T>(key: impl ToArg, count: i64) -> Pairs<T, f64> {
        |cmd| cmd.key(key).arg(count).arg("WITHSCORES")
    }

    /// `ZREM`: returns how many of the members there were.
    write "ZREM" zrem(key: impl ToArg, members: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(members)
    }

    /// `ZREMRANGEBYSCORE`: removes the members between the bounds and returns how many.
    write "ZREMRANGEBYSCORE" zremrangebyscore(key: impl ToArg, min: ScoreBound, max: ScoreBound) -> u64 {
        |cmd| cmd.key(key).arg(min).arg(max)
    }

    /// `ZREMRANGEBYLEX`: removes members between the bounds, in a set whose scores are all the same.
    write "ZREMRANGEBYLEX" zremrangebylex(key: impl ToArg, min: LexBound, max: LexBound) -> u64 {
        |cmd| cmd.key(key).arg(min).arg(max)
    }

    /// `ZREMRANGEBYRANK`: the same by place, both included, negative from the end.
    write "ZREMRANGEBYRANK" zremrangebyrank(key: impl ToArg, start: i64, stop: i64) -> u64 {
        |cmd| cmd.key(key).arg(start).arg(stop)
    }

    /// `ZSCAN`: one step of a walk over members and scores; it begins and ends at the cursor `"0"`.
    read "ZSCAN" zscan<T>(key: impl ToArg, cursor: impl ToArg, options: ScanOptions) -> (String, Pairs<T, f64>) {
        |cmd| options.write(cmd.key(key).arg(cursor))
    }
}
