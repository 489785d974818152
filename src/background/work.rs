use super::tasks::{Kept, Running, Shared, Waiting, Work};
use crate::rt::{spawn, timeout};
use futures_core::future::BoxFuture;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

type Spawner = Arc<dyn Fn(Work) + Send + Sync>;

/// The work that no request waits for: analytics, the exchange between regions, refunds, permits that are given back,
/// leases, a logout whose client has left, and deferred invalidations.
///
/// It runs on the tokio runtime of the request that caused it. [`with_spawner`](Self::with_spawner) hands it to a
/// runtime of yours (`waitUntil` and its like). If there is neither, as on wasm32, up to 10,000 pieces of work are kept
/// until a [`BackgroundLayer`](super::BackgroundLayer) or [`finished`](Self::finished) does them. Work that fails or does
/// not fit is logged.
///
/// ```
/// # #[cfg(feature = "ratelimit")] {
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
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Background {
    shared: Arc<Shared>,
    spawner: Option<Spawner>,
}

impl Background {
    /// Runs work on the runtime it is caused on.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands all work to `spawn`, which has to run it to its end.
    pub fn with_spawner(spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        Self { spawner: Some(Arc::new(spawn)), ..Self::default() }
    }

    /// Resolves when no work is left, also of that which began in the meantime. Kept work is done by this future itself.
    ///
    /// Work whose host has forgotten it, such as that of a request which ended on Cloudflare Workers, never ends.
    pub async fn finished(&self) {
        self.done_before(u64::MAX).await;
    }

    /// Whether there is work that began so far.
    pub(super) fn is_busy(&self) -> bool {
        self.shared.lock().first().is_some()
    }

    /// Waits for the work that began so far. On wasm32, for that which is kept: another request's may never end.
    pub(super) async fn done_so_far(&self) {
        if cfg!(target_arch = "wasm32") {
            let _waiting = Waiting::new(&self.shared);
            self.do_kept().await;
        } else {
            let next = self.shared.lock().next();
            self.done_before(next).await;
        }
    }

    async fn done_before(&self, number: u64) {
        let _waiting = Waiting::new(&self.shared);
        loop {
            self.do_kept().await;
            // Asked for first: what ends between the question and the wait is not missed.
            let mut ended = std::pin::pin!(self.shared.ended.notified());
            ended.as_mut().enable();
            {
                let tasks = self.shared.lock();
                if tasks.first().is_none_or(|first| first >= number) {
                    return;
                }
                if tasks.has_kept() {
                    continue;
                }
            }
            ended.await;
        }
    }

    async fn do_kept(&self) {
        while let Some(kept) = Kept::take(&self.shared) {
            kept.await;
        }
    }

    /// Waits for `pause`, in which more can be collected. It ends at once when something waits for the work.
    pub(crate) async fn pause(&self, pause: Duration) {
        let mut hurried = std::pin::pin!(self.shared.hurried.notified());
        hurried.as_mut().enable();
        if !self.shared.lock().is_waited_for() {
            let _ = timeout(pause, hurried).await;
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

    /// Runs `work` without a caller that waits for it.
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Err(work) = self.drive(work) {
            self.shared.keep(work);
        }
    }
}

struct Tracked {
    work: Work,
    _running: Running,
}

impl Future for Tracked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.work.as_mut().poll(context)
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.lock().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use tokio::sync::oneshot;

    #[test]
    fn without_a_runtime_work_is_kept_for_the_next_that_waits() {
        let (background, done) = (Background::new(), Arc::new(AtomicU32::new(0)));
        let (sender, gate) = oneshot::channel::<()>();
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
    fn a_waiter_takes_over_from_one_that_gives_up() {
        let background = Background::new();
        let (sender, gate) = oneshot::channel::<()>();
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

    #[test]
    fn work_kept_while_a_waiter_waits_is_done_by_it() {
        let background = Background::new();
        let Err(elsewhere) = background.drive(std::future::pending()) else { panic!("there is no runtime") };
        let mut finished = waiter(background.clone());
        assert!(!finished.poll());
        let done = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&done);
        background.run(async move { flag.store(true, Ordering::SeqCst) });
        assert!(finished.woken());
        assert!(!finished.poll());
        assert!(done.load(Ordering::SeqCst));
        drop(elsewhere);
        assert!(finished.poll());
    }

    #[test]
    fn work_that_panics_is_not_done_again() {
        let background = Background::new();
        background.run(async { panic!("of the work") });
        let panics = std::panic::AssertUnwindSafe(|| background.finished().now_or_never());
        assert!(std::panic::catch_unwind(panics).is_err());
        assert!(background.finished().now_or_never().is_some());
    }

    /// A waiter whose waking can be seen.
    fn waiter(background: Background) -> Waiter {
        let woken = Arc::new(Flag::default());
        Waiter { future: Box::pin(async move { background.finished().await }), woken }
    }

    #[derive(Default)]
    struct Flag(AtomicBool);

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
            let waker = std::task::Waker::from(Arc::clone(&self.woken));
            self.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        }

        fn woken(&self) -> bool {
            self.woken.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn finished_waits_for_work_that_runs_elsewhere() {
        let background = Background::new();
        let (sender, gate) = oneshot::channel::<()>();
        background.run(async move { drop(gate.await) });
        let mut finished = Box::pin(background.finished());
        tokio::task::yield_now().await;
        assert!(finished.as_mut().now_or_never().is_none());
        sender.send(()).unwrap();
        finished.await;
    }

    #[tokio::test]
    async fn a_response_waits_for_the_work_before_it_and_not_for_later_work() {
        let background = Background::new();
        let (sender, gate) = oneshot::channel::<()>();
        background.run(async move { drop(gate.await) });
        let mut first = Box::pin(background.done_so_far());
        assert!(first.as_mut().now_or_never().is_none());
        background.run(std::future::pending());
        sender.send(()).unwrap();
        first.await;
        assert!(background.is_busy());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_when_something_waits() {
        let background = Background::new();
        let begun = tokio::time::Instant::now();
        background.pause(Duration::from_secs(1)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
        for waits_first in [false, true] {
            let begun = tokio::time::Instant::now();
            let paused = background.clone();
            background.run(async move { paused.pause(Duration::from_secs(3_600)).await });
            if !waits_first {
                tokio::task::yield_now().await;
            }
            background.finished().await;
            assert_eq!(begun.elapsed(), Duration::ZERO);
        }
    }

    #[test]
    fn a_spawner_that_drops_its_work_holds_nothing_up() {
        let background = Background::with_spawner(drop);
        background.run(std::future::pending());
        assert!(background.finished().now_or_never().is_some());
    }
}
