//! One ordered lane: what is issued while a request is in flight goes into the next one.

use super::{
    Reply, RequestKind,
    encode::{self, Encoded},
    rest::{Purpose, Rest},
};
use crate::{
    Error, ErrorKind,
    http::{Deadline, Repeat, sleep, spawn, timeout, yield_now},
};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot;

/// How much goes into one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) commands: usize,
    pub(super) bytes: usize,
}

impl Default for Limits {
    /// As many commands as Upstash's own clients send at once, and a tenth of the smallest plan's request limit.
    fn default() -> Self {
        Self { commands: 1000, bytes: 1024 * 1024 }
    }
}

/// Sends single commands, together where they come together.
///
/// The lane is worked off by a task of its own, so that commands of others are not held up by a caller who does not
/// poll, or who is gone.
pub(super) struct AutoPipeline {
    rest: Arc<Rest>,
    limits: Limits,
    lane: Mutex<Lane>,
}

#[derive(Default)]
struct Lane {
    /// Somebody works it off.
    busy: bool,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    command: Bytes,
    repeat: Repeat,
    deadline: Deadline,
    answer: oneshot::Sender<Answer>,
}

enum Answer {
    Reply(Result<Reply, Error>),
    /// Whoever worked the lane off went away before this was sent. Here it is again.
    NotSent(Bytes),
}

impl AutoPipeline {
    pub(super) fn new(rest: Arc<Rest>, limits: Limits) -> Self {
        Self { rest, limits, lane: Mutex::default() }
    }

    /// Whether a command may share requests: neither one that is too large, nor one that may take longer than others,
    /// which would have to wait for it.
    pub(super) fn takes(&self, command: &Bytes, timeout: Option<Duration>) -> bool {
        command.len() < self.limits.bytes && timeout.is_none_or(|timeout| timeout <= self.rest.timeout())
    }

    /// Sends a command, given as a JSON array. Dropping the future gives up this command alone.
    pub(super) async fn run(
        self: &Arc<Self>,
        mut command: Bytes,
        repeat: Repeat,
        deadline: Deadline,
    ) -> Result<Reply, Error> {
        loop {
            let (answer, reply) = oneshot::channel();
            let begin = {
                let mut lane = self.lane();
                lane.waiting.push_back(Waiting { command, repeat, deadline, answer });
                !std::mem::replace(&mut lane.busy, true)
            };
            if begin && let Err(here) = spawn(Worker { lane: Arc::clone(self), finished: false }.work()) {
                // There is no runtime to spawn on: the first caller works it off.
                here.await;
            }
            match timeout(deadline.remaining(), reply).await {
                Ok(Ok(Answer::Reply(reply))) => return reply,
                Ok(Ok(Answer::NotSent(again))) => command = again,
                Ok(Err(_)) => {
                    return Err(Error::new(ErrorKind::Interrupted, "the runtime stopped before the answer was read"));
                }
                Err(_) => return Err(deadline.passed()),
            }
        }
    }

    /// What goes into the next request; nothing where nobody waits, and then the lane is free again.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut lane = self.lane();
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(next) = lane.waiting.front() {
            if next.answer.is_closed() {
                // Its caller is gone, and so it is never sent.
                lane.waiting.pop_front();
                continue;
            }
            bytes += next.command.len() + 1;
            if !batch.is_empty() && (batch.len() >= self.limits.commands || bytes > self.limits.bytes) {
                break;
            }
            batch.extend(lane.waiting.pop_front());
        }
        lane.busy = !batch.is_empty();
        lane.busy.then_some(batch)
    }

    async fn send(&self, batch: Vec<Waiting>) {
        let mixed = batch.iter().any(|one| one.repeat != batch[0].repeat);
        let Err((error, mut batch)) = self.attempt(batch).await else { return };
        // Reads among writes: the request was not repeated for the sake of the writes, but they can be, in their time.
        if let (true, Some(wait)) = (mixed, self.rest.wait_after(&error)) {
            let can_wait = |one: &Waiting| one.repeat == Repeat::Safe && one.deadline.remaining() > wait;
            let (reads, others) = std::mem::take(&mut batch).into_iter().partition(can_wait);
            fail(others, &error);
            batch = reads;
            if !batch.is_empty() {
                sleep(wait).await;
                match self.attempt(batch).await {
                    Ok(()) => return,
                    Err((_, reads)) => batch = reads,
                }
            }
        }
        fail(batch, &error);
    }

    /// Gives the commands back where the request as a whole failed.
    async fn attempt(&self, mut batch: Vec<Waiting>) -> Result<(), (Error, Vec<Waiting>)> {
        let Some(deadline) = batch.iter().map(|one| one.deadline).reduce(Deadline::latest) else { return Ok(()) };
        let repeat = if batch.iter().all(|one| one.repeat == Repeat::Safe) { Repeat::Safe } else { Repeat::IfNotSent };
        let timeout = Some(deadline.remaining());
        if batch.len() == 1
            && let Some(mut one) = batch.pop()
        {
            let command = std::mem::take(&mut one.command);
            let encoded = Encoded { path: "/".into(), body: command, is_json: true };
            let reply = self.rest.single(encoded, repeat, timeout).await;
            // One command's failure is its own, whatever it was.
            one.finish(reply);
            return Ok(());
        }
        let body = encode::join(batch.iter().map(|one| &one.command[..]));
        let encoded = Encoded { path: "/pipeline".into(), body, is_json: true };
        let purpose = Purpose { kind: RequestKind::AutoPipeline, commands: batch.len(), repeat, timeout };
        match self.rest.items(encoded, purpose).await {
            Ok(replies) => {
                batch.into_iter().zip(replies).for_each(|(one, reply)| one.finish(reply));
                Ok(())
            }
            Err(error) => Err((error, batch)),
        }
    }

    fn lane(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn finish(self, reply: Result<Reply, Error>) {
        // The caller may be gone; that is its own affair.
        let _ = self.answer.send(Answer::Reply(reply));
    }
}

fn fail(batch: Vec<Waiting>, error: &Error) {
    batch.into_iter().for_each(|one| one.finish(Err(error.clone())));
}

/// Works the lane off until it is empty.
struct Worker {
    lane: Arc<AutoPipeline>,
    finished: bool,
}

impl Worker {
    async fn work(mut self) {
        while let Some(batch) = self.lane.next() {
            self.lane.send(batch).await;
            // Those who were answered run first: what they issue now goes into one request, not into two.
            yield_now().await;
        }
        self.finished = true;
    }
}

impl Drop for Worker {
    /// Frees the lane where its runtime ended under it. Whoever still waits asks for another worker.
    fn drop(&mut self) {
        // After it found the lane empty, the lane may be another worker's.
        if self.finished {
            return;
        }
        let waiting = {
            let mut lane = self.lane.lane();
            lane.busy = false;
            std::mem::take(&mut lane.waiting)
        };
        for one in waiting {
            let _ = one.answer.send(Answer::NotSent(one.command));
        }
    }
}
