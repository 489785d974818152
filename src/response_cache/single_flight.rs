//! Requests that ask for the same at the same time, and of which one goes to the handler.

use super::{in_progress::Since, stored_response::StoredResponse, vary::VarySpec};
use futures_core::future::BoxFuture;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// The leader's response, for followers to judge.
#[derive(Debug, Clone)]
pub(super) struct SharedResponse {
    pub(super) response: Arc<StoredResponse>,
    /// Whether the resource has changed since the handler began.
    pub(super) since: Since,
    /// The key under which it was stored, and the fields that chose its variant.
    pub(super) key: Arc<str>,
    pub(super) spec: Option<Arc<VarySpec>>,
}

/// How a flight ended, as a follower sees it.
#[derive(Debug, Clone)]
pub(super) enum FlightOutcome {
    Shared(SharedResponse),
    /// The response is not for others.
    Unshared,
    /// There is no response, or none that is up to date; another request must take over.
    Abandoned,
    /// There was none within the time that a request waits.
    Late,
}

type Sender = watch::Sender<Option<FlightOutcome>>;
type Receiver = watch::Receiver<Option<FlightOutcome>>;

/// The flights under way, by key.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Arc<str>, Receiver>>);

pub(super) enum Role {
    Leader(Leader),
    Follower(BoxFuture<'static, FlightOutcome>),
}

impl Flights {
    pub(super) fn join(self: &Arc<Self>, key: Arc<str>) -> Role {
        match self.lock().entry(key) {
            Entry::Occupied(flight) => {
                let mut receiver = flight.get().clone();
                Role::Follower(Box::pin(async move {
                    // The channel keeps its last value, so that a landing before the first poll is seen as well. It
                    // closes without a value if the leader was dropped.
                    match receiver.wait_for(Option::is_some).await {
                        Ok(landing) => landing.clone().unwrap_or(FlightOutcome::Abandoned),
                        Err(_) => FlightOutcome::Abandoned,
                    }
                }))
            }
            Entry::Vacant(place) => {
                let (sender, receiver) = watch::channel(None);
                let key = Arc::clone(place.key());
                place.insert(receiver);
                Role::Leader(Leader { flights: Arc::clone(self), key, sender })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Receiver>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.lock().len()
    }
}

/// The duty to land. Dropped without that, by a client that left or a handler that panicked, it lets the next one lead.
#[derive(Debug)]
pub(super) struct Leader {
    flights: Arc<Flights>,
    key: Arc<str>,
    sender: Sender,
}

impl Leader {
    pub(super) fn land(self, landing: FlightOutcome) {
        self.sender.send_replace(Some(landing));
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        // Before the channel closes: a woken follower must not find this flight again.
        self.flights.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(flights: &Arc<Flights>) -> Role {
        flights.join("key".into())
    }

    fn leader(role: Role) -> Leader {
        match role {
            Role::Leader(leader) => leader,
            Role::Follower(_) => panic!("a follower"),
        }
    }

    fn follower(role: Role) -> BoxFuture<'static, FlightOutcome> {
        match role {
            Role::Leader(_) => panic!("a leader"),
            Role::Follower(future) => future,
        }
    }

    #[tokio::test]
    async fn a_landing_is_seen_however_late_one_looks() {
        let flights = Arc::default();
        let first = leader(join(&flights));
        let second = follower(join(&flights));
        first.land(FlightOutcome::Unshared);
        assert_eq!(flights.len(), 0);
        assert!(matches!(second.await, FlightOutcome::Unshared));
    }

    #[tokio::test]
    async fn a_dropped_leader_lets_one_other_lead() {
        let flights = Arc::default();
        let first = leader(join(&flights));
        let waiting = [follower(join(&flights)), follower(join(&flights))];
        drop(first);
        for follower in waiting {
            assert!(matches!(follower.await, FlightOutcome::Abandoned));
        }
        let next = leader(join(&flights));
        let _follows = follower(join(&flights));
        drop(next);
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn a_panic_in_a_leader_lets_others_go_on() {
        let flights = Arc::default();
        let first = leader(join(&flights));
        let second = follower(join(&flights));
        let task = tokio::spawn(async move {
            let _leader = first;
            panic!("handler");
        });
        assert!(task.await.is_err());
        assert!(matches!(second.await, FlightOutcome::Abandoned));
    }
}
