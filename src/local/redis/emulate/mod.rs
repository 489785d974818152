//! What Upstash has and the Redis behind this server may not: each such command becomes a script that Redis runs, so
//! that it is atomic alone, in a pipeline and in a transaction.
//!
//! A room here takes a command by its name and gives the [`Rewritten`] one, or the error for arguments that no Redis
//! needs to see. Scripts are sent whole, with `EVAL`: a client's `SCRIPT FLUSH` must not break them.

mod arguments;
mod bitop;
mod capabilities;
mod hash;
mod json;
mod keys;
mod library;
mod streams;

pub(super) use self::{capabilities::Capabilities, hash::Hashes};

use bytes::Bytes;

use super::{command::Command, resp::Value};

/// How the reply of Redis becomes that of the command it stands for.
pub(super) type Finish = Box<dyn FnOnce(Value) -> Value + Send>;

/// A command in the place of another.
pub(super) struct Rewritten {
    pub(super) command: Command,
    /// Changes the reply, errors included, or `None` if the reply stays as it is.
    pub(super) finish: Option<Finish>,
}

impl Rewritten {
    /// `EVAL script numkeys key… argument…`.
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
    pub(super) fn finished(mut self, finish: impl FnOnce(Value) -> Value + Send + 'static) -> Self {
        self.finish = Some(Box::new(finish));
        self
    }
}

/// The command that stands for `command` here, if it needs one: `None` if Redis understands it as it is.
pub(super) fn rewrite(command: &Command, capabilities: &Capabilities) -> Result<Option<Rewritten>, Value> {
    Ok(match command.name() {
        "BITOP" if !capabilities.bitop_differences => bitop::bitop(command),
        "XDELEX" if !capabilities.stream_delete_options => Some(streams::delete(command)?),
        "XACKDEL" => Some(streams::ack_and_delete(command)?),
        "XADD" | "XTRIM" => streams::trim_roughly(command),
        "XREADGROUP" => streams::read_without_ack(command),
        "XINFO" => streams::consumers_of_no_group(command),
        "ZRANGE" => keys::ranked_range_with_limit(command),
        "ZRANGESTORE" => keys::store_ranked_range_with_limit(command),
        "SCAN" => keys::scan(command, capabilities.json),
        "COPY" => keys::copy_onto_itself(command),
        "UNLINK" => keys::unlink_nothing(command),
        "FUNCTION" => library::function(command),
        "TYPE" if !capabilities.json => json::type_of(command),
        name if !capabilities.json && name.starts_with("JSON.") => json::rewrite(command)?,
        // Upstash does not say what it has.
        "COMMAND" if command.arguments.len() == 1 => Some(Rewritten::script("return {}", [], [])),
        // What a library tells about itself is of no use behind one connection for all.
        "CLIENT" => Some(Rewritten::script("return { ok = 'OK' }", [], [])),
        _ => None,
    })
}
