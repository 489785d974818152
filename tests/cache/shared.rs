//! Two processes on one Redis.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum_upstash::{
    cache::{Cache, CacheEvent},
    redis::Redis,
};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use crate::support::{Host, Source, eventually, read, until};

#[tokio::test]
async fn many_calls_of_two_processes_compute_once() {
    let host = Host::start().await;
    let (one, two, source) = (host.process("test"), host.process("test"), Source::default());
    let held = Arc::new(Semaphore::new(0));
    let mut calls = JoinSet::new();
    for number in 0..100 {
        let cache = if number % 2 == 0 { one.clone() } else { two.clone() };
        let (source, held) = (source.clone(), Arc::clone(&held));
        calls.spawn(async move {
            let compute = async move |_| {
                let number = source.next();
                held.acquire().await.unwrap().forget();
                Ok::<_, String>(number)
            };
            cache.get_or_compute("a", compute).await.unwrap()
        });
    }
    eventually(|| source.count() > 0).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    held.add_permits(100);
    let all = calls.join_all().await;
    assert!(all.iter().all(|value| *value == 1), "{all:?}");
    assert_eq!(source.count(), 1);
}

#[tokio::test]
async fn an_invalidation_is_seen_by_the_next_read_in_redis() {
    let host = Host::start().await;
    let (one, two) = (host.process("test"), host.process("test").with_memory_ttl(Duration::ZERO));
    let source = Source::default();
    for _ in 0..2 {
        one.set_with("a", 1, axum_upstash::cache::EntryOptions::new().tags(["tag"])).await.unwrap();
        assert_eq!(two.get("a").await, Some(1));
        one.invalidate_tags(["tag"]).await.unwrap();
        assert_eq!(two.get("a").await, None);
    }
    assert_eq!(read(&two, "a", &source).await, 1);
    one.clear().await.unwrap();
    assert_eq!(read(&two, "a", &source).await, 2);
}

/// In memory it is seen when its time there is over.
#[tokio::test]
async fn memory_holds_a_value_of_redis_for_its_time() {
    let host = Host::start().await;
    let (clock, hands) = axum_upstash::Clock::manual(std::time::SystemTime::now());
    let (one, two) = (host.process("test"), host.process("test").with_clock(clock));
    one.set("a", 1).await.unwrap();
    assert_eq!(two.get("a").await, Some(1));
    one.clear().await.unwrap();
    assert_eq!(two.get("a").await, Some(1));
    hands.advance(Duration::from_secs(1));
    assert_eq!(two.get("a").await, None);
}

#[tokio::test]
async fn a_process_that_dies_delays_the_others_by_its_lease() {
    let host = Host::start().await;
    let lease = Duration::from_millis(600);
    let dies = {
        let cache = host.process("test").with_lease(lease);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let source = Source::default();
        let counter = source.clone();
        runtime.spawn(async move {
            let hangs = async move |_| {
                counter.next();
                std::future::pending::<Result<u32, String>>().await
            };
            cache.get_or_compute("a", hangs).await
        });
        eventually(|| source.count() == 1).await;
        runtime.shutdown_background();
        Instant::now()
    };
    let other = host.process("test").with_lease(lease);
    assert_eq!(read(&other, "a", &Source::default()).await, 1);
    assert!(dies.elapsed() < lease + Duration::from_secs(5), "{:?}", dies.elapsed());
}

#[tokio::test]
async fn a_slow_computation_keeps_its_lease() {
    let host = Host::start().await;
    let lease = Duration::from_secs(1);
    let (one, two) = (host.process("test").with_lease(lease), host.process("test").with_lease(lease));
    let source = Source::default();
    let counter = source.clone();
    let slow = async move |_| {
        counter.next();
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        Ok::<_, String>(7)
    };
    let computing = tokio::spawn(async move { one.get_or_compute("a", slow).await.unwrap() });
    eventually(|| source.count() == 1).await;
    assert_eq!(read(&two, "a", &source).await, 7);
    assert_eq!((computing.await.unwrap(), source.count()), (7, 1));
}

