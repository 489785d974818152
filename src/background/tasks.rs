//! The books of background work: which has not ended, which is kept, and who is told.

use futures_core::future::BoxFuture;
use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};
use tokio::sync::Notify;

pub(super) type Work = BoxFuture<'static, ()>;

/// Limit of kept work when there is no runtime and no call of `finished`.
const MOST_KEPT: usize = 10_000;
/// So much kept work says that nothing does it.
const MANY_KEPT: usize = 100;

#[derive(Default)]
pub(super) struct Shared {
    tasks: Mutex<Tasks>,
    /// The oldest work has ended, or work is kept.
    pub(super) ended: Notify,
    /// Something waits for the work.
    pub(super) hurried: Notify,
}

#[derive(Default)]
pub(super) struct Tasks {
    /// The number of the next piece of work.
    next: u64,
    /// The numbers of those that have not ended, wherever they run, and of those that are kept.
    open: BTreeSet<u64>,
    /// Kept, for want of a runtime.
    kept: VecDeque<Work>,
    lost: u64,
    waiting: usize,
    is_many_told: bool,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps work that there is no runtime for.
    pub(super) fn keep(&self, work: Work) {
        let mut tasks = self.lock();
        if tasks.kept.len() >= MOST_KEPT {
            tasks.lost += 1;
            let lost = tasks.lost;
            // Its number is given back under the lock.
            drop(tasks);
            drop(work);
            if lost.is_power_of_two() {
                tracing::warn!(lost, "background work is lost, because nothing does it: {}", REMEDY);
            }
            return;
        }
        tasks.kept.push_back(work);
        let is_many = tasks.kept.len() >= MANY_KEPT && !std::mem::replace(&mut tasks.is_many_told, true);
        drop(tasks);
        self.ended.notify_waiters();
        if is_many {
            tracing::warn!("background work is kept, because nothing does it: {}", REMEDY);
        }
    }
}

const REMEDY: &str = "add a BackgroundLayer, or await Background::finished";

impl Tasks {
    /// The number of the oldest work that has not ended.
    pub(super) fn first(&self) -> Option<u64> {
        self.open.first().copied()
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn has_kept(&self) -> bool {
        !self.kept.is_empty()
    }

    pub(super) fn is_waited_for(&self) -> bool {
        self.waiting > 0
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").field("open", &self.open.len()).field("kept", &self.kept.len()).finish()
    }
}

/// Counts as open until it is dropped, even if the runtime drops it.
pub(super) struct Running {
    number: u64,
    shared: Arc<Shared>,
}

impl Running {
    pub(super) fn begin(shared: &Arc<Shared>) -> Self {
        let mut tasks = shared.lock();
        let number = tasks.next;
        tasks.next += 1;
        tasks.open.insert(number);
        drop(tasks);
        Self { number, shared: Arc::clone(shared) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut tasks = self.shared.lock();
        let was_first = tasks.first() == Some(self.number);
        tasks.open.remove(&self.number);
        drop(tasks);
        // The wait is for all up to a number: the end of a later one changes nothing.
        if was_first {
            self.shared.ended.notify_waiters();
        }
    }
}

/// A wait for work, from which the work knows not to pause.
pub(super) struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        shared.lock().waiting += 1;
        shared.hurried.notify_waiters();
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

/// Kept work that is being done here. If this is dropped before the end, the work goes back into its place.
///
/// On wasm32 only work that has not begun goes back: begun work belongs to its request, whose promises may never resolve
/// in another.
pub(super) struct Kept {
    work: Option<Work>,
    is_begun: bool,
    shared: Arc<Shared>,
}

impl Kept {
    pub(super) fn take(shared: &Arc<Shared>) -> Option<Self> {
        let work = shared.lock().kept.pop_front()?;
        Some(Self { work: Some(work), is_begun: false, shared: Arc::clone(shared) })
    }
}

impl Future for Kept {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.is_begun = true;
        // Taken out: work that panics is not polled again.
        let Some(mut work) = self.work.take() else { return Poll::Ready(()) };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else { return };
        if cfg!(target_arch = "wasm32") && self.is_begun {
            drop(work);
            tracing::warn!("background work is lost with the request that did it");
            return;
        }
        self.shared.lock().kept.push_front(work);
        // Another waiter can take it over.
        self.shared.ended.notify_waiters();
    }
}
