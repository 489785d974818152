use crate::{
    client::Repeat,
    redis::{
        Cmd,
        access::{Access, Entry},
    },
};
use std::{collections::HashMap, sync::OnceLock};

/// Reads that have no method of their own.
const OTHERS: &[Entry] = &[
    Entry::read("OBJECT FREQ"),
    Entry::read("OBJECT IDLETIME"),
    Entry::read("OBJECT REFCOUNT"),
    Entry::read("SORT_RO"),
    Entry::read("SUBSTR"),
];

/// Every file of commands.
const FILES: &[&[Entry]] = &[
    super::arrays::COMMANDS,
    super::bitmaps::COMMANDS,
    super::geo::COMMANDS,
    super::hash_expiry::COMMANDS,
    super::hashes::COMMANDS,
    super::hyperloglog::COMMANDS,
    super::json::COMMANDS,
    super::json_arrays::COMMANDS,
    super::keys::COMMANDS,
    super::lists::COMMANDS,
    super::pubsub::COMMANDS,
    super::scripts::COMMANDS,
    super::search::COMMANDS,
    super::server::COMMANDS,
    super::sets::COMMANDS,
    super::sorted_set_algebra::COMMANDS,
    super::sorted_sets::COMMANDS,
    super::stream_groups::COMMANDS,
    super::streams::COMMANDS,
    super::strings::COMMANDS,
    super::vectors::COMMANDS,
    OTHERS,
];

/// The effect of a command. A command that is not known is taken to write.
///
/// ```
/// use axum_upstash::redis::{Access, Cmd, access};
///
/// assert_eq!(access(&Cmd::new("GET").key("k")), Access::Read);
/// assert_eq!(access(&Cmd::new("INCR").key("k")), Access::Write);
/// ```
#[must_use]
pub fn access(cmd: &Cmd) -> Access {
    cmd.known_access().unwrap_or_else(|| by_name(&cmd.name(), cmd.iter().nth(1)))
}

/// Whether a command may be sent again when its answer was lost.
pub(in crate::redis) fn repeat(cmd: &Cmd) -> Repeat {
    match access(cmd) {
        Access::Read => Repeat::Safe,
        Access::Write => Repeat::IfNotSent,
    }
}

/// The same for commands that go together: all of them must be safe.
pub(in crate::redis) fn repeat_all(cmds: &[Cmd]) -> Repeat {
    let reads = cmds.iter().all(|cmd| repeat(cmd) == Repeat::Safe);
    if reads { Repeat::Safe } else { Repeat::IfNotSent }
}

fn by_name(name: &str, first_argument: Option<&[u8]>) -> Access {
    static BY_NAME: OnceLock<HashMap<&'static str, Access>> = OnceLock::new();
    let table =
        BY_NAME.get_or_init(|| FILES.iter().copied().flatten().map(|entry| (entry.name, entry.access)).collect());
    let name = name.to_ascii_uppercase();
    if let Some(access) = table.get(name.as_str()) {
        return *access;
    }
    let second = String::from_utf8_lossy(first_argument.unwrap_or_default()).to_ascii_uppercase();
    table.get(format!("{name} {second}").as_str()).copied().unwrap_or(Access::Write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_meaning_and_is_in_capitals() {
        let mut seen = HashMap::new();
        for entry in FILES.iter().copied().flatten() {
            assert_eq!(entry.name, entry.name.to_ascii_uppercase());
            assert_eq!(*seen.entry(entry.name).or_insert(entry.access), entry.access, "{}", entry.name);
        }
    }

    #[test]
    fn reads_are_known_in_any_case_and_all_else_is_a_write() {
        assert_eq!(by_name("get", Some(b"k")), Access::Read);
        assert_eq!(by_name("Object", Some(b"encoding")), Access::Read);
        for write in ["SET", "incr", "EVAL", "EVALSHA", "GETDEL", "GETEX", "SPOP", "XREADGROUP", "BITFIELD", "SORT", ""]
        {
            assert_eq!(by_name(write, Some(b"k")), Access::Write, "{write}");
        }
    }
}
