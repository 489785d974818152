use super::{Answer, Limits, Waiting, flights::Flights};
use crate::{
    client::Repeat,
    redis::rest::Rest,
    rt::{Deadline, spawn},
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, oneshot};

/// The commands of one runtime.
///
/// While commands wait, either a dispatcher sends them, or their callers do so at the end of their turn.
pub(super) struct Lane {
    pub(super) rest: Arc<Rest>,
    limits: Limits,
    state: Mutex<State>,
    /// Wakes the dispatcher: a request landed.
    landed: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// No deadline of `waiting` is before this one.
    earliest: Option<Deadline>,
    /// How many commands there were.
    count: u64,
    flights: Flights,
    /// There is a dispatcher.
    dispatched: bool,
}

/// What a caller does with a command that it has queued.
pub(super) enum Queued {
    /// There is room: it waits for the end of its turn, and then sends what has come together.
    Turn,
    /// There is none, and a dispatcher has to be started.
    Dispatch,
    Wait,
}

/// What a caller does at the end of its turn.
pub(super) enum Departure {
    /// Its command has left already, or will.
    None,
    Alone(Waiting, Flight),
    Together(Vec<Waiting>, Flight),
}

/// The next step of the dispatcher.
pub(super) enum Next {
    Send(Vec<Waiting>, Flight),
    Wait(Duration),
    Stop,
}

impl Lane {
    pub(super) fn new(rest: Arc<Rest>, limits: Limits) -> Self {
        Self { rest, limits, state: Mutex::default(), landed: Notify::new() }
    }

    pub(super) fn is_idle(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.flights.is_empty()
    }

    pub(super) fn queue(
        &self,
        command: Bytes,
        repeat: Repeat,
        deadline: Deadline,
        answer: oneshot::Sender<Answer>,
    ) -> (u64, Queued) {
        let mut state = self.state();
        // A dispatcher takes out what is late, unless its host polls it no more. Then this caller starts another.
        let stands_still = state.dispatched && state.is_late();
        state.count += 1;
        let number = state.count;
        state.waiting.push_back(Waiting { number, command, repeat, deadline, answer });
        state.earliest = Some(state.earliest.map_or(deadline, |earliest| earliest.earliest(deadline)));
        let queued = if stands_still {
            Queued::Dispatch
        } else if state.dispatched {
            Queued::Wait
        } else if state.has_room(&self.rest) {
            Queued::Turn
        } else {
            state.dispatched = true;
            Queued::Dispatch
        };
        (number, queued)
    }

    /// Takes what leaves at the end of a turn, and says whether a dispatcher has to be started for what stays.
    pub(super) fn depart(self: &Arc<Self>, number: u64) -> (Departure, bool) {
        let mut state = self.state();
        let left = state.waiting.front().is_none_or(|first| first.number > number);
        if state.dispatched || left {
            return (Departure::None, false);
        }
        let departure = if state.has_room(&self.rest) {
            let mut batch = state.take(self.limits);
            match batch.pop() {
                None => Departure::None,
                Some(one) if batch.is_empty() && one.number == number => Departure::Alone(one, self.flight(&mut state)),
                Some(last) => {
                    batch.push(last);
                    Departure::Together(batch, self.flight(&mut state))
                }
            }
        } else {
            Departure::None
        };
        state.dispatched = !state.waiting.is_empty();
        (departure, state.dispatched)
    }

    /// Ends a flight, and takes what its task sends next, if there is room.
    pub(super) fn land(self: &Arc<Self>, flight: Flight) -> Option<(Vec<Waiting>, Flight)> {
        let mut state = self.state();
        state.flights.land(flight.end());
        // Without a dispatcher, what waits are commands of turns that have not ended.
        if state.dispatched && state.has_room(&self.rest) {
            let batch = state.take(self.limits);
            if !batch.is_empty() {
                return Some((batch, self.flight(&mut state)));
            }
        }
        drop(state);
        self.landed.notify_one();
        None
    }

    pub(super) fn next(self: &Arc<Self>) -> Next {
        let mut state = self.state();
        let late = state.take_late();
        let wait = state.flights.wait(self.rest.path());
        let batch = if wait == Some(Duration::ZERO) { state.take(self.limits) } else { Vec::new() };
        let next = if !batch.is_empty() {
            Next::Send(batch, self.flight(&mut state))
        } else if state.waiting.is_empty() {
            state.dispatched = false;
            Next::Stop
        } else {
            let deadline = state.earliest.map_or(Duration::MAX, Deadline::remaining);
            Next::Wait(wait.unwrap_or(Duration::MAX).min(deadline))
        };
        drop(state);
        for one in late {
            let error = one.deadline.passed();
            one.finish(Err(error));
        }
        next
    }

