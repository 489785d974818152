//! What a cache knows of the channel on which processes tell each other of changes.

use super::store::Change;
use crate::rt::random_id;
use std::{
    convert::Infallible,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::oneshot;

/// What a cache knows of its channel.
pub(super) struct Channel {
    /// The name of this process among others.
    name: Box<str>,
    /// Each change is heard.
    is_open: AtomicBool,
    /// Ends the task that listens, when the cache is dropped.
    listens: Mutex<Option<oneshot::Sender<Infallible>>>,
}

impl Channel {
    pub(super) fn new() -> Self {
        // Without a name each process would hear itself as well, which costs it a lookup.
        let name = random_id::<16>().unwrap_or_default().into();
        Self { name, is_open: AtomicBool::new(false), listens: Mutex::default() }
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    pub(super) fn set_open(&self, is_open: bool) {
        self.is_open.store(is_open, Ordering::Release);
    }

    /// The duty to listen, if no task has it. It ends when the channel is dropped.
    pub(super) fn begin(&self) -> Option<oneshot::Receiver<Infallible>> {
        let mut listens = self.listens.lock().unwrap_or_else(PoisonError::into_inner);
        if listens.as_ref().is_some_and(|task| !task.is_closed()) {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        *listens = Some(sender);
        Some(receiver)
    }

    pub(super) fn is_own(&self, change: &Change) -> bool {
        !self.name.is_empty() && change.by == self.name
    }

    /// A change by this process.
    pub(super) fn change(&self, names: &[&str], tags: &[Box<str>]) -> Change {
        let mut change = Change::new(self.name.clone());
        change.names = names.iter().map(|name| (*name).into()).collect();
        change.tags = tags.to_vec();
        change
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("is_open", &self.is_open()).finish_non_exhaustive()
    }
}
