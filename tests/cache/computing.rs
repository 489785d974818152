//! Computations that many wait for, and that fail, panic, hang or are given up.

use std::{sync::Arc, time::Duration};

use axum_upstash::cache::{Cache, ComputeError};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

use crate::support::{Source, eventually, read};

fn cache() -> Cache<str, u32> {
    Cache::memory("test").with_jitter(0.0)
}

/// Calls that wait for one computation, which is held up until it is released.
async fn waiting(
    cache: &Cache<str, u32>,
    source: &Source,
    calls: usize,
) -> (JoinSet<Result<u32, String>>, Arc<Semaphore>) {
    let held = Arc::new(Semaphore::new(0));
    let mut waiting = JoinSet::new();
    for _ in 0..calls {
        let (cache, source, held) = (cache.clone(), source.clone(), Arc::clone(&held));
        waiting.spawn(async move {
            let compute = async move |_| {
                let number = source.next();
                held.acquire().await.unwrap().forget();
                Ok::<_, String>(number)
            };
            cache.get_or_compute("a", compute).await.map_err(|error| error.to_string())
        });
    }
    eventually(|| source.count() > 0).await;
    (waiting, held)
}

#[tokio::test]
async fn many_calls_compute_once() {
    let (cache, source) = (cache(), Source::default());
    let (waiting, held) = waiting(&cache, &source, 100).await;
    held.add_permits(100);
    let all = waiting.join_all().await;
    assert_eq!((all.len(), source.count()), (100, 1));
    assert!(all.into_iter().all(|value| value == Ok(1)));
    // Other keys do not wait.
    assert_eq!(read(&cache, "b", &source).await, 2);
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_the_others_alone() {
    let (cache, source) = (cache(), Source::default());
    let (mut all, held) = waiting(&cache, &source, 3).await;
    all.abort_all();
    while all.join_next().await.is_some() {}
    held.add_permits(10);
    // Its value is kept.
    eventually(|| source.count() == 1).await;
    assert_eq!(read(&cache, "a", &source).await, 1);
}

#[tokio::test]
async fn an_error_is_that_of_all_who_waited_and_is_not_kept() {
    let (cache, source) = (cache(), Source::default());
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let (cache, source) = (cache.clone(), source.clone());
        calls.spawn(async move {
            let fails = async move |_| {
                tokio::task::yield_now().await;
                Err::<u32, _>(source.next())
            };
            cache.get_or_compute("a", fails).await
        });
    }
    for failed in calls.join_all().await {
        assert!(matches!(failed, Err(ComputeError::Failed(number)) if *number == 1));
    }
    assert_eq!(read(&cache, "a", &source).await, 2);
}

#[tokio::test]
async fn a_panic_frees_those_who_wait() {
    let cache = cache();
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let cache = cache.clone();
        calls.spawn(async move {
            let panics = async |_| -> Result<u32, String> {
                tokio::task::yield_now().await;
                panic!("on purpose")
            };
            cache.get_or_compute("a", panics).await
        });
    }
    let all = timeout(Duration::from_secs(10), calls.join_all()).await.unwrap();
    assert!(all.iter().all(|ended| matches!(ended, Err(ComputeError::Panicked))));
    assert_eq!(read(&cache, "a", &Source::default()).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_computation_that_hangs_ends_in_time() {
    let cache = cache().with_hard_timeout(Duration::from_secs(3));
    let hangs = async |_| std::future::pending::<Result<u32, String>>().await;
    let begun = tokio::time::Instant::now();
    assert!(matches!(cache.get_or_compute("a", hangs).await, Err(ComputeError::TimedOut)));
    assert_eq!(begun.elapsed().as_secs(), 3);
    assert_eq!(read(&cache, "a", &Source::default()).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_computation_serves_what_is_stale_and_goes_on() {
    let (clock, hands) = axum_upstash::Clock::manual(std::time::SystemTime::now());
    let cache = cache().with_clock(clock).with_ttl(Duration::from_secs(1)).with_stale_if_error(Duration::from_secs(60));
    let cache = cache.with_soft_timeout(Duration::from_millis(100));
    let source = Source::default();
    read(&cache, "a", &source).await;
    hands.advance(Duration::from_secs(2));
    let slow = async |_| {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok::<_, String>(7)
    };
    let begun = tokio::time::Instant::now();
    assert_eq!(cache.get_or_compute("a", slow).await.unwrap(), 1);
    assert_eq!(begun.elapsed().as_millis(), 100);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(cache.get("a").await, Some(7));
}

#[tokio::test]
async fn a_value_that_is_skipped_is_not_kept() {
    let (cache, source) = (cache(), Source::default());
    for expected in 1..3 {
        let source = source.clone();
        let skips = async move |context: axum_upstash::cache::ComputeContext<u32>| {
            context.skip();
            Ok::<_, String>(source.next())
        };
        assert_eq!(cache.get_or_compute("a", skips).await.unwrap(), expected);
    }
    assert_eq!(cache.get("a").await, None);
}

#[tokio::test]
async fn errors_of_another_type_are_not_mixed_up() {
    let cache = cache();
    let held = Arc::new(Semaphore::new(0));
    let (first, gate) = (cache.clone(), Arc::clone(&held));
    let first = tokio::spawn(async move {
        let fails = async move |_| {
            gate.acquire().await.unwrap().forget();
            Err::<u32, _>("text")
        };
        first.get_or_compute("a", fails).await
    });
    tokio::task::yield_now().await;
    let second = cache.clone();
    let second = tokio::spawn(async move { second.get_or_compute("a", async |_| Err::<u32, _>(17_u8)).await });
    tokio::task::yield_now().await;
    held.add_permits(1);
    assert!(matches!(first.await.unwrap(), Err(ComputeError::Failed(error)) if *error == "text"));
    assert!(matches!(second.await.unwrap(), Err(ComputeError::Failed(error)) if *error == 17));
}
