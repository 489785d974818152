//! What a cache knows of the channel on which processes tell each other of changes.

use super::store::Change;
use crate::rt::random_id;
use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::sync::oneshot;

/// Changes of this process that are known at a time.
const MAX_OWN: usize = 10_000;

/// What a cache knows of its channel.
pub(super) struct Channel {
    /// The name of this process among others.
    name: Box<str>,
    /// Each change is heard.
    is_open: AtomicBool,
    /// Ends the task that listens, when the cache is dropped.
    listens: Mutex<Option<oneshot::Sender<Infallible>>>,
    /// The changes of this process so far.
    count: AtomicU64,
    /// Those that have not been heard, or have not ended.
    own: Mutex<HashMap<Box<str>, Own>>,
}

/// A change of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    UnderWay,
    /// It was heard before its call has ended.
    Heard,
    /// Its call has ended well, and it was not heard yet.
    Done,
}

impl Channel {
    pub(super) fn new() -> Self {
        // Without a name each process would hear itself as well, which costs it a lookup.
        let name = random_id::<16>().unwrap_or_default().into();
        Self {
            name,
            is_open: AtomicBool::new(false),
            listens: Mutex::default(),
            count: AtomicU64::new(0),
            own: Mutex::default(),
        }
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

    /// Begins a change by this process.
    pub(super) fn begin_change(&self, names: &[&str], tags: &[Box<str>]) -> Change {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let mut change = Change::new(format!("{}:{number}", self.name));
        change.names = names.iter().map(|name| (*name).into()).collect();
        change.tags = tags.to_vec();
        if self.is_open() && !self.name.is_empty() {
            let mut own = self.own();
            if own.len() >= MAX_OWN {
                // They are heard as those of another process, which costs a lookup.
                own.clear();
            }
            own.insert(change.by.clone(), Own::UnderWay);
        }
        change
    }

    /// Ends a change by this process, and returns whether it was heard before.
    pub(super) fn end_change(&self, change: &Change, is_done: bool) -> bool {
        let mut own = self.own();
        match own.remove(&change.by) {
            Some(Own::Heard) => true,
            Some(Own::UnderWay) if is_done => {
                own.insert(change.by.clone(), Own::Done);
                false
            }
            _ => false,
        }
    }

    /// Whether a change that is heard is one of this process, whose call sees to it.
    pub(super) fn is_known(&self, change: &Change) -> bool {
        let mut own = self.own();
        match own.remove(&change.by) {
            Some(Own::Done) => true,
            Some(Own::UnderWay | Own::Heard) => {
                own.insert(change.by.clone(), Own::Heard);
                true
            }
            None => false,
        }
    }

    fn own(&self) -> MutexGuard<'_, HashMap<Box<str>, Own>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("is_open", &self.is_open()).finish_non_exhaustive()
    }
}
