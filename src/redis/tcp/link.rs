use super::{driver::Driver, frames::Frames};
use crate::{
    Error,
    http::{Deadline, Stopwatch, spawn},
    redis::Reply,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};
use tokio::sync::oneshot;

/// A connection that all commands of a runtime share. They are written as they come and answered in their order.
pub(super) struct Link {
    shared: Arc<Shared>,
}

/// What callers and the driver share.
#[derive(Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    /// Commands that the driver has not taken yet, one behind the other.
    pub(super) bytes: Vec<u8>,
    pub(super) calls: VecDeque<Call>,
    /// No call of `calls` has an earlier deadline.
    pub(super) earliest: Option<Deadline>,
    pub(super) driver: Option<Waker>,
    pub(super) closed: bool,
    /// No command should be added: it is not known whether the server is still there.
    pub(super) suspect: bool,
    /// A reply came once.
    pub(super) alive: bool,
    /// No handle is left: once every caller is answered, the driver ends.
    pub(super) abandoned: bool,
}

/// Commands of one caller.
pub(super) struct Call {
    /// How many bytes they are.
    pub(super) length: usize,
    pub(super) missing: usize,
    pub(super) replies: Vec<Reply>,
    pub(super) deadline: Deadline,
    pub(super) queued: Stopwatch,
    /// Taken when the deadline has passed: the replies still have to be read.
    pub(super) answer: Option<oneshot::Sender<Outcome>>,
}

impl Call {
    /// Whether its caller is answered, or gone.
    pub(super) fn is_over(&self) -> bool {
        self.answer.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

/// How commands ended.
pub(super) enum Outcome {
    Replies(Vec<Reply>),
    /// Not a byte was written.
    NotSent,
    /// They may have been executed.
    Lost(Error),
}

impl Link {
    /// Begins to drive a connection, on this runtime.
    pub(super) fn new(frames: Frames) -> Option<Self> {
        let shared = Arc::new(Shared::default());
        spawn(Driver::new(frames, Arc::clone(&shared)).run()).ok()?;
        Some(Self { shared })
    }

    /// Whether commands may be added.
    pub(super) fn is_usable(&self) -> bool {
        let state = self.shared.lock();
        !state.closed && !state.suspect
    }

    /// Whether the server has ever said anything.
    pub(super) fn was_alive(&self) -> bool {
        self.shared.lock().alive
    }

    /// Sends commands that have so many replies.
    pub(super) async fn call(&self, write: impl FnOnce(&mut Vec<u8>), replies: usize, deadline: Deadline) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let driver = {
            let mut state = self.shared.lock();
            if state.closed {
                return Outcome::NotSent;
            }
            let before = state.bytes.len();
            write(&mut state.bytes);
            let length = state.bytes.len() - before;
            let queued = Stopwatch::start();
            let call = Call { length, missing: replies, replies: Vec::new(), deadline, queued, answer: Some(answer) };
            state.calls.push_back(call);
            state.earliest = Some(state.earliest.map_or(deadline, |earliest| earliest.earliest(deadline)));
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
        // The driver runs on this runtime, and answers in time. It is only gone if the runtime ends.
        outcome.await.unwrap_or_else(|_| {
            Outcome::Lost(Error::new(crate::ErrorKind::Interrupted, "the runtime stopped before the answer was read"))
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let driver = {
            let mut state = self.shared.lock();
            state.abandoned = true;
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
