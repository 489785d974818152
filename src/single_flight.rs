//! Calls that ask for the same at the same time, and of which one does the work.

use futures_core::future::BoxFuture;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

type Sender<T> = watch::Sender<Option<T>>;
type Receiver<T> = watch::Receiver<Option<T>>;

/// The flights under way, by key.
pub(crate) struct Flights<T>(Mutex<HashMap<Arc<str>, Flight<T>>>);

struct Flight<T> {
    receiver: Receiver<T>,
    /// A number by which its callers tell whether they may follow.
    mark: u64,
}

/// The part of a call in a flight.
pub(crate) enum Role<T> {
    Leader(Leader<T>),
    /// Waits for the leader; `None` if it was dropped, so that another call has to take over.
    Follower(BoxFuture<'static, Option<T>>),
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(crate) fn join(self: &Arc<Self>, key: Arc<str>) -> Role<T> {
        self.join_if(key, 0, |_| true)
    }

    /// Follows the flight under way if its mark is fine, or leads one of this mark.
    pub(crate) fn join_if(self: &Arc<Self>, key: Arc<str>, mark: u64, may_follow: impl FnOnce(u64) -> bool) -> Role<T> {
        let mut flights = self.lock();
        if let Some(flight) = flights.get(&key)
            && may_follow(flight.mark)
        {
            return Role::Follower(landing(flight.receiver.clone()));
        }
        let (sender, receiver) = watch::channel(None);
        // Those who follow the one before still wait for it.
        flights.insert(Arc::clone(&key), Flight { receiver, mark });
        Role::Leader(Leader { flights: Arc::clone(self), key, sender })
    }

    /// Leaves a flight to those who follow it.
    pub(crate) fn detach(&self, key: &str) {
        self.lock().remove(key);
    }

    /// Leaves all flights to those who follow them.
    pub(crate) fn detach_all(&self) {
        self.lock().clear();
    }
}

impl<T> Flights<T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Flight<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.lock().len()
    }
}

fn landing<T: Clone + Send + Sync + 'static>(mut receiver: Receiver<T>) -> BoxFuture<'static, Option<T>> {
    Box::pin(async move {
        // The channel keeps its last value, so that a landing before the first poll is seen as well. It closes without a
        // value if the leader was dropped.
        receiver.wait_for(Option::is_some).await.ok().and_then(|landing| landing.clone())
    })
}

/// The duty to land. Dropped without that, by a client that left or a handler that panicked, it lets the next one lead.
pub(crate) struct Leader<T> {
    flights: Arc<Flights<T>>,
    key: Arc<str>,
    sender: Sender<T>,
}

impl<T: Clone + Send + Sync + 'static> Leader<T> {
    /// Waits for the landing, as a follower does.
    pub(crate) fn follow(&self) -> BoxFuture<'static, Option<T>> {
        landing(self.sender.subscribe())
    }

    /// Gives those who wait this for now. The flight goes on.
    pub(crate) fn land_for_now(&self, landing: T) {
        self.sender.send_replace(Some(landing));
    }

    pub(crate) fn land(self, landing: T) {
        self.sender.send_replace(Some(landing));
    }
}

impl<T> Drop for Leader<T> {
    fn drop(&mut self) {
        // Before the channel closes: a woken follower must not find this flight again.
        let mut flights = self.flights.lock();
        let is_own = |flight: &Flight<T>| flight.receiver.same_channel(&self.sender.subscribe());
        if flights.get(&self.key).is_some_and(is_own) {
            flights.remove(&self.key);
        }
    }
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> fmt::Debug for Flights<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("under_way", &self.lock().len()).finish()
    }
}

impl<T> fmt::Debug for Leader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leader").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(flights: &Arc<Flights<u8>>) -> Role<u8> {
        flights.join("key".into())
    }

    fn leader(role: Role<u8>) -> Leader<u8> {
        match role {
            Role::Leader(leader) => leader,
            Role::Follower(_) => panic!("a follower"),
        }
    }

    fn follower(role: Role<u8>) -> BoxFuture<'static, Option<u8>> {
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
        let own = first.follow();
        first.land(7);
        assert_eq!(flights.len(), 0);
        assert_eq!((second.await, own.await), (Some(7), Some(7)));
    }

    #[tokio::test]
    async fn a_landing_for_now_leaves_the_flight_under_way() {
        let flights = Arc::default();
        let first = leader(join(&flights));
        first.land_for_now(1);
        assert_eq!(follower(join(&flights)).await, Some(1));
        let later = follower(join(&flights));
        first.land(2);
        assert_eq!((later.await, flights.len()), (Some(2), 0));
    }

    #[tokio::test]
    async fn a_flight_that_is_left_ends_beside_the_next_one() {
        let flights = Arc::default();
        let first = leader(join(&flights));
        let follows_first = follower(join(&flights));
        flights.detach("key");
        let second = leader(join(&flights));
        first.land(1);
        assert_eq!((follows_first.await, flights.len()), (Some(1), 1));
        let follows_second = follower(join(&flights));
        let third = leader(flights.join_if("key".into(), 3, |mark| mark > 0));
        second.land(2);
        assert_eq!((follows_second.await, flights.len()), (Some(2), 1));
        drop(third);
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn a_dropped_leader_lets_one_other_lead() {
        let flights = Arc::default();
        let first = leader(join(&flights));
        let waiting = [follower(join(&flights)), follower(join(&flights))];
        drop(first);
        for follower in waiting {
            assert_eq!(follower.await, None);
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
        assert_eq!(second.await, None);
    }
}
