//! What a token allows, and what the plan does.

use std::collections::HashMap;

use super::{availability::refusal_of_admin, command::Command, outage::Outage, pool::Pool, resp::Value};

/// Upstash takes no longer key.
const MAX_KEY_BYTES: usize = 32 * 1024;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    All,
    ReadOnly,
}

/// Redis's own table of its commands: those that only read, and the position of the first key.
#[derive(Debug)]
pub(super) struct CommandTable {
    commands: HashMap<String, Facts>,
    /// Redis named none: it did not say.
    silent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    reads: bool,
    first_key: usize,
    /// It, or one of its subcommands, is for the administrator of a Redis.
    admin: bool,
    /// Redis has it of its own.
    own: bool,
}

/// Reads that the Redis behind may not have, and those that it does not call reads.
const READS: &[&str] = &[
    "ECHO",
    "HEXPIRETIME",
    "HPEXPIRETIME",
    "HPTTL",
    "HTTL",
    "JSON.ARRINDEX",
    "JSON.ARRLEN",
    "JSON.DEBUG",
    "JSON.GET",
    "JSON.MGET",
    "JSON.OBJKEYS",
    "JSON.OBJLEN",
    "JSON.RESP",
    "JSON.STRLEN",
    "JSON.TYPE",
    // Redis has no flags for those that have subcommands.
    "OBJECT",
    "PING",
    "TIME",
    "XINFO",
];

impl CommandTable {
    /// Asks Redis. Of one that does not say nothing is known.
    pub(super) async fn of(pool: &Pool) -> Result<Self, Outage> {
        let reply = pool.lease().await?.ask(Command::of(&["COMMAND"])).await?;
        let mut commands = HashMap::new();
        if let Value::Array(entries) = &reply {
            commands.extend(entries.iter().filter_map(entry));
        }
        let silent = commands.is_empty();
        for name in READS {
            commands
                .entry((*name).to_owned())
                .or_insert(Facts { reads: true, first_key: 1, admin: false, own: false })
                .reads = true;
        }
        // Upstash refuses walks over the whole database to a token that only reads.
        for name in ["SCAN", "KEYS"] {
            commands.entry(name.to_owned()).and_modify(|facts| facts.reads = false);
        }
        Ok(Self { commands, silent })
    }

    /// Whether Redis has this command of its own, as far as it says.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.silent || self.commands.get(name).is_some_and(|facts| facts.own)
    }

    /// The error for a command that a token, or the plan, does not allow.
    pub(super) fn refusal(&self, command: &Command, rights: Rights) -> Option<Value> {
        let facts = self.commands.get(command.name());
        if rights == Rights::ReadOnly && !facts.is_some_and(|facts| facts.reads) {
            let name = command.name().to_ascii_lowercase();
            return Some(Value::error(format!("NOPERM this user has no permissions to run the '{name}' command")));
        }
        if facts.is_some_and(|facts| facts.admin)
            && let Some(text) = refusal_of_admin(command)
        {
            return Some(Value::error(text));
        }
        let key = command.arguments.get(facts.map(|facts| facts.first_key).filter(|first| *first > 0)?)?;
        (key.len() > MAX_KEY_BYTES).then(|| {
            let actual = key.len();
            Value::error(format!("ERR max key size exceeded. Limit: {MAX_KEY_BYTES} bytes, Actual: {actual} bytes"))
        })
    }
}

/// `name, arity, flags, first key, last key, step, categories, tips, key specifications, subcommands`. Before Redis 7
/// the last four are missing.
fn entry(entry: &Value) -> Option<(String, Facts)> {
    let Value::Array(fields) = entry else { return None };
    let (Some(Value::Bulk(name)), Some(Value::Array(flags)), Some(Value::Integer(first_key))) =
        (fields.first(), fields.get(2), fields.get(3))
    else {
        return None;
    };
    let name = String::from_utf8_lossy(name).to_ascii_uppercase();
    let has = |wanted: &str| flags.iter().any(|flag| matches!(flag, Value::Status(flag) if flag == wanted));
    let subcommands = match fields.get(9) {
        Some(Value::Array(subcommands)) => subcommands.as_slice(),
        _ => &[],
    };
    let admin = has("admin") || subcommands.iter().filter_map(self::entry).any(|(_, facts)| facts.admin);
    let first_key = usize::try_from(*first_key).unwrap_or(0);
    Some((name, Facts { reads: has("readonly"), first_key, admin, own: true }))
}
