use crate::local::redis::access::CommandTable;

/// The commands that the Redis behind this server has. The others are emulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(in crate::local::redis) struct Capabilities {
    /// `JSON.*`: a module, or Redis 8.
    pub(in crate::local::redis) json: bool,
    /// `HEXPIRE` and its family: Redis 7.4.
    pub(in crate::local::redis) hash_field_expiry: bool,
    /// `HGETDEL`, `HGETEX`, `HSETEX`: Redis 8.0.
    pub(in crate::local::redis) hash_get_and_change: bool,
    /// `XDELEX`: Redis 8.2.
    pub(in crate::local::redis) stream_delete_options: bool,
    /// `BITOP` with `DIFF`, `DIFF1`, `ANDOR` and `ONE`: Redis 8.2.
    pub(in crate::local::redis) bitop_differences: bool,
}

impl Capabilities {
    /// By the commands that Redis names. One that names none has everything: its own errors are then what clients see.
    pub(in crate::local::redis) fn of(table: &CommandTable) -> Self {
        Self {
            json: table.knows("JSON.SET"),
            hash_field_expiry: table.knows("HEXPIRE"),
            hash_get_and_change: table.knows("HGETDEL"),
            stream_delete_options: table.knows("XDELEX"),
            // The new words came with that command.
            bitop_differences: table.knows("XDELEX"),
        }
    }
}