/// How often each command was called, inside of scripts as well.
async fn calls(redis: &Redis) -> HashMap<String, u64> {
    let info: String = redis.cmd("INFO").arg("commandstats").query().await.unwrap();
    let line = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    };
    info.lines().filter_map(line).filter(|(name, _)| name != "info").collect()
}

#[tokio::test]
async fn calls_cost_what_the_documentation_says() {
    let host = Host::start().await;
    let (cache, redis) = (host.process("test").with_memory_ttl(Duration::ZERO), host.redis());
    let in_memory = host.process("test");
    // Scripts are loaded, and clients connected.
    for cache in [&cache, &in_memory] {
        read(cache, "warm", &Source::default()).await;
        cache.get("warm").await;
        cache.set("warm", 1).await.unwrap();
        cache.invalidate_tags(["warm"]).await.unwrap();
        cache.remove("warm").await.unwrap();
    }
    macro_rules! cost {
        ($call:expr) => {{
            let (before, requests) = (calls(&redis).await, host.local.requests());
            let _ = $call;
            let requests = host.local.requests() - requests;
            let after = calls(&redis).await;
            let billed: u64 = after.iter().map(|(name, count)| count - before.get(name).copied().unwrap_or(0)).sum();
            (requests, billed)
        }};
    }
    let source = Source::default();
    assert_eq!(cost!(read(&cache, "a", &source).await), (2, 9));
    assert_eq!(cost!(read(&cache, "a", &source).await), (1, 1));
    let other = host.process("test");
    assert_eq!(cost!(read(&other, "a", &source).await), (1, 4));
    assert_eq!(cost!(cache.get("a").await), (1, 4));
    assert_eq!(cost!(cache.set("a", 1).await), (1, 4));
    assert_eq!(cost!(cache.get_many(["a", "b", "c"]).await), (1, 6));
    assert_eq!(cost!(cache.remove("a").await), (1, 1));
    assert_eq!(cost!(cache.invalidate_tags(["a", "b"]).await), (1, 6));
    assert_eq!(cost!(cache.clear().await), (1, 6));
    // With a channel each change is one more.
    let heard = host.process("test").with_channel(Duration::ZERO);
    heard.get("a").await;
    until(async || redis.cmd("PUBSUB").arg("CHANNELS").query::<Vec<String>>().await.unwrap().len() == 1).await;
    heard.remove("warm").await.unwrap();
    assert_eq!(cost!(heard.set("a", 1).await), (1, 5));
    assert_eq!(cost!(heard.remove("a").await), (1, 3));
    assert_eq!(cost!(heard.invalidate_tags(["a"]).await), (1, 7));
    in_memory.set("a", 1).await.unwrap();
    assert_eq!(cost!(in_memory.get("a").await), (0, 0));
}

#[tokio::test]
async fn every_key_has_an_end() {
    let host = Host::start().await;
    let (cache, redis) = (host.process("test"), host.redis());
    cache.set("a", 1).await.unwrap();
    read(&cache, "b", &Source::default()).await;
    cache.invalidate_tags(["tag"]).await.unwrap();
    let dies = cache.clone();
    let hangs = tokio::spawn(async move {
        dies.get_or_compute("c", async |_| std::future::pending::<Result<u32, String>>().await).await
    });
    let keys = async || redis.keys::<String>("*").await.unwrap();
    until(async || keys().await.iter().any(|key| key.contains(":lease:"))).await;
    let keys = keys().await;
    assert_eq!(keys.len(), 5, "{keys:?}");
    for key in &keys {
        assert!(key.starts_with("{test:test}:"), "{key}");
        assert!(redis.cmd("PTTL").key(key).query::<i64>().await.unwrap() > 0, "{key}");
    }
    hangs.abort();
}

