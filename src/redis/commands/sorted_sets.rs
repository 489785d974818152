use super::{ScoreBound, ZAddOptions, ZRange, commands};
use crate::redis::{Cmd, Pairs, ToArg};

commands! {
    /// `ZADD`: scores and members; returns how many are new, or changed with [`ZAddOptions::changed`].
    fn zadd(key: impl ToArg, options: ZAddOptions, members: &[(f64, impl ToArg)]) -> u64 {
        let cmd = options.write(Cmd::new("ZADD").key(key));
        members.iter().fold(cmd, |cmd, (score, member)| cmd.arg(*score).arg(member))
    }

    /// `ZINCRBY`: adds to the score of a member and returns it.
    fn zincrby(key: impl ToArg, n: f64, member: impl ToArg) -> f64 {
        Cmd::new("ZINCRBY").key(key).arg(n).arg(member)
    }

    /// `ZSCORE`: the score of a member, or nil.
    fn zscore(key: impl ToArg, member: impl ToArg) -> Option<f64> {
        Cmd::new("ZSCORE").key(key).arg(member)
    }

    /// `ZRANK`: the place of a member from the lowest score, or nil.
    fn zrank(key: impl ToArg, member: impl ToArg) -> Option<u64> {
        Cmd::new("ZRANK").key(key).arg(member)
    }

    /// `ZCARD`: how many members there are.
    fn zcard(key: impl ToArg) -> u64 {
        Cmd::new("ZCARD").key(key)
    }

    /// `ZCOUNT`: how many members have a score between the bounds.
    fn zcount(key: impl ToArg, min: ScoreBound, max: ScoreBound) -> u64 {
        Cmd::new("ZCOUNT").key(key).arg(min).arg(max)
    }

    /// `ZRANGE`: the members of a range.
    fn zrange<T>(key: impl ToArg, range: ZRange) -> Vec<T> {
        range.write(Cmd::new("ZRANGE").key(key))
    }

    /// `ZRANGE … WITHSCORES`: the members of a range with their scores.
    fn zrange_with_scores<T>(key: impl ToArg, range: ZRange) -> Pairs<T, f64> {
        range.write(Cmd::new("ZRANGE").key(key)).arg("WITHSCORES")
    }

    /// `ZREM`: returns how many of the members there were.
    fn zrem(key: impl ToArg, members: &[impl ToArg]) -> u64 {
        Cmd::new("ZREM").key(key).args(members)
    }

    /// `ZREMRANGEBYSCORE`: removes the members between the bounds and returns how many.
    fn zremrangebyscore(key: impl ToArg, min: ScoreBound, max: ScoreBound) -> u64 {
        Cmd::new("ZREMRANGEBYSCORE").key(key).arg(min).arg(max)
    }
}
