//! Runs two requests in every order in which their calls of the store can follow each other.

use axum_upstash::{
    Error,
    session::{
        SessionKey,
        store::{Commit, CommitOutcome, Confirm, Load, Loaded, Record, SessionSelector, SessionStore, SessionsOf},
    },
};
use futures_core::future::BoxFuture;
use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::sync::{Notify, Semaphore};

/// A store whose calls wait before and after they are made, until they are let.
#[derive(Clone)]
pub struct Stepped {
    inner: Arc<dyn SessionStore>,
    gate: Arc<Gate>,
}

struct Gate {
    open: AtomicBool,
    permits: Semaphore,
    arrived: AtomicUsize,
    calls: AtomicUsize,
    news: Notify,
}

impl Gate {
    fn new() -> Self {
        Self {
            open: AtomicBool::new(false),
            permits: Semaphore::new(0),
            arrived: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            news: Notify::new(),
        }
    }

    async fn pass(&self) {
        if self.open.load(Ordering::SeqCst) {
            return;
        }
        self.arrived.fetch_add(1, Ordering::SeqCst);
        self.news.notify_one();
        self.permits.acquire().await.unwrap().forget();
    }
}

impl Stepped {
    pub fn new(inner: Arc<dyn SessionStore>) -> Self {
        Self { inner, gate: Arc::new(Gate::new()) }
    }

    /// One that only counts its calls.
    pub fn open(inner: Arc<dyn SessionStore>) -> Self {
        let stepped = Self::new(inner);
        stepped.let_all();
        stepped
    }

    /// Waits until a call has come as far as its first gate.
    pub async fn arrived(&self) {
        self.let_steps(0).await;
    }

    /// Lets the request pass so many gates, and waits until it has come to the next one.
    pub async fn let_steps(&self, steps: usize) {
        self.gate.permits.add_permits(steps);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while self.gate.arrived.load(Ordering::SeqCst) <= steps {
            assert!(std::time::Instant::now() < deadline, "a step that does not come");
            tokio::task::yield_now().await;
        }
    }

    /// Stops holding requests.
    pub fn let_all(&self) {
        self.gate.open.store(true, Ordering::SeqCst);
        self.gate.permits.add_permits(1_000);
    }

    /// The number of calls since the last look.
    pub fn take_calls(&self) -> usize {
        self.gate.calls.swap(0, Ordering::SeqCst)
    }

    async fn around<'a, T>(&'a self, call: impl FnOnce() -> BoxFuture<'a, T>) -> T {
        self.gate.calls.fetch_add(1, Ordering::SeqCst);
        self.gate.pass().await;
        // A store may do it all when it is called.
        let answer = call().await;
        self.gate.pass().await;
        answer
    }
}

impl fmt::Debug for Stepped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stepped")
    }
}

impl SessionStore for Stepped {
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>> {
        Box::pin(self.around(move || self.inner.load(load)))
    }

    fn confirm<'a>(&'a self, confirm: Confirm<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.around(move || self.inner.confirm(confirm)))
    }

    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<CommitOutcome, Error>> {
        Box::pin(self.around(move || self.inner.commit(key, commit)))
    }

    fn sessions_of<'a>(&'a self, query: SessionsOf<'a>) -> BoxFuture<'a, Result<Vec<(SessionKey, Record)>, Error>> {
        Box::pin(self.around(move || self.inner.sessions_of(query)))
    }

    fn end<'a>(&'a self, query: SessionsOf<'a>, which: SessionSelector<'a>) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(self.around(move || self.inner.end(query, which)))
    }
}

/// A request that is let on step by step.
struct Runner<T> {
    gate: Arc<Gate>,
    task: Option<tokio::task::JoinHandle<T>>,
}

impl<T: Send + 'static> Runner<T> {
    async fn start(store: &Stepped, work: impl Future<Output = T> + Send + 'static) -> Self {
        let gate = Arc::clone(&store.gate);
        let before = gate.arrived.load(Ordering::SeqCst);
        let news = Arc::clone(&gate);
        let task = tokio::spawn(async move {
            let output = work.await;
            news.news.notify_one();
            output
        });
        let runner = Self { gate, task: Some(task) };
        runner.settled(before).await;
        runner
    }

    fn is_done(&self) -> bool {
        self.task.as_ref().is_none_or(tokio::task::JoinHandle::is_finished)
    }

    /// Waits until it has come to the next point, or to its end.
    async fn settled(&self, before: usize) {
        let settled = async {
            while self.gate.arrived.load(Ordering::SeqCst) == before && !self.is_done() {
                let news = self.gate.news.notified();
                // The end of a task is not told before it is there.
                let _ = tokio::time::timeout(std::time::Duration::from_millis(2), news).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), settled).await.expect("a step that does not end");
    }

    async fn step(&self) {
        let before = self.gate.arrived.load(Ordering::SeqCst);
        self.gate.permits.add_permits(1);
        self.settled(before).await;
    }
}

/// Runs `work` for every order of its two requests, with a fresh pair of each, and hands what they came to to `check`.
///
/// `work` gets two stores in front of `inner`, one for each request, and makes the requests.
pub async fn every_order<T, W, A, B, C, D>(inner: &Arc<dyn SessionStore>, mut work: W, mut check: C) -> usize
where
    T: Send + 'static,
    W: AsyncFnMut(Stepped, Stepped) -> (A, B, D),
    A: Future<Output = T> + Send + 'static,
    B: Future<Output = T> + Send + 'static,
    C: AsyncFnMut(T, T, D, &str),
{
    // The request that goes next at each step at which both could; the first one beyond the end of the list.
    let mut choices: Vec<bool> = Vec::new();
    let mut orders = 0;
    loop {
        let (one, two) = (Stepped::new(Arc::clone(inner)), Stepped::new(Arc::clone(inner)));
        let (a, b, data) = work(one.clone(), two.clone()).await;
        let runners = (Runner::start(&one, a).await, Runner::start(&two, b).await);
        let (mut at, mut order) = (0, String::new());
        while !(runners.0.is_done() && runners.1.is_done()) {
            let second = match (runners.0.is_done(), runners.1.is_done()) {
                (false, false) => {
                    if at == choices.len() {
                        choices.push(false);
                    }
                    at += 1;
                    choices[at - 1]
                }
                (first_done, _) => first_done,
            };
            order.push(if second { 'b' } else { 'a' });
            if second { runners.1.step().await } else { runners.0.step().await }
        }
        let (a, b) = (runners.0.task.unwrap().await.unwrap(), runners.1.task.unwrap().await.unwrap());
        check(a, b, data, &order).await;
        orders += 1;
        assert!(orders < 5_000, "too many orders");
        // The next one: the last choice that was not made otherwise yet.
        while choices.last() == Some(&true) {
            choices.pop();
        }
        match choices.last_mut() {
            Some(choice) => *choice = true,
            None => return orders,
        }
    }
}
