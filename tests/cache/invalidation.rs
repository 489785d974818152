//! Values that are set, removed and invalidated beside computations that are under way, in memory and in Redis.

use std::sync::Arc;

use axum_upstash::{
    ErrorKind,
    cache::{Cache, ComputeContext, EntryOptions},
};
use tokio::sync::Semaphore;

use crate::support::{Host, Source, eventually, read};

async fn both() -> (Host, [Cache<str, u32>; 2]) {
    let host = Host::start().await;
    let caches = [Cache::memory("test").with_jitter(0.0), host.process("test")];
    (host, caches)
}

#[tokio::test]
async fn values_are_invalidated_by_key_by_tag_and_all_at_once() {
    let (_host, caches) = both().await;
    for cache in caches {
        let tags = ["drinks", "a tag with spaces\nand lines", ""];
        cache.set_with("tea", 1, EntryOptions::new().tags(tags)).await.unwrap();
        cache.set_with("tart", 2, EntryOptions::new().tags(["cakes"])).await.unwrap();
        cache.set("plain", 3).await.unwrap();
        let found = async || cache.get_many(["tea", "tart", "plain", "none"]).await;
        assert_eq!(found().await, [Some(1), Some(2), Some(3), None]);
        cache.invalidate_tags(["others"]).await.unwrap();
        assert_eq!(found().await, [Some(1), Some(2), Some(3), None]);
        cache.invalidate_tags(["a tag with spaces\nand lines"]).await.unwrap();
        assert_eq!(found().await, [None, Some(2), Some(3), None]);
        cache.remove("tart").await.unwrap();
        assert_eq!(found().await, [None, None, Some(3), None]);
        cache.set_many([("tea", 4), ("tart", 5)]).await.unwrap();
        assert_eq!(found().await, [Some(4), Some(5), Some(3), None]);
        cache.clear().await.unwrap();
        assert_eq!(found().await, [None; 4]);
        cache.set("tea", 6).await.unwrap();
        assert_eq!(found().await, [Some(6), None, None, None]);
    }
}

#[tokio::test]
async fn more_tags_than_a_value_has_are_refused() {
    let (_host, caches) = both().await;
    for cache in caches {
        let tags = (0..101).map(|tag| tag.to_string());
        let refused = cache.set_with("a", 1, EntryOptions::new().tags(tags)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert_eq!(cache.get("a").await, None);
    }
}

/// What overtakes a computation that is under way.
#[tokio::test]
async fn nothing_older_survives() {
    type Change = fn(Cache<str, u32>) -> futures_util::future::BoxFuture<'static, ()>;
    let changes: [(Change, Option<u32>); 4] = [
        (|cache| Box::pin(async move { cache.invalidate_tags(["tag"]).await.unwrap() }), None),
        (|cache| Box::pin(async move { cache.clear().await.unwrap() }), None),
        (|cache| Box::pin(async move { cache.remove("a").await.unwrap() }), None),
        (|cache| Box::pin(async move { cache.set("a", 77).await.unwrap() }), Some(77)),
    ];
    let (host, [in_memory, in_redis]) = both().await;
    // The change comes from this process, and from another one.
    let pairs =
        [(in_memory.clone(), in_memory), (in_redis.clone(), in_redis.clone()), (in_redis, host.process("test"))];
    for (cache, other) in pairs {
        for (change, left) in changes {
            let held = Arc::new(Semaphore::new(0));
            let source = Source::default();
            let (computing, gate, counter) = (cache.clone(), Arc::clone(&held), source.clone());
            let computing = tokio::spawn(async move {
                let compute = async move |context: ComputeContext<u32>| {
                    context.set_tags(["tag"]);
                    let number = counter.next();
                    gate.acquire().await.unwrap().forget();
                    Ok::<_, String>(number)
                };
                computing.get_or_compute("a", compute).await.unwrap()
            });
            eventually(|| source.count() == 1).await;
            change(other.clone()).await;
            held.add_permits(1);
            assert_eq!(computing.await.unwrap(), 1, "the call that waited has the value");
            assert_eq!(other.get("a").await, left);
            other.remove("a").await.unwrap();
            cache.remove("a").await.unwrap();
            assert_eq!(read(&cache, "a", &source).await, 2);
            cache.remove("a").await.unwrap();
        }
    }
}

#[tokio::test]
async fn many_tags_are_invalidated_at_once() {
    let (_host, caches) = both().await;
    for cache in caches {
        cache.set_with("a", 1, EntryOptions::new().tags(["19999"])).await.unwrap();
        cache.invalidate_tags((0..20_000).map(|tag| tag.to_string())).await.unwrap();
        assert_eq!(cache.get("a").await, None);
    }
}
