//! Automatic pipelining: single commands share requests when that costs none of them time.
//!
//! A command goes out at once while the way to the server has room: alone, or with those that were issued in the same
//! turn of the runtime. When there is no room, it waits for the next departure together with whatever comes until then.
//! How much room there is follows from the measured round trip ([`Network`](super::network)).
//!
//! Each runtime has a [`Lane`] of its own, so that a command never depends on a task that another runtime drives. On hosts
//! that end tasks with the request that began them, commands share requests by [`turns`] alone.

mod alone;
mod batch;
mod dispatcher;
#[cfg(test)]
mod fake_server;
mod flights;
mod lane;
mod send;
mod turns;

use self::{
    lane::Lane,
    send::{Sent, send},
    turns::Turns,
};
use super::{Reply, rest::Rest};
use crate::{
    Error, ErrorKind,
    client::Repeat,
    rt::{Deadline, RuntimeId},
};
use bytes::Bytes;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How much goes into one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) commands: usize,
    pub(super) bytes: usize,
    /// Whether only commands of one turn share a request, because the host ends tasks with the request that began them.
    pub(super) by_turns: bool,
}

impl Default for Limits {
    /// As many commands as Upstash's own clients send at once, and a tenth of the smallest plan's request limit.
    fn default() -> Self {
        Self { commands: 1000, bytes: 1024 * 1024, by_turns: cfg!(target_arch = "wasm32") }
    }
}

/// Sends single commands, together if they come together.
pub(super) struct AutoPipeline {
    rest: Arc<Rest>,
    limits: Limits,
    lanes: Mutex<Vec<(RuntimeId, Arc<Lane>)>>,
    turns: Turns,
}

/// A command that waits for its reply.
struct Waiting {
    number: u64,
    command: Bytes,
    repeat: Repeat,
    deadline: Deadline,
    answer: tokio::sync::oneshot::Sender<Answer>,
}

enum Answer {
    Reply(Result<Reply, Error>),
    /// The task that would have sent the command is gone. Here is the command again.
    NotSent(Bytes),
}

impl Waiting {
    /// Answers the caller. A caller that is gone needs no answer.
    fn finish(self, reply: Result<Reply, Error>) {
        let _ = self.answer.send(Answer::Reply(reply));
    }

    fn give_back(self) {
        let _ = self.answer.send(Answer::NotSent(self.command));
    }
}

impl AutoPipeline {
    pub(super) fn new(rest: Arc<Rest>, limits: Limits) -> Self {
        Self { rest, limits, lanes: Mutex::default(), turns: Turns::default() }
    }

    /// Whether a command may share requests. A command that is too large, or that may take longer than others, may not.
    pub(super) fn takes(&self, command: &Bytes, timeout: Option<Duration>) -> bool {
        command.len() < self.limits.bytes && timeout.is_none_or(|timeout| timeout <= self.rest.timeout())
    }

    /// Sends a command, given as a JSON array. Dropping the future gives up this command alone.
    pub(super) async fn run(&self, mut command: Bytes, repeat: Repeat, deadline: Deadline) -> Result<Reply, Error> {
        loop {
            let sent = match self.limits.by_turns {
                true => self.turns.send(&self.rest, self.limits, command, repeat, deadline).await,
                false => send(self.lane(), command, repeat, deadline).await,
            };
            let reply = match sent {
                Sent::Answered(reply) => return reply,
                Sent::Waiting(reply) => reply,
            };
            // The tasks that send watch the deadline.
            match reply.await {
                Ok(Answer::Reply(reply)) => return reply,
                Ok(Answer::NotSent(again)) => command = again,
                Err(_) => {
                    return Err(Error::new(ErrorKind::Interrupted, "the runtime stopped before the answer was read"));
                }
            }
        }
    }

    /// The lane of this runtime.
    fn lane(&self) -> Arc<Lane> {
        let here = RuntimeId::current();
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, lane)) = lanes.iter().find(|(runtime, _)| *runtime == here) {
            return Arc::clone(lane);
        }
        // Runtimes come and go in tests; the lanes of those that are gone are idle.
        lanes.retain(|(_, lane)| !lane.is_idle());
        let lane = Arc::new(Lane::new(Arc::clone(&self.rest), self.limits));
        lanes.push((here, Arc::clone(&lane)));
        lane
    }
}
