use super::slots::{Lease, LeasedSlots};
use crate::{
    Error, ErrorKind,
    rt::{spawn, timeout},
};
use std::{
    fmt,
    sync::{Arc, Weak},
};
use tokio::sync::oneshot;

/// Room for one, until it is dropped.
///
/// ```
/// use axum_upstash::ratelimit::ConcurrencyLimiter;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let exports = ConcurrencyLimiter::memory(1);
/// let permit = exports.acquire("user:7").await?.expect("the first one is free");
/// assert!(exports.acquire("user:7").await?.is_none());
/// permit.release().await?;
/// assert!(exports.acquire("user:7").await?.is_some());
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a permit gives it back"]
pub struct Permit {
    held: Arc<Held>,
    state: State,
    /// Ends with the permit, and ends its renewal.
    renewal: Option<oneshot::Sender<()>>,
}

struct Held {
    slots: LeasedSlots,
    key: String,
    id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Being asked for: whether it was taken is not known.
    Asked,
    Held,
    Free,
}

impl Permit {
    pub(super) fn new(slots: LeasedSlots, key: String, id: String) -> Self {
        Self { held: Arc::new(Held { slots, key, id }), state: State::Asked, renewal: None }
    }

    pub(super) fn lease(&self) -> Lease<'_> {
        self.held.slots.lease(&self.held.key, &self.held.id)
    }

    /// It was taken: from now on it is renewed.
    pub(super) fn hold(&mut self) {
        self.state = State::Held;
        if self.held.slots.expire() {
            let (renewal, ended) = oneshot::channel();
            self.renewal = Some(renewal);
            // Without a runtime it lasts for one lease, or until it is renewed by hand.
            let _ = spawn(renew_while_held(Arc::downgrade(&self.held), ended));
        }
    }

    /// It was not taken.
    pub(super) fn forget(&mut self) {
        self.state = State::Free;
    }

    /// Extends the permit by another lease. On a tokio runtime this happens by itself.
    ///
    /// # Errors
    /// If Redis fails. [`ErrorKind::NotFound`] if the lease had ended, so that another request may hold the place.
    pub async fn renew(&self) -> Result<(), Error> {
        let gone = || Error::new(ErrorKind::NotFound, "the lease has ended while its permit was held");
        if self.held.renew().await? { Ok(()) } else { Err(gone()) }
    }

    /// Gives it back, and waits until that is done.
    ///
    /// # Errors
    /// If Redis fails. Then the lease ends by itself.
    pub async fn release(mut self) -> Result<(), Error> {
        let held = Arc::clone(&self.held);
        // A future that is dropped here gives it back in the background.
        held.slots.release(&held.key, &held.id).await?;
        self.state = State::Free;
        Ok(())
    }
}

impl Held {
    async fn renew(&self) -> Result<bool, Error> {
        self.slots.renew(self.slots.lease(&self.key, &self.id)).await
    }
}

async fn renew_while_held(held: Weak<Held>, mut ended: oneshot::Receiver<()>) {
    loop {
        let Some(interval) = held.upgrade().map(|held| held.slots.lease / 3) else { return };
        if timeout(interval, &mut ended).await.is_ok() {
            return;
        }
        let Some(held) = held.upgrade() else { return };
        match held.renew().await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!("a lease ended while its permit was held: was the clock set, or the store away?");
                return;
            }
            Err(error) => {
                let error = error.without_key();
                tracing::debug!(%error, "a lease could not be renewed yet");
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let held = Arc::clone(&self.held);
        match (self.state, held.slots.expire()) {
            (State::Free, _) | (State::Asked, false) => {}
            (State::Held, false) => held.slots.release_now(&held.key),
            (_, true) => {
                let background = held.slots.background.clone();
                background.run(async move {
                    if let Err(error) = held.slots.release(&held.key, &held.id).await {
                        let error = error.without_key();
                        tracing::debug!(%error, "a permit could not be given back; its lease ends by itself");
                    }
                });
            }
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("state", &self.state).finish_non_exhaustive()
    }
}
