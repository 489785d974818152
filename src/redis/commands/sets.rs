use super::{ScanOptions, commands};
use crate::redis::ToArg;

commands! {
    /// `SADD`: returns how many members are new.
    write "SADD" sadd(key: impl ToArg, members: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(members)
    }

    /// `SREM`: returns how many of the members there were.
    write "SREM" srem(key: impl ToArg, members: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(members)
    }

    /// `SMEMBERS`: all members.
    read "SMEMBERS" smembers<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `SISMEMBER`: whether it is a member.
    read "SISMEMBER" sismember(key: impl ToArg, member: impl ToArg) -> bool {
        |cmd| cmd.key(key).arg(member)
    }

    /// `SMISMEMBER`: for each, whether it is a member.
    read "SMISMEMBER" smismember(key: impl ToArg, members: impl ToArg) -> Vec<bool> {
        |cmd| cmd.key(key).arg(members)
    }

    /// `SCARD`: how many members there are.
    read "SCARD" scard(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `SPOP`: takes a random member, or nil.
    write "SPOP" spop<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `SPOP` with a count: takes up to so many.
    write "SPOP" spop_many<T>(key: impl ToArg, count: u64) -> Vec<T> {
        |cmd| cmd.key(key).arg(count)
    }

    /// `SRANDMEMBER`: a random member, or nil.
    read "SRANDMEMBER" srandmember<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `SRANDMEMBER` with a count: that many different ones, or, negative, so many that may repeat.
    read "SRANDMEMBER" srandmember_many<T>(key: impl ToArg, count: i64) -> Vec<T> {
        |cmd| cmd.key(key).arg(count)
    }

    /// `SMOVE`: moves a member from one set to another; `false` if it is not in the first.
    write "SMOVE" smove(from: impl ToArg, to: impl ToArg, member: impl ToArg) -> bool {
        |cmd| cmd.key(from).key(to).arg(member)
    }

    /// `SDIFF`: the members of the first set that are in none of the others.
    read "SDIFF" sdiff<T>(keys: impl ToArg) -> T {
        |cmd| cmd.key(keys)
    }

    /// `SINTER`: the members that are in all of the sets.
    read "SINTER" sinter<T>(keys: impl ToArg) -> T {
        |cmd| cmd.key(keys)
    }

    /// `SUNION`: the members that are in any of the sets.
    read "SUNION" sunion<T>(keys: impl ToArg) -> T {
        |cmd| cmd.key(keys)
    }

    /// `SINTERCARD`: how many members are in all of the sets; counting ends at `limit`, which 0 leaves open.
    read "SINTERCARD" sintercard(keys: impl ToArg, limit: u64) -> u64 {
        |cmd| cmd.counted_keys(keys).arg((limit > 0).then_some(("LIMIT", limit)))
    }

    /// `SDIFFSTORE`: keeps the difference under `to` and returns its size.
    write "SDIFFSTORE" sdiffstore(to: impl ToArg, keys: impl ToArg) -> u64 {
        |cmd| cmd.key(to).key(keys)
    }

    /// `SINTERSTORE`: keeps the intersection under `to` and returns its size.
    write "SINTERSTORE" sinterstore(to: impl ToArg, keys: impl ToArg) -> u64 {
        |cmd| cmd.key(to).key(keys)
    }

    /// `SUNIONSTORE`: keeps the union under `to` and returns its size.
    write "SUNIONSTORE" sunionstore(to: impl ToArg, keys: impl ToArg) -> u64 {
        |cmd| cmd.key(to).key(keys)
    }

    /// `SSCAN`: one step of a walk over the members; it begins and ends at the cursor `"0"`.
    read "SSCAN" sscan<T>(key: impl ToArg, cursor: impl ToArg, options: ScanOptions) -> (String, Vec<T>) {
        |cmd| options.write(cmd.key(key).arg(cursor))
    }
}
