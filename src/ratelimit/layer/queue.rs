use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Where requests wait that may not pass yet.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) longest: Duration,
    most: usize,
    waiting: Arc<AtomicUsize>,
}

/// A place in the queue.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Queue {
    pub(super) fn new(longest: Duration, most: usize) -> Self {
        Self { longest, most, waiting: Arc::default() }
    }

    pub(super) fn enter(&self) -> Option<Place> {
        let more = |waiting: usize| (waiting < self.most).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Place(Arc::clone(&self.waiting)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
