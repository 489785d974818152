//! What every [`ResponseStore`] must do, as a test to run against one.

use super::{
    store::{Record, Records, ResponseStore},
    stored_response::StoredResponse,
    vary::VarySpec,
};
use crate::rt::random_u64;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::{sync::Arc, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);

/// Runs all checks. `wait` lets time pass for the store: it moves its clock, or sleeps.
///
/// Keys are random, so a store in use will do.
///
/// # Panics
/// If the store breaks the contract, with a message that names the fault.
pub async fn run<W: AsyncFn(Duration)>(store: &dyn ResponseStore, wait: W) {
    let prefix = format!("conformance:{:016x}", random_u64());
    let key = |name: &str| format!("{prefix}:{name}");
    let (page, variant, pointer) = (key("page"), key("variant"), key("pointer"));

    let nothing = get(store, &page, Some(&variant)).await;
    assert!(nothing.primary().is_none() && nothing.variant().is_none(), "there is nothing at first");

    for body in [&b"text, \"quoted\"\nand lines"[..], b"", b"\xff\x00\xfebinary\n", "höher".as_bytes()] {
        put(store, &page, &response(body), MINUTE).await;
        let found = get(store, &page, None).await;
        assert_same(found.primary(), Some(&response(body)), "a response comes back as it was");
        assert!(found.variant().is_none(), "what was not asked for is not there");
    }

    let spec = VarySpec { names: vec![header::ACCEPT, header::COOKIE], generation: u64::MAX, until_ms: 1 << 60 };
    let spec = Record::vary(Arc::new(spec));
    put(store, &pointer, &spec, MINUTE).await;
    put(store, &variant, &response(b"variant"), MINUTE).await;
    let both = get(store, &pointer, Some(&variant)).await;
    assert_same(both.primary(), Some(&spec), "a record of Vary comes back as it was");
    assert_same(both.variant(), Some(&response(b"variant")), "both keys are looked up");
    let one = get(store, &key("absent"), Some(&variant)).await;
    assert!(one.primary().is_none(), "an absent first key is absent");
    assert!(one.variant().is_some(), "the second key does not depend on the first");

    delete(store, &pointer).await;
    delete(store, &pointer).await;
    let rest = get(store, &pointer, Some(&variant)).await;
    assert!(rest.primary().is_none(), "what was deleted is gone, and deleting it again is no error");
    assert!(rest.variant().is_some(), "nothing else is deleted");

    let (short, long) = (key("short"), key("long"));
    put(store, &short, &response(b"short"), Duration::from_millis(1500)).await;
    put(store, &long, &response(b"short"), Duration::from_millis(1500)).await;
    put(store, &long, &response(b"long"), MINUTE).await;
    assert!(get(store, &short, None).await.primary().is_some(), "it is there within its time");
    wait(Duration::from_millis(1600)).await;
    assert!(get(store, &short, None).await.primary().is_none(), "it is gone after its time");
    assert_same(get(store, &long, None).await.primary(), Some(&response(b"long")), "the last write's time counts");

    for key in [&page, &variant, &long] {
        delete(store, key).await;
    }
}

fn response(body: &'static [u8]) -> Record {
    let mut headers = HeaderMap::new();
    headers.append("x-many", HeaderValue::from_static("one"));
    headers.append("x-many", HeaderValue::from_static("two, \"three\""));
    if let Ok(value) = HeaderValue::from_bytes(b"obs\xff\x80text") {
        headers.append("x-bytes", value);
    }
    Record::response(Arc::new(StoredResponse {
        status: StatusCode::NOT_FOUND,
        headers,
        body: Bytes::from_static(body),
        received_ms: 1_700_000_000_123,
        initial_age_ms: 1,
        lifetime_ms: 60_000,
    }))
}

fn assert_same(left: Option<&Record>, right: Option<&Record>, what: &str) {
    assert_eq!(left.map(Record::encode), right.map(Record::encode), "{what}");
}

async fn get(store: &dyn ResponseStore, primary: &str, variant: Option<&str>) -> Records {
    match store.get(primary, variant).await {
        Ok(lookup) => lookup,
        Err(error) => panic!("a lookup failed: {error}"),
    }
}

async fn put(store: &dyn ResponseStore, key: &str, record: &Record, ttl: Duration) {
    if let Err(error) = store.put(key, record.clone(), ttl).await {
        panic!("a write failed: {error}");
    }
}

async fn delete(store: &dyn ResponseStore, key: &str) {
    if let Err(error) = store.delete(key).await {
        panic!("a deletion failed: {error}");
    }
}
