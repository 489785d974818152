//! Random calls of two processes, beside a source that knows how old a value may be.
//!
//! Each key has a version in the source. A change raises it and then invalidates what was computed before: by key, by tag, all at
//! once, or by setting the value. A read that begins after that has ended must not return an older version. Computations
//! take a while, fail, panic and hang.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum_upstash::cache::{Cache, ComputeContext, EntryOptions};

use crate::{random::Random, support::Host};

const KEYS: usize = 4;
const TASKS: u64 = 8;

/// The source, and the oldest version of each key that a read may return.
#[derive(Default)]
struct Source {
    versions: [AtomicU32; KEYS],
    oldest: Mutex<[u32; KEYS]>,
    reads: AtomicUsize,
    computed: AtomicUsize,
}

impl Source {
    fn version(&self, key: usize) -> u32 {
        self.versions[key].load(Ordering::SeqCst)
    }

    fn oldest(&self, key: usize) -> u32 {
        self.oldest.lock().unwrap()[key]
    }

    fn raise(&self, key: usize, version: u32) {
        let mut oldest = self.oldest.lock().unwrap();
        oldest[key] = oldest[key].max(version);
    }
}

/// The tags of a key: one of its own, and one of half of the keys.
fn tags(key: usize) -> [String; 2] {
    [format!("key {key}"), format!("half {}", key % 2)]
}

async fn read(cache: &Cache<str, u32>, source: &Arc<Source>, random: &Random, key: usize) {
    let oldest = source.oldest(key);
    let (wait, ending) = (random.below(4), random.below(20));
    let counting = Arc::clone(source);
    let compute = async move |context: ComputeContext<u32>| {
        let version = counting.version(key);
        context.set_tags(tags(key));
        counting.computed.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        match ending {
            0 => Err("down"),
            // Without a line in the log.
            1 => std::panic::resume_unwind(Box::new("on purpose")),
            2 => std::future::pending().await,
            _ => Ok(version),
        }
    };
    if let Ok(version) = cache.get_or_compute(&key.to_string(), compute).await {
        assert!(version >= oldest, "key {key}: version {version} after {oldest}");
    }
    source.reads.fetch_add(1, Ordering::Relaxed);
}

async fn step(cache: &Cache<str, u32>, source: &Arc<Source>, random: &Random) {
    let key = usize::try_from(random.below(KEYS as u64)).unwrap();
    let name = key.to_string();
    let change = || source.versions[key].fetch_add(1, Ordering::SeqCst) + 1;
    match random.below(20) {
        0 => {
            let version = change();
            if cache.remove(&name).await.is_ok() {
                source.raise(key, version);
            }
        }
        1 => {
            let version = change();
            if cache.invalidate_tags([&tags(key)[0]]).await.is_ok() {
                source.raise(key, version);
            }
        }
        2 => {
            let half: Vec<usize> = (0..KEYS).filter(|other| other % 2 == key % 2).collect();
            change();
            let versions: Vec<u32> = half.iter().map(|key| source.version(*key)).collect();
            if cache.invalidate_tags([&tags(key)[1]]).await.is_ok() {
                half.into_iter().zip(versions).for_each(|(key, version)| source.raise(key, version));
            }
        }
        3 if random.below(4) == 0 => {
            change();
            let versions: Vec<u32> = (0..KEYS).map(|key| source.version(key)).collect();
            if cache.clear().await.is_ok() {
                versions.into_iter().enumerate().for_each(|(key, version)| source.raise(key, version));
            }
        }
        4..8 => {
            let oldest = source.oldest(key);
            if let Some(version) = cache.get(&name).await {
                assert!(version >= oldest, "key {key}: version {version} after {oldest}");
            }
        }
        _ => read(cache, source, random, key).await,
    }
}

async fn runs(processes: Vec<Cache<str, u32>>, seed: u64) {
    let seconds = std::env::var("TYPED_CACHE_MODEL_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    println!("seed {seed}");
    let until = Instant::now() + Duration::from_secs(seconds);
    let source = Arc::new(Source::default());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let cache = processes[usize::try_from(task).unwrap() % processes.len()].clone();
            let (source, random) = (Arc::clone(&source), Random::new(seed ^ (task << 32)));
            tokio::spawn(async move {
                while Instant::now() < until {
                    step(&cache, &source, &random).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    let (reads, computed) = (source.reads.load(Ordering::Relaxed), source.computed.load(Ordering::Relaxed));
    println!("{reads} reads, {computed} computations");
    assert!(reads > 100 && computed > 20);
}

fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let given = std::env::var("TYPED_CACHE_MODEL_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| u64::try_from(now.as_millis()).unwrap())
}

fn with_settings(cache: Cache<str, u32>) -> Cache<str, u32> {
    let milliseconds = Duration::from_millis;
    cache
        .with_ttl(milliseconds(30))
        .with_stale_while_revalidate(milliseconds(20))
        .with_stale_if_error(milliseconds(100))
        .with_hard_timeout(milliseconds(50))
        .with_eager_refresh(0.5)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_in_memory_is_older_than_an_invalidation() {
    runs(vec![with_settings(Cache::memory("test"))], seed()).await;
}

/// In Redis, memory aside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_in_redis_is_older_than_an_invalidation() {
    let host = Host::start().await;
    let process = || with_settings(host.process("test")).with_memory_ttl(Duration::ZERO);
    runs(vec![process(), process()], seed()).await;
}

/// Values that are set are the newest ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_computation_comes_behind_a_value_that_is_set() {
    let host = Host::start().await;
    let caches = [Cache::memory("test"), host.process("test").with_memory_ttl(Duration::ZERO)].map(with_settings);
    for cache in caches {
        let source = Arc::new(Source::default());
        let random = Random::new(seed());
        let reader = {
            let (cache, source, random) = (cache.clone(), Arc::clone(&source), Random::new(seed()));
            tokio::spawn(async move {
                for _ in 0..300 {
                    read(&cache, &source, &random, 0).await;
                }
            })
        };
        while !reader.is_finished() {
            let version = source.versions[0].fetch_add(1, Ordering::SeqCst) + 1;
            cache.set_with("0", version, EntryOptions::new().tags(tags(0))).await.unwrap();
            source.raise(0, version);
            tokio::time::sleep(Duration::from_millis(random.below(5))).await;
        }
        reader.await.unwrap();
    }
}
