use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum_upstash::{cache::Cache, local::LocalRedis, redis::Redis};

/// Counts computations, and gives each its number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source(Arc<AtomicU32>);

impl Source {
    pub(crate) fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The value of a key, computed from a source if it has to be.
pub(crate) async fn read(cache: &Cache<str, u32>, key: &str, source: &Source) -> u32 {
    let source = source.clone();
    cache.get_or_compute(key, async move |_| Ok::<_, String>(source.next())).await.unwrap()
}

/// A Redis that two processes share.
pub(crate) struct Host {
    pub(crate) local: LocalRedis,
}

impl Host {
    pub(crate) async fn start() -> Self {
        Self { local: LocalRedis::start().await.unwrap() }
    }

    pub(crate) fn redis(&self) -> Redis {
        Redis::builder(self.local.url(), self.local.token()).build().unwrap()
    }

    /// A cache as another process has it: with a memory of its own.
    pub(crate) fn process(&self, namespace: &str) -> Cache<str, u32> {
        Cache::new(self.redis(), "test", namespace).with_jitter(0.0)
    }
}

/// Waits until a condition holds.
pub(crate) async fn eventually(holds: impl Fn() -> bool) {
    let waits = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waits).await.expect("it never came");
}

/// Waits until a question is answered with yes.
pub(crate) async fn until(holds: impl AsyncFn() -> bool) {
    let waits = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waits).await.expect("it never came");
}
