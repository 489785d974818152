use super::{connect::Connector, driver::Driver};
use crate::{
    Error, ErrorKind,
    redis::Reply,
    rt::{Deadline, Stopwatch, sleep, spawn, timeout},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};
use tokio::sync::oneshot;

/// A connection that all commands of a runtime share. They are written as they come and answered in their order, those
/// that come before it is made as well.
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
    pub(super) connected: bool,
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

impl State {
    /// Takes out the commands whose callers have given up before there was a connection.
    pub(super) fn forget_callers_that_left(&mut self) {
        if !self.calls.iter().any(Call::is_over) {
            return;
        }
        let (all, mut at) = (std::mem::take(&mut self.bytes), 0);
        let bytes = &mut self.bytes;
        self.calls.retain(|call| {
            let own = &all[at..at + call.length];
            at += call.length;
            let stays = !call.is_over();
            if stays {
                bytes.extend_from_slice(own);
            }
            stays
        });
    }
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
    /// Not a byte was written, for the reason that no connection could be made, if that is why.
    NotSent(Option<Error>),
    /// They may have been executed.
    Lost(Error),
}

impl Link {
    /// Begins to connect, after a wait, and then drives the connection. All of it happens on this runtime.
    pub(super) fn new(connector: Connector, wait: Option<Duration>) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let closing = Closing(Arc::clone(&shared));
        let driven = spawn(async move {
            if let Some(wait) = wait {
                sleep(wait).await;
            }
            match connector.connect().await {
                Ok(frames) => Driver::new(frames, Arc::clone(&closing.0)).run().await,
                Err(error) => closing.0.close(Some(&error)),
            }
        });
        match driven {
            Ok(()) => Ok(Self { shared }),
            Err(_) => Err(Error::new(ErrorKind::Connect, "a connection needs a Tokio runtime")),
        }
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
        let connected;
        let driver = {
            let mut state = self.shared.lock();
            if state.closed {
                return Outcome::NotSent(None);
            }
            connected = state.connected;
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
        let outcome = if connected {
            // The driver runs on this runtime, and answers in time.
            outcome.await
        } else {
            match timeout(deadline.remaining(), outcome).await {
                Ok(outcome) => outcome,
                Err(_) => return Outcome::Lost(deadline.passed()),
            }
        };
        // The driver is gone only if the runtime ended.
        outcome.unwrap_or_else(|_| {
            Outcome::Lost(Error::new(ErrorKind::Interrupted, "the runtime stopped before the answer was read"))
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

/// Gives back what is queued if the runtime ends before there is a connection.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close(None);
    }
}

impl Shared {
    /// Takes no more commands, and gives back those that are queued.
    pub(super) fn close(&self, error: Option<&Error>) {
        let queued = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.calls)
        };
        for call in queued {
            if let Some(answer) = call.answer {
                let _ = answer.send(Outcome::NotSent(error.cloned()));
            }
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
