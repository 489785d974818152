use super::{connect::Connector, link::Link};
use crate::{
    Error, ErrorKind,
    http::{RetryPolicy, RuntimeId, sleep, spawn},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The connection to a server: one for each runtime, which drives it.
pub(super) struct Pool {
    connector: Connector,
    retry: RetryPolicy,
    slots: Mutex<Vec<(RuntimeId, Arc<Slot>)>>,
}

/// The connection of one runtime.
#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    /// An attempt to connect ended.
    attempted: Notify,
}

#[derive(Default)]
struct State {
    link: Option<Arc<Link>>,
    /// An attempt is under way. All that need a connection wait for it.
    attempting: bool,
    attempts: u64,
    error: Option<Error>,
    /// Attempts in a row that led to no answer. The next one waits.
    failures: u32,
}

impl Pool {
    pub(super) fn new(connector: Connector, retry: RetryPolicy) -> Self {
        Self { connector, retry, slots: Mutex::default() }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// The connection, or a new one if that is lost or suspect.
    pub(super) async fn link(&self) -> Result<Arc<Link>, Error> {
        let slot = self.slot();
        loop {
            let (attempts, begin, attempted) = {
                let mut state = slot.lock();
                if let Some(link) = state.usable() {
                    return Ok(link);
                }
                let begin = !std::mem::replace(&mut state.attempting, true);
                (state.attempts, begin.then_some(state.failures), slot.attempted.notified())
            };
            if let Some(failures) = begin {
                let wait = failures.checked_sub(1).map(|failures| self.retry.backoff(failures));
                let attempt = Attempt { slot: Arc::clone(&slot), connector: self.connector.clone() };
                // It goes on if this caller gives up: others wait for it as well.
                let begun = spawn(async move {
                    if let Some(wait) = wait {
                        sleep(wait).await;
                    }
                    attempt.make().await;
                });
                if begun.is_err() {
                    return Err(Error::new(ErrorKind::Connect, "a connection needs a Tokio runtime"));
                }
            }
            attempted.await;
            let mut state = slot.lock();
            if let Some(link) = state.usable() {
                return Ok(link);
            }
            if state.attempts != attempts
                && let Some(error) = &state.error
            {
                return Err(error.clone());
            }
        }
    }

    /// Takes a connection out of use, such as one to a server that has become a replica.
    pub(super) fn leave(&self, link: &Arc<Link>) {
        let slot = self.slot();
        let mut state = slot.lock();
        if state.link.as_ref().is_some_and(|current| Arc::ptr_eq(current, link)) {
            state.link = None;
            state.failures += 1;
        }
    }

    fn slot(&self) -> Arc<Slot> {
        let here = RuntimeId::current();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, slot)) = slots.iter().find(|(runtime, _)| *runtime == here) {
            return Arc::clone(slot);
        }
        // Connections end with their runtimes, which come and go in tests.
        slots.retain(|(_, slot)| slot.lock().usable().is_some());
        let slot = Arc::new(Slot::default());
        slots.push((here, Arc::clone(&slot)));
        slot
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn usable(&mut self) -> Option<Arc<Link>> {
        let link = self.link.as_ref()?;
        if link.was_alive() {
            self.failures = 0;
        }
        if link.is_usable() {
            return Some(Arc::clone(link));
        }
        // A server that accepts connections and drops them is as good as one that is not there.
        if !link.was_alive() {
            self.failures = self.failures.saturating_add(1);
        }
        self.link = None;
        None
    }
}

struct Attempt {
    slot: Arc<Slot>,
    connector: Connector,
}

impl Attempt {
    async fn make(self) {
        let connected = self.connector.connect().await.and_then(|frames| {
            let link = Link::new(frames);
            link.ok_or_else(|| Error::new(ErrorKind::Connect, "a connection needs a Tokio runtime"))
        });
        {
            let mut state = self.slot.lock();
            state.attempts += 1;
            match connected {
                Ok(link) => (state.link, state.error) = (Some(Arc::new(link)), None),
                Err(error) => {
                    state.failures = state.failures.saturating_add(1);
                    state.error = Some(error);
                }
            }
        }
        // `attempting` ends with it.
        drop(self);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.slot.lock().attempting = false;
        self.slot.attempted.notify_waiters();
    }
}
