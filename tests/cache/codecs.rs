//! The form of values in Redis.

use std::time::Duration;

use axum_upstash::cache::{Cache, JsonCodec, MessagePackCodec};

use crate::support::Host;

const ENTRY: &str = "{test:test}:e:a";

#[tokio::test]
async fn a_long_value_is_compressed_and_read_by_others() {
    let host = Host::start().await;
    let text = "a long description of a cup of tea, ".repeat(1_000);
    let process = || Cache::<str, String>::new(host.redis(), "test", "test").with_memory_ttl(Duration::ZERO);
    let (one, two, plain) = (process(), process(), process().with_compression_above(usize::MAX));
    for (writer, is_short) in [(&one, true), (&plain, false)] {
        writer.set("a", text.clone()).await.unwrap();
        let length = host.redis().strlen(ENTRY).await.unwrap();
        assert_eq!(length < 5_000, is_short, "{length} bytes");
        for reader in [&two, &plain] {
            assert_eq!(reader.get("a").await.as_ref(), Some(&text));
        }
    }
    // So does a value that is not above the bound.
    let short = "x".repeat(1_000);
    one.set("a", short.clone()).await.unwrap();
    let length = host.redis().strlen(ENTRY).await.unwrap();
    assert!(length > 1_000, "{length} bytes");
    assert_eq!(two.get("a").await, Some(short));
}

#[tokio::test]
async fn values_of_another_codec_are_misses() {
    let host = Host::start().await;
    let values = || Cache::<str, Vec<f64>>::new(host.redis(), "test", "test").with_memory_ttl(Duration::ZERO);
    let (json, messagepack) = (values().with_codec(JsonCodec), values().with_codec(MessagePackCodec));
    let value = vec![0.5, f64::INFINITY];
    messagepack.set("a", value.clone()).await.unwrap();
    assert_eq!(messagepack.get("a").await, Some(value));
    assert_eq!(json.get("a").await, None);
    json.set("a", vec![0.5]).await.unwrap();
    assert_eq!(messagepack.get("a").await, None);
    assert_eq!(json.get("a").await, Some(vec![0.5]));
}

/// One request has many of them.
#[tokio::test]
async fn many_long_values_are_set_at_once() {
    let host = Host::start().await;
    let values = || Cache::<u32, Vec<u8>>::new(host.redis(), "test", "many").with_memory_ttl(Duration::ZERO);
    let (json, messagepack) = (values(), values().with_codec(MessagePackCodec));
    let keys: Vec<u32> = (0..30).collect();
    let value = |key: &u32| vec![u8::try_from(*key).unwrap() | 0x80; 4_000];
    for cache in [json, messagepack] {
        cache.set_many(keys.iter().map(|key| (key, value(key)))).await.unwrap();
        let found = cache.get_many(&keys).await;
        assert!(keys.iter().zip(found).all(|(key, found)| found == Some(value(key))));
    }
}

#[tokio::test]
async fn namespaces_are_apart_whatever_their_names() {
    let host = Host::start().await;
    let named = |prefix: &str, name: &str| Cache::<str, u32>::new(host.redis(), prefix, name);
    named("a:b", "c").set("key", 1).await.unwrap();
    assert_eq!(named("a", "b:c").get("key").await, None);
    assert_eq!(named("a:b", "c").get("key").await, Some(1));
}

/// A compressed entry that was cut is a miss, and is computed again.
#[tokio::test]
async fn an_entry_that_is_cut_is_a_miss() {
    let host = Host::start().await;
    let cache = Cache::<str, String>::new(host.redis(), "test", "test").with_memory_ttl(Duration::ZERO);
    cache.set("a", "tea ".repeat(1_000)).await.unwrap();
    let length = host.redis().strlen(ENTRY).await.unwrap();
    let cut: bytes::Bytes = host.redis().getrange(ENTRY, 0, i64::try_from(length).unwrap() - 4).await.unwrap();
    host.redis().set(ENTRY, cut).await.unwrap();
    assert_eq!(cache.get("a").await, None);
    assert_eq!(cache.get_or_compute("a", async |_| Ok::<_, String>("new".to_owned())).await.unwrap(), "new");
    assert_eq!(cache.get("a").await.as_deref(), Some("new"));
}
