use super::commands;
use crate::redis::{Cmd, ToArg};

commands! {
    /// `SADD`: returns how many members are new.
    fn sadd(key: impl ToArg, members: &[impl ToArg]) -> u64 {
        Cmd::new("SADD").key(key).args(members)
    }

    /// `SREM`: returns how many of the members there were.
    fn srem(key: impl ToArg, members: &[impl ToArg]) -> u64 {
        Cmd::new("SREM").key(key).args(members)
    }

    /// `SMEMBERS`: all members.
    fn smembers<T>(key: impl ToArg) -> T {
        Cmd::new("SMEMBERS").key(key)
    }

    /// `SISMEMBER`: whether it is a member.
    fn sismember(key: impl ToArg, member: impl ToArg) -> bool {
        Cmd::new("SISMEMBER").key(key).arg(member)
    }

    /// `SMISMEMBER`: for each, whether it is a member.
    fn smismember(key: impl ToArg, members: &[impl ToArg]) -> Vec<bool> {
        Cmd::new("SMISMEMBER").key(key).args(members)
    }

    /// `SCARD`: how many members there are.
    fn scard(key: impl ToArg) -> u64 {
        Cmd::new("SCARD").key(key)
    }

    /// `SPOP`: takes a random member, or nil.
    fn spop<T>(key: impl ToArg) -> T {
        Cmd::new("SPOP").key(key)
    }
}
