use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::{
    change::{self, Change},
    expiry::{self, Clock, key},
    novalues::{fields_alone, without_word},
    ordinary::{ordinary, unless_document},
};
use crate::local::redis::{
    command::Command,
    emulate::{Capabilities, Rewritten, arguments::wrong_arity},
    resp::Value,
};

const REFUSE: &str = include_str!("refuse.lua");

/// Hashes whose fields may expire, and hashes that are documents.
#[derive(Debug)]
pub(in crate::local::redis) struct Hashes {
    /// Whether a hash may have a hidden field, or be a document. It is never taken back.
    hidden: AtomicBool,
}

impl Hashes {
    /// `shared` says that the Redis is not our own, and may have hidden fields already.
    pub(in crate::local::redis) fn new(shared: bool) -> Self {
        Self { hidden: AtomicBool::new(shared) }
    }

    /// The command that stands for `command`, if it needs one.
    pub(in crate::local::redis) fn rewrite(
        &self,
        command: &Command,
        capabilities: &Capabilities,
    ) -> Result<Option<Rewritten>, Value> {
        let native = capabilities.hash_field_expiry;
        let name = command.name();
        let length = command.arguments.len();
        let (outcome, min_length) = match name {
            "HGETDEL" | "HGETEX" | "HSETEX" if capabilities.hash_get_and_change => {
                return Ok(self.native(command, capabilities));
            }
            "HGETDEL" => (change::get_and_delete(command, native), 5),
            "HGETEX" => (change::get_and_expire(command, native), 5),
            "HSETEX" => (change::set_and_expire(command, native), 6),
            _ if native => return Ok(self.native(command, capabilities)),
            "HEXPIRE" => (setting(expiry::expire(command, Clock::SECONDS)), 6),
            "HPEXPIRE" => (setting(expiry::expire(command, Clock::MILLISECONDS)), 6),
            "HEXPIREAT" => (setting(expiry::expire(command, Clock::UNIX_SECONDS)), 6),
            "HPEXPIREAT" => (setting(expiry::expire(command, Clock::UNIX_MILLISECONDS)), 6),
            "HTTL" => (asking(expiry::ttl(command, Clock::SECONDS)), 5),
            "HPTTL" => (asking(expiry::ttl(command, Clock::MILLISECONDS)), 5),
            "HEXPIRETIME" => (asking(expiry::ttl(command, Clock::UNIX_SECONDS)), 5),
            "HPEXPIRETIME" => (asking(expiry::ttl(command, Clock::UNIX_MILLISECONDS)), 5),
            "HPERSIST" => (asking(expiry::persist(command)), 5),
            "HSCAN" => return Ok(self.scan(command)),
            _ => return Ok(self.ordinary(command)),
        };
        if length < min_length {
            return Err(wrong_arity(command));
        }
        let rewritten = match outcome {
            Ok((rewritten, sets)) => {
                if sets && !native {
                    // Before Redis sees it: what comes after it in a pipeline must already know.
                    self.hidden.store(true, Ordering::Relaxed);
                }
                rewritten
            }
            // All others look at the key first.
            Err(error) if name == "HSETEX" => Rewritten::failing(error),
            Err(error) => Rewritten::script(REFUSE, [key(command)], [error]),
        };
        Ok(Some(rewritten))
    }

    /// Tells that `command`, which is for documents, may make one. To commands for hashes it is of another type.
    pub(in crate::local::redis) fn notice_document(&self, command: &Command) {
        if matches!(command.name(), "JSON.SET" | "JSON.MSET" | "JSON.MERGE") {
            self.hidden.store(true, Ordering::Relaxed);
        }
    }

    fn scan(&self, command: &Command) -> Option<Rewritten> {
        let Some(plain) = without_word(command) else { return self.ordinary(command) };
        let rewritten = self.ordinary(&plain).unwrap_or(Rewritten { command: plain, finish: None });
        Some(rewritten.finished(fields_alone))
    }

    fn ordinary(&self, command: &Command) -> Option<Rewritten> {
        if self.hidden.load(Ordering::Relaxed) { ordinary(command) } else { None }
    }

    /// A command for hashes of which Redis keeps the deadlines: only documents may stand in its way, if they are ours.
    fn native(&self, command: &Command, capabilities: &Capabilities) -> Option<Rewritten> {
        if capabilities.json || !self.hidden.load(Ordering::Relaxed) { None } else { unless_document(command) }
    }
}

fn setting(rewritten: Result<Rewritten, Bytes>) -> Result<Change, Bytes> {
    rewritten.map(|rewritten| (rewritten, true))
}

fn asking(rewritten: Result<Rewritten, Bytes>) -> Result<Change, Bytes> {
    rewritten.map(|rewritten| (rewritten, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words behind the script, if there is one.
    fn of(hashes: &Hashes, capabilities: &Capabilities, line: &str) -> Option<String> {
        let words: Vec<_> = line.split(' ').collect();
        let rewritten = hashes.rewrite(&Command::of(&words), capabilities).unwrap()?;
        let after_script = rewritten.command.arguments.iter().skip(2);
        Some(after_script.map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn documents_are_looked_for_in_front_of_every_redis_without_its_own() {
        let redis_7_4 = Capabilities { hash_field_expiry: true, ..Capabilities::default() };
        let redis_8_without_json = Capabilities { hash_get_and_change: true, ..redis_7_4 };
        let lines = [
            ("HGETALL k", "1 k HGETALL"),
            ("HSET k f v", "1 k HSET f v"),
            ("HDEL k f", "1 k HDEL f"),
            ("HSCAN k 0 NOVALUES", "1 k HSCAN 0 NOVALUES"),
            ("HEXPIRE k 5 NX FIELDS 1 f", "1 k HEXPIRE 5 NX FIELDS 1 f"),
            ("HTTL k FIELDS 1 f", "1 k HTTL FIELDS 1 f"),
            ("HPERSIST k FIELDS 1 f", "1 k HPERSIST FIELDS 1 f"),
        ];
        for capabilities in [redis_7_4, redis_8_without_json] {
            let hashes = Hashes::new(false);
            for (line, _) in lines {
                assert_eq!(of(&hashes, &capabilities, line), None, "no document yet: {line}");
            }
            hashes.notice_document(&Command::of(&["JSON.SET", "k", "$", "1"]));
            for (line, expected) in lines {
                assert_eq!(of(&hashes, &capabilities, line).as_deref(), Some(expected), "{line}");
            }
            // Redis keeps the deadlines, and says what is wrong with arguments.
            for line in ["DEL k", "EXPIRE k 5", "HGET k", "HTTL k", "HEXPIRE k 5 FIELDS 1", "GET k"] {
                assert_eq!(of(&hashes, &capabilities, line), None, "{line}");
            }
            let with_json = Capabilities { json: true, ..capabilities };
            for (line, _) in lines {
                assert_eq!(of(&Hashes::new(true), &with_json, line), None, "{line}");
            }
        }
        let changes = "HGETDEL k FIELDS 1 f";
        assert_eq!(of(&Hashes::new(true), &redis_7_4, changes).unwrap(), "1 k f");
        assert_eq!(of(&Hashes::new(true), &redis_8_without_json, changes).unwrap(), "1 k HGETDEL FIELDS 1 f");
        assert_eq!(of(&Hashes::new(false), &redis_8_without_json, changes), None);
    }
}
