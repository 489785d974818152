use crate::rt::spawn;
use futures_core::future::BoxFuture;
use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker, ready},
};

type Work = BoxFuture<'static, ()>;
type Spawner = Arc<dyn Fn(Work) + Send + Sync>;

/// The work that no request waits for: analytics, the exchange between regions, refunds, permits that are given back,
/// leases, a logout whose client has left, and deferred invalidations.
///
/// It runs on the tokio runtime of the request that caused it. [`with_spawner`](Self::with_spawner) hands it to a
/// runtime of yours (`waitUntil` and its like). If there is neither, as on wasm32, the work is kept until a
/// [`BackgroundLayer`](super::BackgroundLayer) or [`finished`](Self::finished) does it. Nothing is dropped silently: work
/// that fails or does not fit is logged.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::FixedWindow};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let limiter = upstash.ratelimit(FixedWindow::new(10, Duration::from_secs(60)));
/// assert!(limiter.limit("user:7").await?.allowed);
/// upstash.background().finished().await; // before the process ends
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Background {
    shared: Arc<Shared>,
    spawner: Option<Spawner>,
}

#[derive(Default)]
struct Shared(Mutex<Tasks>);

#[derive(Default)]
struct Tasks {
    /// Running somewhere.
    running: usize,
    /// Kept, for want of a runtime.
    kept: VecDeque<Work>,
    waiting: Vec<Waker>,
}

/// Limit of kept work when there is no runtime and no call of `finished`.
const MOST_KEPT: usize = 10_000;

impl Background {
    /// Runs work on the runtime it is caused on.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands all work to `spawn`, which has to run it to its end.
    pub fn with_spawner(spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        Self { spawner: Some(Arc::new(spawn)), ..Self::default() }
    }

    /// Resolves when all work that there is has been done, kept work by this future itself.
    pub async fn finished(&self) {
        loop {
            self.do_kept().await;
            let all = poll_fn(|context| {
                let mut tasks = self.shared.lock();
                if tasks.running == 0 || !tasks.kept.is_empty() {
                    return Poll::Ready(tasks.kept.is_empty());
                }
                if !tasks.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                    tasks.waiting.push(context.waker().clone());
                }
                Poll::Pending
            });
            if all.await {
                return;
            }
        }
    }

    /// Spawns `work`. Gives it back if there is no runtime.
    pub(crate) fn drive(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<(), BoxFuture<'static, ()>> {
        let work: Work = Box::pin(Tracked { work: Box::pin(work), _running: Running::begin(&self.shared) });
        match &self.spawner {
            Some(spawner) => {
                spawner(work);
                Ok(())
            }
            // There the host ends tasks with the request that began them.
            None if cfg!(target_arch = "wasm32") => Err(work),
            None => spawn(work),
        }
    }

    /// Does the work that is kept, and waits for no other.
    pub(super) async fn do_kept(&self) {
        while let Some(kept) = Kept::take(&self.shared) {
            kept.await;
        }
    }

    /// Runs `work` without a caller that waits for it.
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Err(work) = self.drive(work) {
            let mut tasks = self.shared.lock();
            if tasks.kept.len() < MOST_KEPT {
                tasks.kept.push_back(work);
            } else {
                drop(tasks);
                tracing::warn!(
                    "background work is lost, because nothing does it: add a BackgroundLayer, or await Background::finished"
                );
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Tasks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as running until it is dropped, even if the runtime drops it.
struct Running(Arc<Shared>);

impl Running {
    fn begin(shared: &Arc<Shared>) -> Self {
        shared.lock().running += 1;
        Self(Arc::clone(shared))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut tasks = self.0.lock();
        tasks.running -= 1;
        let waiting = std::mem::take(&mut tasks.waiting);
        drop(tasks);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// Kept work that is being done here. If this is dropped before the end, the work goes back into its place.
struct Kept {
    work: Option<Work>,
    shared: Arc<Shared>,
}

impl Kept {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let work = shared.lock().kept.pop_front()?;
        Some(Self { work: Some(work), shared: Arc::clone(shared) })
    }
}

impl Future for Kept {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<()> {
        let Some(work) = &mut self.work else { return Poll::Ready(()) };
        ready!(work.as_mut().poll(context));
        self.work = None;
        Poll::Ready(())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            let mut tasks = self.shared.lock();
            tasks.kept.push_front(work);
            // Another one who waits can take it over.
            let waiting = std::mem::take(&mut tasks.waiting);
            drop(tasks);
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

struct Tracked {
    work: Work,
    _running: Running,
}

impl Future for Tracked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<()> {
        self.work.as_mut().poll(context)
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks = self.shared.lock();
        f.debug_struct("Background").field("running", &tasks.running).field("kept", &tasks.kept.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn without_a_runtime_work_is_kept_for_whoever_waits() {
        let (background, done) = (Background::new(), Arc::new(AtomicU32::new(0)));
        let (sender, gate) = tokio::sync::oneshot::channel::<()>();
        let counter = Arc::clone(&done);
        background.run(async move {
            let _ = gate.await;
            counter.fetch_add(1, Ordering::SeqCst);
        });
        // A waiter that gives up loses nothing.
        assert!(background.finished().now_or_never().is_none());
        sender.send(()).unwrap();
        assert!(background.finished().now_or_never().is_some());
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn who_waits_takes_over_from_who_gives_up() {
        let background = Background::new();
        let (sender, gate) = tokio::sync::oneshot::channel::<()>();
        background.run(async move { drop(gate.await) });
        let mut first = Box::pin(background.finished());
        let mut second = waiter(background.clone());
        assert!(first.as_mut().now_or_never().is_none());
        assert!(!second.poll());
        drop(first);
        assert!(second.woken(), "it has to look again");
        sender.send(()).unwrap();
        assert!(second.poll());
    }

    /// A waiter whose waking can be seen.
    fn waiter(background: Background) -> Waiter {
        let woken = Arc::new(Flag::default());
        Waiter { future: Box::pin(async move { background.finished().await }), woken }
    }

    #[derive(Default)]
    struct Flag(std::sync::atomic::AtomicBool);

    impl std::task::Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    struct Waiter {
        future: Work,
        woken: Arc<Flag>,
    }

    impl Waiter {
        fn poll(&mut self) -> bool {
            let waker = Waker::from(Arc::clone(&self.woken));
            self.future.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_ready()
        }

        fn woken(&self) -> bool {
            self.woken.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn waits_for_what_runs_elsewhere() {
        let background = Background::new();
        let (sender, gate) = tokio::sync::oneshot::channel::<()>();
        background.run(async move { drop(gate.await) });
        let mut finished = Box::pin(background.finished());
        tokio::task::yield_now().await;
        assert!(finished.as_mut().now_or_never().is_none());
        sender.send(()).unwrap();
        finished.await;
    }

    #[test]
    fn a_spawner_that_drops_its_work_does_not_hold_anybody_up() {
        let background = Background::with_spawner(drop);
        background.run(std::future::pending());
        assert!(background.finished().now_or_never().is_some());
    }
}
