//! Lives of values, by a clock that the test moves.

use std::time::{Duration, SystemTime};

use axum_upstash::{
    Clock, ManualClock, Upstash,
    cache::{Cache, CacheEvent, EntryOptions, Tier},
};
use std::sync::{Arc, Mutex};

use crate::support::{Source, eventually, read, until};

const SECOND: Duration = Duration::from_secs(1);

fn cache() -> (Cache<str, u32>, ManualClock) {
    let (clock, hands) = Clock::manual(SystemTime::now());
    (Cache::memory("test").with_clock(clock).with_jitter(0.0).with_ttl(10 * SECOND), hands)
}

#[tokio::test]
async fn a_value_lives_as_long_as_its_namespace_or_itself_says() {
    let (cache, clock) = cache();
    let source = Source::default();
    assert_eq!(read(&cache, "a", &source).await, 1);
    clock.advance(10 * SECOND - Duration::from_millis(1));
    assert_eq!((read(&cache, "a", &source).await, cache.get("a").await), (1, Some(1)));
    clock.advance(Duration::from_millis(1));
    assert_eq!(cache.get("a").await, None);
    assert_eq!(read(&cache, "a", &source).await, 2);

    cache.set_with("b", 7, EntryOptions::new().ttl(SECOND)).await.unwrap();
    let own = async |context: axum_upstash::cache::ComputeContext<u32>| {
        context.set_ttl(2 * SECOND);
        Ok::<_, String>(8)
    };
    assert_eq!(cache.get_or_compute("c", own).await.unwrap(), 8);
    assert!(cache.has("b").await && cache.has("c").await);
    clock.advance(SECOND);
    assert!(!cache.has("b").await && cache.has("c").await);
    clock.advance(SECOND);
    assert!(!cache.has("c").await);
}

#[tokio::test]
async fn jitter_makes_lives_shorter_and_never_longer() {
    let (cache, clock) = cache();
    let cache = cache.with_jitter(0.5);
    for number in 0..200 {
        cache.set(&number.to_string(), number).await.unwrap();
    }
    let keys: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let left =
        async |cache: &Cache<str, u32>| cache.get_many(keys.iter().map(String::as_str)).await.iter().flatten().count();
    clock.advance(5 * SECOND - Duration::from_millis(1));
    assert_eq!(left(&cache).await, 200);
    clock.advance(2500 * Duration::from_millis(1));
    assert!((60..140).contains(&left(&cache).await));
    clock.advance(2501 * Duration::from_millis(1));
    assert_eq!(left(&cache).await, 0);
}

#[tokio::test]
async fn a_stale_value_is_served_while_one_computation_refreshes_it() {
    let (cache, clock) = cache();
    let cache = cache.with_stale_while_revalidate(20 * SECOND);
    let source = Source::default();
    assert_eq!(read(&cache, "a", &source).await, 1);
    clock.advance(10 * SECOND);
    assert_eq!(cache.get("a").await, None, "it is not fresh");
    for _ in 0..5 {
        assert_eq!(read(&cache, "a", &source).await, 1);
    }
    eventually(|| source.count() == 2).await;
    until(async || cache.get("a").await.is_some()).await;
    assert_eq!((read(&cache, "a", &source).await, source.count()), (2, 2));
    // Beyond that it is waited for.
    clock.advance(30 * SECOND);
    assert_eq!(read(&cache, "a", &source).await, 3);
}

#[tokio::test]
async fn a_stale_value_is_served_if_the_computation_fails() {
    let (cache, clock) = cache();
    let cache = cache.with_stale_if_error(20 * SECOND).with_error_pause(2 * SECOND);
    let source = Source::default();
    read(&cache, "a", &source).await;
    let fails = async || {
        let source = source.clone();
        let failing = async move |context: axum_upstash::cache::ComputeContext<u32>| {
            source.next();
            assert_eq!(context.previous(), Some(&1));
            Err::<u32, _>("down")
        };
        cache.get_or_compute("a", failing).await.map_err(|error| error.to_string())
    };
    clock.advance(10 * SECOND);
    assert_eq!((fails().await, source.count()), (Ok(1), 2));
    // In the pause without another try.
    assert_eq!((fails().await, source.count()), (Ok(1), 2));
    clock.advance(2 * SECOND);
    assert_eq!((fails().await, source.count()), (Ok(1), 3));
    clock.advance(20 * SECOND);
    let failed = cache.get_or_compute("a", async |_| Err::<u32, _>("down")).await;
    assert_eq!(failed.unwrap_err().to_string(), "down");
    assert_eq!(read(&cache, "a", &source).await, 4);
}

