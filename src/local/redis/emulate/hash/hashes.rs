use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::{
    change::{self, Change},
    expiry::{self, Clock, key},
    novalues::{fields_alone, without_word},
    ordinary::ordinary,
};
use crate::local::redis::{
    command::Command,
    emulate::{Capabilities, Rewritten, arguments::wrong_arity},
    resp::Value,
};

const REFUSE: &str = include_str!("refuse.lua");

/// Hashes whose fields may expire.
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
            "HGETDEL" | "HGETEX" | "HSETEX" if capabilities.hash_get_and_change => return Ok(None),
            "HGETDEL" => (change::get_and_delete(command, native), 5),
            "HGETEX" => (change::get_and_expire(command, native), 5),
            "HSETEX" => (change::set_and_expire(command, native), 6),
            _ if native => return Ok(None),
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
}

fn setting(rewritten: Result<Rewritten, Bytes>) -> Result<Change, Bytes> {
    rewritten.map(|rewritten| (rewritten, true))
}

fn asking(rewritten: Result<Rewritten, Bytes>) -> Result<Change, Bytes> {
    rewritten.map(|rewritten| (rewritten, false))
}
