//! Changes of other processes that are heard at once.

use std::{sync::Arc, time::Duration};

use axum_upstash::{
    Error,
    cache::{
        Cache, EntryOptions,
        store::{CacheStore, Change, Changes, Lease, Look, Looked, LookedMany, MemoryCacheStore, Peeked, Put},
    },
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::pending};
use tokio::sync::{Notify, Semaphore};

use crate::support::{Host, Source, read, until};

const HOUR: Duration = Duration::from_secs(3600);

/// A value that the other process sees, when it hears of changes.
async fn hears(one: &Cache<str, u32>, two: &Cache<str, u32>) {
    until(async || {
        one.set("hears", 1).await.unwrap();
        two.get("hears").await;
        one.set("hears", 2).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        two.get("hears").await == Some(2)
    })
    .await;
}

#[tokio::test]
async fn a_change_by_another_process_is_seen_at_once() {
    let host = Host::start().await;
    let [one, two] = [(); 2].map(|()| host.process("test").with_ttl(HOUR).with_channel(HOUR));
    hears(&one, &two).await;
    type Step = fn(Cache<str, u32>) -> BoxFuture<'static, Result<(), Error>>;
    let changes: [(Step, Option<u32>); 4] = [
        (|cache| async move { cache.set("a", 2).await }.boxed(), Some(2)),
        (|cache| async move { cache.remove("a").await }.boxed(), None),
        (|cache| async move { cache.invalidate_tags(["a \"tag\"\n"]).await }.boxed(), None),
        (|cache| async move { cache.clear().await }.boxed(), None),
    ];
    for (change, left) in changes {
        one.set_with("a", 1, EntryOptions::new().tags(["a \"tag\"\n"])).await.unwrap();
        until(async || two.get("a").await == Some(1)).await;
        let before = host.local.requests();
        assert_eq!(two.get("a").await, Some(1));
        assert_eq!(host.local.requests(), before, "memory has it");
        change(one.clone()).await.unwrap();
        until(async || two.get("a").await == left).await;
    }
}

#[tokio::test]
async fn the_changes_of_a_process_leave_its_own_memory_alone() {
    let host = Host::start().await;
    let [one, two] = [(); 2].map(|()| host.process("test").with_ttl(HOUR).with_channel(HOUR));
    hears(&two, &one).await;
    hears(&one, &two).await;
    one.set("a", 1).await.unwrap();
    hears(&one, &two).await;
    let before = host.local.requests();
    assert_eq!(one.get("a").await, Some(1));
    assert_eq!(host.local.requests(), before);
}

#[tokio::test]
async fn a_cache_that_is_dropped_listens_no_more() {
    let host = Host::start().await;
    let listeners = async || {
        let (_, count): (String, u64) =
            host.redis().cmd("PUBSUB").arg("NUMSUB").arg("{test:test}:changes").query().await.unwrap();
        count
    };
    let cache = host.process("test").with_channel(HOUR);
    assert_eq!(listeners().await, 0);
    cache.get("a").await;
    until(async || listeners().await == 1).await;
    for _ in 0..10 {
        cache.clone().get("a").await;
    }
    assert_eq!(listeners().await, 1);
    drop(cache);
    until(async || listeners().await == 0).await;
}

/// A store with faults.
#[derive(Debug, Clone)]
struct Faulty {
    store: MemoryCacheStore,
    /// Nothing is heard on its streams of changes, which end when they are told to.
    deaf_until: Option<Arc<Notify>>,
    /// Writes wait for a permit each, and then have no answer.
    held: Option<Arc<Semaphore>>,
}

impl CacheStore for Faulty {
    fn look<'a>(&'a self, look: Look<'a>) -> BoxFuture<'a, Result<Looked, Error>> {
        self.store.look(look)
    }

    fn peek<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Peeked, Error>> {
        self.store.peek(name)
    }

    fn look_many<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<LookedMany, Error>> {
        self.store.look_many(names)
    }

    fn put<'a>(&'a self, puts: &'a [Put<'a>], change: Option<&'a Change>) -> BoxFuture<'a, Result<u64, Error>> {
        let Some(held) = &self.held else { return self.store.put(puts, change) };
        async move {
            held.acquire().await.unwrap().forget();
            self.store.put(puts, change).await?;
            std::future::pending().await
        }
        .boxed()
    }

    fn renew<'a>(&'a self, name: &'a str, lease: &'a Lease) -> BoxFuture<'a, Result<bool, Error>> {
        self.store.renew(name, lease)
    }

    fn release<'a>(&'a self, name: &'a str, lease: &'a Lease) -> BoxFuture<'a, Result<(), Error>> {
        self.store.release(name, lease)
    }

    fn remove<'a>(&'a self, names: &'a [&'a str], change: Option<&'a Change>) -> BoxFuture<'a, Result<(), Error>> {
        self.store.remove(names, change)
    }

    fn invalidate<'a>(
        &'a self,
        tags: &'a [Box<str>],
        longest: Duration,
        change: Option<&'a Change>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.store.invalidate(tags, longest, change)
    }

    fn changes(&self) -> Option<Changes> {
        let Some(ends) = self.deaf_until.clone() else { return self.store.changes() };
        let open = self.store.changes()?.take(1).chain(pending());
        Some(open.take_until(async move { ends.notified().await }).boxed())
    }
}

#[tokio::test]
async fn values_are_looked_up_again_when_the_channel_is_lost() {
    let (store, ends) = (MemoryCacheStore::new(), Arc::new(Notify::new()));
    let one = Cache::<str, u32>::with_store("test", store.clone()).with_ttl(HOUR).with_jitter(0.0);
    let deaf = Faulty { store, deaf_until: Some(Arc::clone(&ends)), held: None };
    let two = Cache::<str, u32>::with_store("test", deaf).with_ttl(HOUR).with_jitter(0.0).with_channel(HOUR);
    let source = Source::default();
    let two = two.with_memory_ttl(Duration::ZERO);
    // Until the channel is open, memory holds nothing.
    until(async || {
        one.set("a", source.next()).await.unwrap();
        two.get("a").await;
        one.set("a", source.next()).await.unwrap();
        two.get("a").await != Some(source.count())
    })
    .await;
    let held = two.get("a").await;
    assert_ne!(held, Some(source.count()), "for an hour, if nothing is heard");
    ends.notify_one();
    until(async || two.get("a").await == Some(source.count())).await;
    assert_eq!(read(&two, "a", &source).await, source.count());
}

/// A write without an answer may have been done: the process hears of its own change as the others do.
#[tokio::test]
async fn a_change_whose_call_failed_is_heard() {
    let (store, held) = (MemoryCacheStore::new(), Arc::new(Semaphore::new(0)));
    let cache = |store: Faulty| {
        let cache = Cache::<str, u32>::with_store("test", store).with_ttl(HOUR).with_jitter(0.0).with_channel(HOUR);
        cache.with_store_timeout(Duration::from_millis(500))
    };
    let faulty = Faulty { store, deaf_until: None, held: Some(Arc::clone(&held)) };
    let other = cache(Faulty { held: None, ..faulty.clone() });
    let cache = cache(faulty);
    hears(&other, &cache).await;
    other.set("a", 1).await.unwrap();
    let setting = tokio::spawn({
        let cache = cache.clone();
        async move { cache.set("a", 2).await }
    });
    tokio::task::yield_now().await;
    // Read while the write is on its way.
    until(async || cache.get("a").await == Some(1)).await;
    held.add_permits(1);
    assert!(setting.await.unwrap().is_err());
    until(async || cache.get("a").await == Some(2)).await;
}