#[tokio::test]
async fn a_value_is_refreshed_ahead_of_its_end() {
    let (cache, clock) = cache();
    let cache = cache.with_eager_refresh(0.9);
    let source = Source::default();
    read(&cache, "a", &source).await;
    clock.advance(9 * SECOND - Duration::from_millis(1));
    assert_eq!((read(&cache, "a", &source).await, source.count()), (1, 1));
    clock.advance(Duration::from_millis(1));
    assert_eq!(read(&cache, "a", &source).await, 1);
    eventually(|| source.count() == 2).await;
    until(async || cache.get("a").await != Some(1)).await;
    clock.advance(5 * SECOND);
    assert_eq!((cache.get("a").await, source.count()), (Some(2), 2));
}

#[tokio::test]
async fn nothing_and_errors_are_known_for_a_while() {
    let (clock, hands) = Clock::manual(SystemTime::now());
    let cache = Cache::<str, Option<u32>>::memory("test").with_clock(clock).with_jitter(0.0);
    let cache = cache.with_ttl(10 * SECOND).with_none_ttl(SECOND);
    let source = Source::default();
    let find = async |key: &str, found: Option<u32>| {
        let source = source.clone();
        let compute = async move |_| {
            source.next();
            Ok::<_, String>(found)
        };
        cache.get_or_compute(key, compute).await.unwrap()
    };
    assert_eq!([find("a", None).await, find("a", Some(1)).await], [None, None]);
    hands.advance(SECOND);
    assert_eq!([find("a", Some(1)).await, find("a", None).await], [Some(1), Some(1)]);
    hands.advance(9 * SECOND);
    assert_eq!((find("a", None).await, source.count()), (Some(1), 2));

    let fails = async || {
        let source = source.clone();
        let failing = async move |context: axum_upstash::cache::ComputeContext<Option<u32>>| {
            context.keep_error(SECOND);
            Err::<Option<u32>, _>(source.next())
        };
        match cache.get_or_compute("b", failing).await.unwrap_err() {
            axum_upstash::cache::ComputeError::Failed(number) => *number,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([fails().await, fails().await], [3, 3]);
    hands.advance(SECOND);
    assert_eq!(fails().await, 4);
    // A value that is set is there at once.
    cache.set("b", Some(7)).await.unwrap();
    assert_eq!(find("b", None).await, Some(7));
}

#[tokio::test]
async fn memory_is_bounded() {
    let cache = Cache::<u64, u64>::memory_of("test", 1_000);
    for number in 0..100_000 {
        cache.set(&number, number).await.unwrap();
    }
    let keys: Vec<u64> = (0..100_000).collect();
    let left = cache.get_many(&keys).await.iter().flatten().count();
    assert!((1..=1_100).contains(&left), "{left}");
}

#[tokio::test]
async fn an_observer_hears_of_everything() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let upstash = Upstash::builder().or_memory().build().unwrap();
    let cache = upstash.cache::<str, u32>("prices").with_observer(move |namespace, event| {
        assert_eq!(namespace, "prices");
        heard.lock().unwrap().push(event);
    });
    assert_eq!(cache.get("a").await, None);
    read(&cache, "a", &Source::default()).await;
    cache.get("a").await;
    let _ = cache.get_or_compute("b", async |_| Err::<u32, _>("down")).await;
    let [miss, hit] = [CacheEvent::Miss, CacheEvent::Hit(Tier::Memory)];
    let expected = [miss, miss, CacheEvent::Computed, hit, miss, CacheEvent::ComputeFailed];
    assert_eq!(*events.lock().unwrap(), expected);
    // One name is one cache.
    assert_eq!(upstash.cache::<str, u32>("prices").get("a").await, Some(1));
    assert_eq!(upstash.cache::<str, u32>("others").get("a").await, None);
}
