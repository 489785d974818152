use std::{collections::HashMap, sync::OnceLock};

/// What a command does, and so whether it may be sent again when its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// It changes nothing, or nothing that a second run would change again: it may be sent twice.
    Read,
    /// It may change something: it is sent again only where it provably never arrived.
    Write,
}

/// A command's name, of one word or two, and what it does.
#[derive(Debug, Clone, Copy)]
pub(in crate::redis) struct Entry {
    pub(in crate::redis) name: &'static str,
    pub(in crate::redis) access: Access,
}

impl Entry {
    pub(in crate::redis) const fn read(name: &'static str) -> Self {
        Self { name, access: Access::Read }
    }

    pub(in crate::redis) const fn write(name: &'static str) -> Self {
        Self { name, access: Access::Write }
    }
}

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

/// What a command does that was given by name. Of one that is not known it is assumed that it writes.
pub(in crate::redis) fn access(name: &str, first_argument: Option<&[u8]>) -> Access {
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
        assert_eq!(access("get", Some(b"k")), Access::Read);
        assert_eq!(access("Object", Some(b"encoding")), Access::Read);
        for write in ["SET", "incr", "EVAL", "EVALSHA", "GETDEL", "GETEX", "SPOP", "XREADGROUP", "BITFIELD", "SORT", ""]
        {
            assert_eq!(access(write, Some(b"k")), Access::Write, "{write}");
        }
    }
}
