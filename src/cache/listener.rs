//! The task that hears the changes of other processes, as they happen.

use super::{
    beside::until_first,
    settings::Settings,
    shared::Shared,
    store::{CacheStore, Change, Heard},
};
use crate::rt::{Stopwatch, sleep, spawn};
use std::{
    future::{pending, poll_fn},
    sync::{Arc, Weak},
    time::Duration,
};

/// The first pause before a stream that was lost is opened again, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(10)];

/// Listens to the channel of the store, unless a task of this cache does.
///
/// Hosts that end tasks with the request that began them hear nothing.
pub(super) fn listen<V: Clone + Send + Sync + 'static>(shared: &Arc<Shared<V>>, settings: &Settings<V>) {
    let Some(store) = shared.store.as_ref().filter(|_| settings.channel_ttl.is_some()) else { return };
    if cfg!(target_arch = "wasm32") || shared.channel.is_open() {
        return;
    }
    if let Some(dropped) = shared.channel.begin() {
        // If there is no runtime, the next call tries again.
        let hears = hear_on(Arc::downgrade(shared), Arc::clone(store));
        let _ = spawn(async move { drop(until_first(dropped, hears).await) });
    }
}

/// Listens for as long as it is polled.
async fn hear_on<V: Clone + Send + Sync + 'static>(shared: Weak<Shared<V>>, store: Arc<dyn CacheStore>) {
    let mut pause = PAUSES[0];
    loop {
        let Some(mut changes) = store.changes() else {
            // There is nothing to hear, and no reason to ask again.
            return pending().await;
        };
        {
            let mut open = Open { shared: &shared, is_open: false };
            let since = Stopwatch::start();
            loop {
                match poll_fn(|cx| changes.as_mut().poll_next(cx)).await {
                    Some(Ok(Heard::Open)) => open.begin(),
                    Some(Ok(Heard::Change(change))) => open.hear(&change),
                    Some(Err(error)) => {
                        if pause == PAUSES[0] {
                            tracing::warn!(error = %error.without_key(), "changes of the cache by other processes are not heard");
                        }
                        break;
                    }
                    None => break,
                }
            }
            if since.elapsed() > PAUSES[1] {
                pause = PAUSES[0];
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES[1]);
    }
}

/// A stream of changes. When it ends, memory no longer counts on it.
struct Open<'a, V: Clone + Send + Sync + 'static> {
    shared: &'a Weak<Shared<V>>,
    is_open: bool,
}

impl<V: Clone + Send + Sync + 'static> Open<'_, V> {
    fn begin(&mut self) {
        self.is_open = true;
        if let Some(shared) = self.shared.upgrade() {
            // Values that were read before may have been changed unheard.
            shared.memory.doubt();
            shared.channel.set_open(true);
        }
    }

    fn hear(&self, change: &Change) {
        if let Some(shared) = self.shared.upgrade() {
            shared.hear(change);
        }
    }
}

impl<V: Clone + Send + Sync + 'static> Drop for Open<'_, V> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade().filter(|_| self.is_open) {
            // In this order: values that are kept from now on have the shorter time.
            shared.channel.set_open(false);
            shared.memory.doubt();
        }
    }
}
