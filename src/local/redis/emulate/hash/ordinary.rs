//! The commands that know nothing of deadlines, for hashes that may have some, and those that know nothing of documents.

use crate::local::redis::{command::Command, emulate::Rewritten};

const ORDINARY: &str = concat!(include_str!("moment.lua"), include_str!("hidden.lua"), include_str!("ordinary.lua"));
const KEYS: &str = concat!(include_str!("moment.lua"), include_str!("hidden.lua"), include_str!("keys.lua"));
/// Lua takes no more arguments at once.
const MAX_ARGUMENTS: usize = 4000;

/// The script for a command on a hash, or on keys that may be hashes. `None` for every other command, and for one
/// whose arguments Redis will refuse: its own error is the best.
pub(super) fn ordinary(command: &Command) -> Option<Rewritten> {
    on_hash(command).or_else(|| on_keys(command))
}

/// The script for a command on a hash in front of a Redis that keeps the deadlines, which refuses documents alone.
pub(super) fn unless_document(command: &Command) -> Option<Rewritten> {
    let min_length = match command.name() {
        "HEXPIRE" | "HPEXPIRE" | "HEXPIREAT" | "HPEXPIREAT" | "HSETEX" => 6,
        "HTTL" | "HPTTL" | "HEXPIRETIME" | "HPEXPIRETIME" | "HPERSIST" | "HGETDEL" | "HGETEX" => 5,
        _ => return on_hash(command),
    };
    // The script hands longer ones on in parts.
    if (min_length..MAX_ARGUMENTS).contains(&command.arguments.len()) { on_its_key(command) } else { None }
}

fn on_hash(command: &Command) -> Option<Rewritten> {
    let length = command.arguments.len();
    let fits = match command.name() {
        "HGETALL" | "HKEYS" | "HVALS" | "HLEN" => length == 2,
        "HGET" | "HEXISTS" | "HSTRLEN" => length == 3,
        "HSETNX" | "HINCRBY" | "HINCRBYFLOAT" => length == 4,
        "HSET" | "HMSET" => length >= 4 && length.is_multiple_of(2),
        "HMGET" | "HDEL" => length >= 3,
        "HRANDFIELD" => (2..=4).contains(&length),
        "HSCAN" => (3..MAX_ARGUMENTS).contains(&length),
        _ => false,
    };
    if fits { on_its_key(command) } else { None }
}

fn on_its_key(command: &Command) -> Option<Rewritten> {
    let key = command.arguments.get(1)?.clone();
    let name = command.name().to_owned().into();
    let arguments = std::iter::once(name).chain(command.arguments.iter().skip(2).cloned());
    Some(Rewritten::script(ORDINARY, [key], arguments))
}

fn on_keys(command: &Command) -> Option<Rewritten> {
    let length = command.arguments.len();
    let (keys, fits) = match command.name() {
        "EXISTS" | "TOUCH" | "DEL" | "UNLINK" => (length.saturating_sub(1), length >= 2),
        "TYPE" | "TTL" | "PTTL" | "EXPIRETIME" | "PEXPIRETIME" | "PERSIST" | "DUMP" => (1, length == 2),
        "EXPIRE" | "PEXPIRE" | "EXPIREAT" | "PEXPIREAT" => (1, length >= 3),
        "RENAME" | "RENAMENX" => (2, length == 3),
        "COPY" => (2, length >= 3),
        _ => return None,
    };
    if !fits || length > MAX_ARGUMENTS {
        return None;
    }
    let keys: Vec<_> = command.arguments.iter().skip(1).take(keys).cloned().collect();
    Some(Rewritten::script(KEYS, keys, command.arguments.iter().cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Vec<String>> {
        let words: Vec<_> = line.split(' ').collect();
        let rewritten = ordinary(&Command::of(&words))?;
        let after_script = rewritten.command.arguments.iter().skip(2);
        Some(after_script.map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }

    #[test]
    fn names_the_keys_to_redis() {
        for (line, expected) in [
            ("hget k f", "1 k HGET f"),
            ("HSET k f v", "1 k HSET f v"),
            ("HRANDFIELD k 2 WITHVALUES", "1 k HRANDFIELD 2 WITHVALUES"),
            ("exists a b", "2 a b exists a b"),
            ("COPY a b REPLACE", "2 a b COPY a b REPLACE"),
            ("EXPIRE k 5 NX", "1 k EXPIRE k 5 NX"),
        ] {
            assert_eq!(of(line).unwrap().join(" "), expected);
        }
    }

    #[test]
    fn leaves_what_redis_refuses_to_redis() {
        for line in ["HGET k", "HSET k f", "HSET k f v g", "HDEL k", "HSCAN k", "EXISTS", "RENAME a", "GET k", "HELLO"]
        {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
