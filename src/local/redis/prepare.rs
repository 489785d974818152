use bytes::Bytes;

use super::{
    availability::{KEYSPACE_EVENTS, refusal},
    command::Command,
    emulate::{self, Capabilities, Finish, Hashes},
    resp::Value,
    script::Scripts,
};

/// What makes a client's command one for this Redis, and the reply one for that client.
///
/// Every form of request goes through it.
#[derive(Debug)]
pub(super) struct Preparation {
    scripts: Scripts,
    hashes: Hashes,
    database: u32,
    shared: bool,
}

impl Preparation {
    pub(super) fn new(database: u32, shared: bool) -> Self {
        Self { scripts: Scripts::default(), hashes: Hashes::new(shared), database, shared }
    }

    /// Returns the function that finishes the reply, or the error that answers the command if Redis must not see it.
    pub(super) fn prepare(&self, command: &mut Command, capabilities: &Capabilities) -> Result<Option<Finish>, Value> {
        if command.arguments.is_empty() {
            return Err(Value::error("ERR empty pipeline command"));
        }
        if let Some(text) = refusal(command, self.shared) {
            return Err(Value::error(text));
        }
        let rewritten = match emulate::rewrite(command, capabilities)? {
            None => self.hashes.rewrite(command, capabilities)?,
            rewritten => {
                self.hashes.notice_document(command);
                rewritten
            }
        };
        if let Some(rewritten) = rewritten {
            *command = rewritten.command;
            return Ok(rewritten.finish);
        }
        if command.is("SELECT")
            && let Some(database) = command.arguments.get_mut(1)
        {
            // Database 0 of the client is the one that this server was given.
            *database = self.database.to_string().into();
        }
        if self.shared && command.is("FLUSHALL") {
            // All that the client can see is its one database. The arguments of both commands are the same.
            command.arguments[0] = Bytes::from_static(b"FLUSHDB");
        }
        if command.is("CONFIG") && command.word(1) == "GET" {
            return Ok(Some(Box::new(only_keyspace_events)));
        }
        let answer = self.scripts.rewrite(command);
        Ok(answer.map(|answer| -> Finish {
            Box::new(|reply| match reply {
                Value::Bulk(_) => Value::Bulk(answer.into()),
                reply => reply,
            })
        }))
    }
}

/// The pairs of `CONFIG GET` that Upstash shows.
fn only_keyspace_events(reply: Value) -> Value {
    match reply {
        Value::Array(items) => Value::Array(
            items
                .chunks_exact(2)
                .filter(|pair| matches!(&pair[0], Value::Bulk(name) if name.eq_ignore_ascii_case(KEYSPACE_EVENTS.as_bytes())))
                // Redis repeats the name as it was asked for.
                .flat_map(|pair| [Value::Bulk(KEYSPACE_EVENTS.into()), pair[1].clone()])
                .collect(),
        ),
        other => other,
    }
}

/// Does to a reply what its command wants done.
pub(super) fn finish(finish: Option<Finish>, reply: Value) -> Value {
    match finish {
        Some(finish) => finish(reply),
        None => reply,
    }
}
