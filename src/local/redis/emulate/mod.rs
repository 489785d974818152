//! What Upstash has and the Redis behind this server may not: each such command becomes a script that Redis runs, so
//! that it is atomic alone, in a pipeline and in a transaction.
//!
//! A room here takes a command by its name and gives the [`Rewritten`] one, or the error for arguments that no Redis
//! needs to see. Scripts are sent whole, with `EVAL`: a client's `SCRIPT FLUSH` must not break them.

mod capabilities;
mod hash;
mod words;

pub(super) use self::{capabilities::Capabilities, hash::Hashes};

use bytes::Bytes;

use super::{command::Command, resp::Value};

/// How the reply of Redis becomes that of the command it stands for.
pub(super) type Finish = Box<dyn FnOnce(Value) -> Value + Send>;

/// A command in the place of another.
pub(super) struct Rewritten {
    pub(super) command: Command,
    /// What is done with the reply; nothing where there is none. Errors of Redis go through it as well.
    pub(super) finish: Option<Finish>,
}

impl Rewritten {
    /// `EVAL script numkeys key… argument…`.
    #[allow(dead_code, reason = "the rooms that use it follow")]
    pub(super) fn script(
        script: &'static str,
        keys: impl IntoIterator<Item = Bytes>,
        arguments: impl IntoIterator<Item = Bytes>,
    ) -> Self {
        let mut words = vec![Bytes::from_static(b"EVAL"), Bytes::from_static(script.as_bytes()), Bytes::new()];
        words.extend(keys);
        words[2] = Bytes::from((words.len() - 3).to_string());
        words.extend(arguments);
        Self { command: Command::new(words), finish: None }
    }

    /// The same, with something done with the reply.
    #[allow(dead_code, reason = "the rooms that use it follow")]
    pub(super) fn finished(mut self, finish: impl FnOnce(Value) -> Value + Send + 'static) -> Self {
        self.finish = Some(Box::new(finish));
        self
    }
}

/// The command that stands for `command` here, if it needs one: `None` where Redis understands it as it is.
pub(super) fn rewrite(_command: &Command, _capabilities: &Capabilities) -> Result<Option<Rewritten>, Value> {
    Ok(None)
}
