//! The operations of BITOP that came with Redis 8.2.

use bytes::Bytes;

use super::{Command, Rewritten};

const BITOP: &str = include_str!("bitop.lua");

/// `BITOP DIFF | DIFF1 | ANDOR | ONE destination key…`. `None` for the other operations.
pub(super) fn bitop(command: &Command) -> Option<Rewritten> {
    let operation = command.word(1);
    let min_sources = match operation.as_str() {
        "DIFF" | "DIFF1" | "ANDOR" => 2,
        "ONE" => 1,
        _ => return None,
    };
    let keys = command.arguments.get(2..)?;
    match keys.len() {
        // Redis says that arguments are missing.
        0 | 1 => None,
        length if length <= min_sources => {
            let error = format!("ERR BITOP {operation} must be called with at least two source keys.");
            Some(Rewritten::failing(error))
        }
        _ => Some(Rewritten::script(BITOP, keys.iter().cloned(), [Bytes::from(operation)])),
    }
}
