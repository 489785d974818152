use super::commands;
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
}
