use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// The queue of requests that may not pass yet.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) max_wait: Duration,
    max_requests: usize,
    waiting: Arc<AtomicUsize>,
}

/// A place in the queue, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Queue {
    pub(super) fn new(max_wait: Duration, max_requests: usize) -> Self {
        Self { max_wait, max_requests, waiting: Arc::default() }
    }

    pub(super) fn enter(&self) -> Option<Place> {
        let more = |waiting: usize| (waiting < self.max_requests).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Place(Arc::clone(&self.waiting)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
