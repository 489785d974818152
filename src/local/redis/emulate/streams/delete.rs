use bytes::Bytes;

use super::id::whole_id;
use crate::local::redis::{
    command::Command,
    emulate::{
        Rewritten,
        arguments::{SYNTAX, integer, wrong_arity},
    },
    resp::Value,
};

const DELETE: &str = include_str!("delete.lua");
const REFUSE: &str = include_str!("refuse.lua");
const NOT_POSITIVE: &str = "ERR Number of IDs must be a positive integer";
const MISMATCH: &str = "ERR The `numids` parameter must match the number of arguments";
const INVALID_ID: &str = "ERR Invalid stream ID specified as stream command argument";

/// `XDELEX key [KEEPREF | DELREF | ACKED] IDS count id…`.
pub(in super::super) fn delete(command: &Command) -> Result<Rewritten, Value> {
    if command.arguments.len() < 5 {
        return Err(wrong_arity(command));
    }
    Ok(script(command, 2, [Bytes::from_static(b"0"), Bytes::new()]))
}

/// `XACKDEL key group [KEEPREF | DELREF | ACKED] IDS count id…`.
///
/// An entry that is pending is acknowledged and deleted, as by Redis. Upstash also deletes one that the group has
/// acknowledged before, which Redis leaves alone (-1). That one is known only by not being pending, so this covers every
/// entry up to the last that was delivered to the group: those that it acknowledged, those that it read with NOACK, and
/// those before its beginning (`XGROUP CREATE … $`, `XGROUP SETID`), which it never had.
pub(in super::super) fn ack_and_delete(command: &Command) -> Result<Rewritten, Value> {
    match command.arguments.get(2) {
        Some(group) if command.arguments.len() >= 6 => {
            Ok(script(command, 3, [Bytes::from_static(b"1"), group.clone()]))
        }
        _ => Err(wrong_arity(command)),
    }
}

fn script(command: &Command, options: usize, group: [Bytes; 2]) -> Rewritten {
    let key = command.arguments.get(1).cloned();
    match parse(command, options) {
        Ok((policy, ids)) => {
            let invalid_id = Bytes::from_static(INVALID_ID.as_bytes());
            let arguments = std::iter::once(policy).chain(group).chain([invalid_id]).chain(ids);
            Rewritten::script(DELETE, key, arguments)
        }
        Err(error) => Rewritten::script(REFUSE, key, [Bytes::from_static(error.as_bytes())]),
    }
}

fn parse(command: &Command, mut index: usize) -> Result<(Bytes, Vec<Bytes>), &'static str> {
    let (mut policy, mut ids) = (None, None);
    while index < command.arguments.len() {
        let word = command.word(index);
        match word.as_str() {
            "KEEPREF" | "DELREF" | "ACKED" if policy.is_none() => {
                policy = Some(Bytes::from(word));
                index += 1;
            }
            // Redis takes the last of several.
            "IDS" => {
                let count = command.arguments.get(index + 1).ok_or(SYNTAX)?;
                let count = integer(count).filter(|count| *count > 0).ok_or(NOT_POSITIVE)?;
                let end = usize::try_from(count).ok().and_then(|count| count.checked_add(index + 2)).ok_or(MISMATCH)?;
                let given = command.arguments.get(index + 2..end).ok_or(MISMATCH)?;
                ids = Some(given.iter().map(|id| whole_id(id).unwrap_or_default()).collect());
                index = end;
            }
            _ => return Err(SYNTAX),
        }
    }
    Ok((policy.unwrap_or(Bytes::from_static(b"KEEPREF")), ids.ok_or(SYNTAX)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_options_in_any_order() {
        for (line, policy, ids) in [
            ("XDELEX s IDS 1 5-1", "KEEPREF", "5-1"),
            ("XDELEX s delref IDS 2 5 06-7", "DELREF", "5-0 6-7"),
            ("XDELEX IDS ids 1 5 Acked", "ACKED", "5-0"),
            // IDs that are none.
            ("XDELEX s IDS 4 - 5-* +5-1 18446744073709551616-1", "KEEPREF", "   "),
        ] {
            let words: Vec<_> = line.split(' ').collect();
            let (found, found_ids) = parse(&Command::of(&words), 2).unwrap();
            assert_eq!(found, policy);
            assert_eq!(found_ids.iter().map(|id| String::from_utf8_lossy(id)).collect::<Vec<_>>().join(" "), ids);
        }
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (line, error) in [
            ("XDELEX s KEEPREF", SYNTAX),
            ("XDELEX s IDS", SYNTAX),
            ("XDELEX s NOREF IDS 1 5", SYNTAX),
            ("XDELEX s ACKED DELREF IDS 1 5", SYNTAX),
            ("XDELEX s IDS 0 5", NOT_POSITIVE),
            ("XDELEX s IDS x 5", NOT_POSITIVE),
            ("XDELEX s IDS 2 5", MISMATCH),
            ("XDELEX s IDS 9223372036854775807 5", MISMATCH),
            ("XDELEX s IDS 1 5 6", SYNTAX),
        ] {
            let words: Vec<_> = line.split(' ').collect();
            assert_eq!(parse(&Command::of(&words), 2).unwrap_err(), error, "{line}");
        }
    }
}
