//! Commands of one turn share a request, and no command waits for another turn's.
//!
//! For hosts that tie timers, connections and tasks to the request that began them, as Cloudflare Workers do: a command
//! that rode on another request's task would never be answered once that request has ended. Between two events such a
//! host runs the tasks of one request only, so that the commands of one turn are those of one request.

use super::{Answer, Limits, Waiting, batch::Batch, lane::start, send::Sent};
use crate::{
    client::Repeat,
    redis::{encode::Encoded, rest::Rest},
    rt::{Deadline, turn},
};
use bytes::Bytes;
use std::{
    mem::take,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// The commands of the turn that is under way.
#[derive(Default)]
pub(super) struct Turns {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    count: u64,
    waiting: Vec<Waiting>,
}

impl Turns {
    /// Sends a command with those that are issued in the same turn.
    pub(super) async fn send(
        &self,
        rest: &Arc<Rest>,
        limits: Limits,
        command: Bytes,
        repeat: Repeat,
        deadline: Deadline,
    ) -> Sent {
        let (answer, reply) = oneshot::channel();
        let number = self.queue(command, repeat, deadline, answer);
        turn().await;
        let mut alone = None;
        for mut batch in self.depart(number, limits) {
            if batch.len() == 1 && batch[0].number == number {
                alone = batch.pop();
            // A task, because the other commands must not end if this caller is dropped.
            } else if let Some(here) = start(Batch::of_one_turn(batch).send_once(Arc::clone(rest))) {
                here.await;
            }
        }
        if let Some(one) = alone {
            let encoded = Encoded { path: "/".into(), body: one.command, is_json: true };
            return Sent::Answered(rest.single(encoded, repeat, deadline).await);
        }
        Sent::Waiting(reply)
    }

    fn queue(&self, command: Bytes, repeat: Repeat, deadline: Deadline, answer: oneshot::Sender<Answer>) -> u64 {
        let mut state = self.lock();
        state.count += 1;
        let number = state.count;
        state.waiting.push(Waiting { number, command, repeat, deadline, answer });
        number
    }

    /// Takes everything that waits, in requests of the permitted size, unless the command has left already. Commands
    /// without a caller are left out.
    fn depart(&self, number: u64, limits: Limits) -> Vec<Vec<Waiting>> {
        let mut state = self.lock();
        if state.waiting.iter().all(|one| one.number != number) {
            return Vec::new();
        }
        let mut batches: Vec<Vec<Waiting>> = Vec::new();
        let mut bytes = 0;
        for one in take(&mut state.waiting).into_iter().filter(|one| !one.answer.is_closed()) {
            bytes += one.command.len() + 1;
            match batches.last_mut().filter(|batch| batch.len() < limits.commands && bytes <= limits.bytes) {
                Some(batch) => batch.push(one),
                None => {
                    bytes = one.command.len() + 1;
                    batches.push(vec![one]);
                }
            }
        }
        batches
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::auto_pipeline::{AutoPipeline, fake_server::Server};
    use futures_util::{FutureExt, future::join_all};
    use std::time::Duration;

    fn pipeline(limits: Limits, permits: usize) -> (AutoPipeline, Server) {
        let (rest, server) = Server::start(permits);
        (AutoPipeline::new(rest, Limits { by_turns: true, ..limits }), server)
    }

    async fn ask(pipeline: &AutoPipeline, words: usize) {
        let command = serde_json::to_string(&vec!["a"; words]).unwrap();
        let deadline = Deadline::after(Duration::from_secs(5));
        let reply = pipeline.run(command.into(), Repeat::Safe, deadline).await.unwrap();
        assert_eq!(reply, crate::redis::Reply::Int(i64::try_from(words).unwrap()));
    }

    #[tokio::test]
    async fn the_commands_of_one_turn_are_one_request() {
        let (one, server) = pipeline(Limits::default(), 9);
        join_all((1..=40).map(|words| ask(&one, words))).await;
        ask(&one, 1).await;
        assert_eq!(*server.requests.lock().unwrap(), [40, 1]);
        let (small, server) = pipeline(Limits { commands: 2, ..Limits::default() }, 9);
        join_all((1..=5).map(|words| ask(&small, words))).await;
        assert_eq!(*server.requests.lock().unwrap(), [2, 2, 1]);
    }

    /// As on a host that neither polls nor drops the tasks of a request that has ended.
    #[tokio::test]
    async fn no_command_waits_for_one_of_another_turn() {
        let (pipeline, server) = pipeline(Limits::default(), 0);
        let mut ended: Vec<_> = (1..=20).map(|words| Box::pin(ask(&pipeline, words))).collect();
        for (index, one) in ended.iter_mut().enumerate() {
            // The turn of each request ends before the next begins.
            for _ in 0..2 {
                assert!(one.as_mut().now_or_never().is_none());
            }
            assert_eq!(server.requests.lock().unwrap().len(), index + 1);
        }
        server.permits.add_permits(21);
        ask(&pipeline, 3).await;
        assert_eq!(server.requests.lock().unwrap().last(), Some(&1), "it rode on no other");
        drop(ended);
    }

    #[tokio::test]
    async fn a_caller_that_is_dropped_takes_no_other_along() {
        let (pipeline, server) = pipeline(Limits::default(), 0);
        let mut all: Vec<_> = (1..=3).map(|words| Box::pin(ask(&pipeline, words))).collect();
        for _ in 0..2 {
            assert!(all.iter_mut().all(|one| one.as_mut().now_or_never().is_none()));
        }
        drop(all.remove(0));
        server.permits.add_permits(9);
        join_all(all).await;
        assert_eq!(*server.requests.lock().unwrap(), [3]);
    }
}
