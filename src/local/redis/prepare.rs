use super::{availability::refusal, command::Command, resp::Value, script::Scripts};

/// What makes a client's command one for this Redis, and the reply one for that client.
///
/// Every form of request goes through it.
#[derive(Debug)]
pub(super) struct Preparation {
    scripts: Scripts,
    database: u32,
    shared: bool,
}

/// How the reply to a prepared command is finished.
#[derive(Debug)]
pub(super) struct Finish {
    answer: Option<String>,
}

impl Preparation {
    pub(super) fn new(database: u32, shared: bool) -> Self {
        Self { scripts: Scripts::default(), database, shared }
    }

    /// Gives the error that answers the command where Redis must not see it.
    pub(super) fn prepare(&self, command: &mut Command) -> Result<Finish, Value> {
        if command.arguments.is_empty() {
            return Err(Value::error("ERR empty pipeline command"));
        }
        if let Some(text) = refusal(command) {
            return Err(Value::error(text));
        }
        if command.word(0) == "SELECT"
            && let Some(database) = command.arguments.get_mut(1)
        {
            // Database 0 of the client is the one that this server was given.
            *database = self.database.to_string().into_bytes();
        }
        if self.shared && command.word(0) == "FLUSHALL" {
            // All that the client can see is its one database. The arguments of both commands are the same.
            command.arguments[0] = b"FLUSHDB".to_vec();
        }
        let answer = self.scripts.rewrite(command);
        Ok(Finish { answer })
    }
}

impl Finish {
    pub(super) fn finish(self, reply: Value) -> Value {
        match (self.answer, reply) {
            (Some(answer), Value::Bulk(_)) => Value::Bulk(answer.into()),
            (_, reply) => reply,
        }
    }
}
