use super::{connect::Connector, link::Link};
use crate::{Error, client::RetryPolicy, rt::RuntimeId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connection to a server: one for each runtime, which drives it.
pub(super) struct Pool {
    connector: Connector,
    retry: RetryPolicy,
    slots: Mutex<Vec<(RuntimeId, Slot)>>,
}

/// The connection of one runtime.
#[derive(Default)]
struct Slot {
    link: Option<Arc<Link>>,
    /// Connections in a row that led to no reply. The next one waits.
    failures: u32,
}

impl Pool {
    pub(super) fn new(connector: Connector, retry: RetryPolicy) -> Self {
        Self { connector, retry, slots: Mutex::default() }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// The connection, or a new one if that is lost or suspect. All callers share the attempt to make it.
    pub(super) fn link(&self) -> Result<Arc<Link>, Error> {
        let here = RuntimeId::current();
        let mut slots = self.slots();
        if !slots.iter().any(|(runtime, _)| *runtime == here) {
            // Connections end with their runtimes, which come and go in tests.
            slots.retain_mut(|(_, slot)| slot.usable().is_some());
            slots.push((here, Slot::default()));
        }
        let Some((_, slot)) = slots.iter_mut().find(|(runtime, _)| *runtime == here) else {
            return Link::new(self.connector.clone(), None).map(Arc::new);
        };
        if let Some(link) = slot.usable() {
            return Ok(link);
        }
        let wait = slot.failures.checked_sub(1).map(|failures| self.retry.backoff(failures));
        let link = Arc::new(Link::new(self.connector.clone(), wait)?);
        slot.link = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Takes a connection out of use, such as one to a server that has become a replica.
    pub(super) fn leave(&self, link: &Arc<Link>) {
        for (_, slot) in self.slots().iter_mut() {
            if slot.link.as_ref().is_some_and(|current| Arc::ptr_eq(current, link)) {
                slot.link = None;
                slot.failures += 1;
            }
        }
    }

    fn slots(&self) -> MutexGuard<'_, Vec<(RuntimeId, Slot)>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn usable(&mut self) -> Option<Arc<Link>> {
        let link = self.link.as_ref()?;
        let was_alive = link.was_alive();
        if was_alive {
            self.failures = 0;
        }
        if link.is_usable() {
            return Some(Arc::clone(link));
        }
        // A server that accepts connections and drops them is as good as one that is not there.
        if !was_alive {
            self.failures = self.failures.saturating_add(1);
        }
        self.link = None;
        None
    }
}