    /// Waits until a request has landed.
    pub(super) async fn landed(&self) {
        self.landed.notified().await;
    }

    /// Ends a flight that brought no more commands along.
    fn ended(&self, flight: u64) {
        self.state().flights.land(flight);
        self.landed.notify_one();
    }

    /// Takes all that waits, when no dispatcher is left.
    pub(super) fn take_all(&self) -> VecDeque<Waiting> {
        let mut state = self.state();
        state.dispatched = false;
        state.earliest = None;
        std::mem::take(&mut state.waiting)
    }

    fn flight(self: &Arc<Self>, state: &mut State) -> Flight {
        Flight { lane: Some(Arc::clone(self)), number: state.flights.depart() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self, rest: &Rest) -> bool {
        self.flights.wait(rest.path()) == Some(Duration::ZERO)
    }

    /// Takes what goes into the next request. A command whose caller is gone is never sent.
    fn take(&mut self, limits: Limits) -> Vec<Waiting> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(next) = self.waiting.front() {
            if next.answer.is_closed() {
                self.waiting.pop_front();
                continue;
            }
            bytes += next.command.len() + 1;
            if !batch.is_empty() && (batch.len() >= limits.commands || bytes > limits.bytes) {
                break;
            }
            batch.extend(self.waiting.pop_front());
        }
        if self.waiting.is_empty() {
            self.earliest = None;
        }
        batch
    }

    fn is_late(&self) -> bool {
        self.earliest.is_some_and(|earliest| earliest.remaining().is_zero())
    }

    /// Takes out the commands whose deadline has passed.
    fn take_late(&mut self) -> Vec<Waiting> {
        if !self.is_late() {
            return Vec::new();
        }
        let open = std::mem::take(&mut self.waiting).into_iter().filter(|one| !one.answer.is_closed());
        let (late, waiting): (Vec<_>, Vec<_>) = open.partition(|one| one.deadline.remaining().is_zero());
        self.earliest = waiting.iter().map(|one| one.deadline).reduce(Deadline::earliest);
        self.waiting = waiting.into();
        late
    }
}

/// Starts a task beside its caller. If there is no runtime, the caller gets it back to run it itself.
pub(super) fn start(task: impl Future<Output = ()> + Send + 'static) -> Option<BoxFuture<'static, ()>> {
    // Boxed, so that every call has not the room of a task in its own future.
    spawn(task).err().map(|here| Box::pin(here) as BoxFuture<'static, ()>)
}

/// A request's place among those of its lane, until it is dropped.
pub(super) struct Flight {
    lane: Option<Arc<Lane>>,
    number: u64,
}

impl Flight {
    pub(super) fn lane(&self) -> Option<&Arc<Lane>> {
        self.lane.as_ref()
    }

    fn end(mut self) -> u64 {
        self.lane = None;
        self.number
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take() {
            lane.ended(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ErrorKind,
        redis::auto_pipeline::{dispatcher::Dispatcher, fake_server::Server},
    };

    #[tokio::test(start_paused = true)]
    async fn a_dispatcher_that_stands_still_is_replaced() {
        let (rest, _server) = Server::start(0);
        let lane = Arc::new(Lane::new(rest, Limits::default()));
        let queue = || {
            let (sender, answer) = oneshot::channel();
            let deadline = Deadline::after(Duration::from_secs(5));
            let (number, queued) = lane.queue(Bytes::from_static(b"[\"GET\",\"k\"]"), Repeat::Safe, deadline, sender);
            (number, queued, answer)
        };
        let mut departed = Vec::new();
        let answer = loop {
            match queue() {
                (number, Queued::Turn, _) => departed.push(lane.depart(number)),
                (_, Queued::Dispatch, answer) => break answer,
                (_, Queued::Wait, _) => panic!("there is no dispatcher"),
            }
            assert!(departed.len() < 10_000, "there is always room");
        };
        // Its dispatcher is never polled.
        assert!(matches!(queue(), (_, Queued::Wait, _)));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(matches!(queue(), (_, Queued::Dispatch, _)));
        tokio::spawn(Dispatcher::new(Arc::clone(&lane)).work());
        let Ok(Answer::Reply(Err(error))) = answer.await else { panic!("it has no answer") };
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }
}
