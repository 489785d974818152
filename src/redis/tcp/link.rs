use super::{
    connect::Connector,
    driver::Driver,
    queue::{Call, Outcome, Queue},
};
use crate::{
    Error, ErrorKind,
    rt::{Deadline, Stopwatch, sleep, spawn, timeout},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// A connection that all commands of a runtime share. They are written as they come and answered in their order, those
/// that come before it is made as well.
pub(super) struct Link {
    queue: Arc<Queue>,
}

impl Link {
    /// Begins to connect, after a wait, and then drives the connection. All of it happens on this runtime.
    pub(super) fn new(connector: Connector, wait: Option<Duration>) -> Result<Self, Error> {
        let queue = Arc::new(Queue::default());
        let closing = Closing(Arc::clone(&queue));
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
            Ok(()) => Ok(Self { queue }),
            Err(_) => Err(Error::new(ErrorKind::Connect, "a connection needs a Tokio runtime")),
        }
    }

    /// Whether commands may be added.
    pub(super) fn is_usable(&self) -> bool {
        let state = self.queue.lock();
        !state.closed && !state.suspect
    }

    /// Whether the server has ever said anything.
    pub(super) fn was_alive(&self) -> bool {
        self.queue.lock().alive
    }

    /// Sends commands that have so many replies.
    pub(super) async fn call(&self, write: impl FnOnce(&mut Vec<u8>), replies: usize, deadline: Deadline) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let connected;
        let driver = {
            let mut state = self.queue.lock();
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
            let mut state = self.queue.lock();
            state.abandoned = true;
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

/// Gives back what is queued if the runtime ends before there is a connection.
struct Closing(Arc<Queue>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close(None);
    }
}
