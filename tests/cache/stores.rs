//! The stores pass one suite, and a cache stands on any of them.

use std::time::SystemTime;

use axum_upstash::{
    Clock,
    cache::{
        Cache, conformance,
        store::{MemoryCacheStore, RedisCacheStore},
    },
};

use crate::support::{Host, Source, read};

#[tokio::test]
async fn the_store_in_redis_keeps_the_contract() {
    let host = Host::start().await;
    let store = RedisCacheStore::new(host.redis(), "test", "conformance");
    conformance::run(&store, async |time| tokio::time::sleep(time).await).await;
}

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    let (clock, hands) = Clock::manual(SystemTime::now());
    let store = MemoryCacheStore::new().with_clock(clock);
    conformance::run(&store, async |time| hands.advance(time)).await;
}

#[tokio::test]
async fn caches_share_a_store_of_ones_own() {
    let store = MemoryCacheStore::new();
    let [one, two] = [(); 2].map(|()| Cache::<str, u32>::with_store("test", store.clone()));
    let source = Source::default();
    assert_eq!(read(&one, "a", &source).await, 1);
    assert_eq!(read(&two, "a", &source).await, 1);
    assert_eq!(source.count(), 1);
}