#[tokio::test]
async fn entries_of_others_are_misses() {
    let host = Host::start().await;
    let (cache, redis) = (host.process("test").with_memory_ttl(Duration::ZERO), host.redis());
    let source = Source::default();
    for (number, entry) in ["", "{}", "1 2 3", "1 1 9999999999999999 1 1 1 0 \nx", "9 1 9999999999999999 1 1 1 0 \n1"]
        .into_iter()
        .enumerate()
    {
        redis.set("{test:test}:e:a", entry).await.unwrap();
        assert_eq!(cache.get("a").await, None, "{entry}");
        assert_eq!(read(&cache, "a", &source).await as usize, number + 1, "{entry}");
        assert_eq!(cache.get("a").await.unwrap() as usize, number + 1);
    }
    // A payload of another type, and another version.
    let other = Cache::<str, String>::new(host.redis(), "test", "test").with_memory_ttl(Duration::ZERO);
    assert_eq!(other.get("a").await, None);
    assert_eq!(other.get_or_compute("a", async |_| Ok::<_, String>("text".to_owned())).await.unwrap(), "text");
    assert_eq!(cache.get("a").await, None);
    let later = host.process("test").with_version(1);
    cache.set("a", 1).await.unwrap();
    assert_eq!(later.get("a").await, None);
    assert_eq!(read(&later, "a", &Source::default()).await, 1);
}

#[tokio::test]
async fn without_redis_values_are_computed_and_one_deadline_is_paid() {
    let host = Host::start().await;
    let events = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let cache = host.process("test").with_observer(move |_, event| heard.lock().unwrap().push(event));
    read(&cache, "a", &Source::default()).await;
    host.local.stop_redis().await.unwrap();
    let source = Source::default();
    let begun = Instant::now();
    for number in 0..50 {
        read(&cache, &format!("b{number}"), &source).await;
        assert_eq!(cache.get(&format!("c{number}")).await, None);
    }
    assert_eq!(source.count(), 50);
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert!(cache.set("a", 1).await.is_err() && cache.clear().await.is_err());
    host.local.restart_redis().await.unwrap();
    let recovered = async {
        while cache.set("d", 1).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), recovered).await.unwrap();
    assert!(!events.lock().unwrap().contains(&CacheEvent::NotStored));
}

/// A failure is not tried again at once because Redis is down as well.
#[tokio::test]
async fn without_redis_a_failure_has_its_pause() {
    let host = Host::start().await;
    let hour = Duration::from_secs(3600);
    let cache =
        host.process("test").with_ttl(Duration::from_millis(50)).with_stale_if_error(hour).with_error_pause(hour);
    cache.set("a", 7).await.unwrap();
    until(async || cache.get("a").await.is_none()).await;
    host.local.stop_redis().await.unwrap();
    let source = Source::default();
    for _ in 0..5 {
        let source = source.clone();
        let compute = async move |_| {
            source.next();
            Err::<u32, _>("down")
        };
        assert_eq!(cache.get_or_compute("a", compute).await.unwrap(), 7);
    }
    assert_eq!(source.count(), 1);
}

#[tokio::test]
async fn an_observer_hears_of_redis() {
    use axum_upstash::cache::Tier;
    let host = Host::start().await;
    let events = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let (one, two) = (host.process("test"), host.process("test"));
    let two = two.with_observer(move |_, event| heard.lock().unwrap().push(event));
    one.set("a", 1).await.unwrap();
    read(&two, "a", &Source::default()).await;
    read(&two, "a", &Source::default()).await;
    assert_eq!(*events.lock().unwrap(), [CacheEvent::Hit(Tier::Redis), CacheEvent::Hit(Tier::Memory)]);
}

/// A stale value that a failure left in memory is no longer there than others are.
#[tokio::test]
async fn a_pause_after_a_failure_hides_no_invalidation() {
    let host = Host::start().await;
    let hour = Duration::from_secs(3600);
    let process = || {
        let cache = host.process("test").with_memory_ttl(Duration::ZERO).with_ttl(Duration::from_millis(50));
        cache.with_stale_if_error(hour).with_error_pause(hour)
    };
    let (one, two) = (process(), process());
    one.set("a", 7).await.unwrap();
    until(async || one.get("a").await.is_none()).await;
    let fails = async || one.get_or_compute("a", async |_| Err::<u32, _>("down")).await;
    assert_eq!(fails().await.unwrap(), 7);
    two.clear().await.unwrap();
    assert!(fails().await.is_err());
}
