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
use tokio::sync::Notify;

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

/// A store whose streams of changes end when they are told to. Nothing is heard on them.
#[derive(Debug)]
struct Deaf {
    store: MemoryCacheStore,
    ends: Arc<Notify>,
}

impl CacheStore for Deaf {
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
        self.store.put(puts, change)
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
        let ends = Arc::clone(&self.ends);
        let open = self.store.changes()?.take(1).chain(pending());
        Some(open.take_until(async move { ends.notified().await }).boxed())
    }
}

#[tokio::test]
async fn values_are_looked_up_again_when_the_channel_is_lost() {
    let (store, ends) = (MemoryCacheStore::new(), Arc::new(Notify::new()));
    let one = Cache::<str, u32>::with_store("test", store.clone()).with_ttl(HOUR).with_jitter(0.0);
    let deaf = Deaf { store, ends: Arc::clone(&ends) };
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
