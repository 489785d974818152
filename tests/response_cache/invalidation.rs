//! Changes that meet a store which takes its time.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A store in memory that waits before each write, and perhaps for ever before each deletion.
#[derive(Clone, Debug)]
struct Slow {
    store: MemoryResponseStore,
    writes: Arc<Semaphore>,
    deletions: Calls,
    hangs: bool,
}

impl Slow {
    fn new(hangs: bool) -> Self {
        Self {
            store: MemoryResponseStore::new(),
            writes: Arc::new(Semaphore::new(0)),
            deletions: Calls::default(),
            hangs,
        }
    }
}

impl ResponseStore for Slow {
    fn get<'a>(&'a self, primary: &'a str, variant: Option<&'a str>) -> BoxFuture<'a, Result<Records, Error>> {
        self.store.get(primary, variant)
    }

    fn put<'a>(&'a self, key: &'a str, record: Record, ttl: Duration) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.writes.acquire().await.unwrap().forget();
            self.store.put(key, record, ttl).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.deletions.add();
        if self.hangs { Box::pin(pending()) } else { self.store.delete(key) }
    }
}

#[tokio::test]
async fn a_change_during_the_write_is_not_overtaken_by_it() {
    for head in [&[("cache-control", "max-age=60")][..], &[("cache-control", "max-age=60"), ("vary", "x-a")]] {
        for writes_before in 0..head.len() {
            let store = Slow::new(false);
            let (app, _) = app(ResponseCacheLayer::new(store.clone()), head);
            let start = || Box::pin(app.clone().oneshot(request(Method::GET, "/", &[])));
            let (mut old, mut waiting) = (start(), start());
            store.writes.add_permits(writes_before);
            assert!((&mut old).now_or_never().is_none());
            assert!((&mut waiting).now_or_never().is_none());
            send(&app, Method::POST, "/", &[]).await;
            store.writes.add_permits(9);
            let (_, headers, body) = read(old.await.unwrap()).await;
            assert_eq!(
                (&headers["cache-status"], body.as_str()),
                (&"axum-upstash; fwd=uri-miss".parse().unwrap(), "call 1")
            );
            assert_eq!(read(waiting.await.unwrap()).await.2, "call 3", "who waited got what is out of date");
            assert_ne!(super::body(&app, &[]).await, "call 1", "what is out of date was stored");
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_after_its_change_has_begun_the_deletion() {
    let store = Slow::new(true);
    store.writes.add_permits(9);
    let (app, _) = app(ResponseCacheLayer::new(store.clone()), &[("cache-control", "max-age=60")]);
    let mut change = Box::pin(app.clone().oneshot(request(Method::POST, "/", &[])));
    assert!((&mut change).now_or_never().is_none());
    drop(change);
    assert_eq!(store.deletions.count(), 1);
}

#[tokio::test]
async fn a_reload_after_another_process_made_it_forgotten_is_stored_where_all_find_it() {
    let store = MemoryResponseStore::new();
    let head = [("cache-control", "max-age=60"), ("vary", "x-a")];
    let (one, calls) = app(ResponseCacheLayer::new(store.clone()), &head);
    let (two, others) = app(ResponseCacheLayer::new(store), &head);
    let one_a = [("x-a", "1")];
    assert_eq!(body(&one, &one_a).await, "call 1");
    send(&two, Method::POST, "/", &[]).await;
    let reload = [("x-a", "1"), ("cache-control", "no-cache")];
    assert_eq!(fetch(&one, &reload).await.1["cache-status"], "axum-upstash; fwd=request; stored");
    assert_eq!(body(&two, &one_a).await, "call 2");
    assert_eq!((calls.count(), others.count()), (2, 1));

    // The other variants of a resource that still stands stay.
    assert_eq!(body(&one, &[("x-a", "2")]).await, "call 3");
    fetch(&one, &reload).await;
    assert_eq!(body(&two, &[("x-a", "2")]).await, "call 3");
}

/// A store that takes variants and refuses the record that leads to them.
#[derive(Debug)]
struct NoPointers {
    store: MemoryResponseStore,
    gets: Arc<Mutex<Vec<bool>>>,
}

impl ResponseStore for NoPointers {
    fn get<'a>(&'a self, primary: &'a str, variant: Option<&'a str>) -> BoxFuture<'a, Result<Records, Error>> {
        self.gets.lock().unwrap().push(variant.is_some());
        self.store.get(primary, variant)
    }

    fn put<'a>(&'a self, key: &'a str, record: Record, ttl: Duration) -> BoxFuture<'a, Result<(), Error>> {
        if String::from_utf8_lossy(&record.encode()).contains("generation") {
            return Box::pin(async { Err(Error::new(ErrorKind::Connect, "down")) });
        }
        self.store.put(key, record, ttl)
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.store.delete(key)
    }
}

#[tokio::test]
async fn a_vary_that_was_not_written_is_not_remembered() {
    let gets = Arc::default();
    let store = NoPointers { store: MemoryResponseStore::new(), gets: Arc::clone(&gets) };
    let (app, _) = app(ResponseCacheLayer::new(store), &[("cache-control", "max-age=60"), ("vary", "x-a")]);
    for _ in 0..2 {
        assert_eq!(fetch(&app, &[]).await.1["cache-status"], "axum-upstash; fwd=uri-miss");
    }
    assert_eq!(*gets.lock().unwrap(), [false, false]);
}

/// The store takes for ever to delete: a response that waits for it would not come.
#[tokio::test]
async fn a_deferred_invalidation_keeps_no_response_waiting() {
    let store = Slow::new(true);
    store.writes.add_permits(9);
    let (app, _) = app(ResponseCacheLayer::new(store.clone()).with_ttl(MINUTE).with_deferred_invalidation(true), &[]);
    assert_eq!(send(&app, Method::GET, "/", &[]).await.2, "call 1");
    for number in 0..3 {
        let answer = app.clone().oneshot(request(Method::POST, "/", &[]));
        assert!(answer.now_or_never().is_some(), "{number}");
    }
    // In this process nothing older is used from the moment of the answer.
    assert_eq!(send(&app, Method::GET, "/", &[]).await.2, "call 5");
    crate::support::eventually("the deletions", || async { (store.deletions.count() == 3).then_some(()) }).await;
}

#[tokio::test]
async fn a_deferred_invalidation_reaches_the_store() {
    let store = Slow::new(false);
    store.writes.add_permits(9);
    let (app, _) = app(ResponseCacheLayer::new(store.clone()).with_ttl(MINUTE).with_deferred_invalidation(true), &[]);
    let (other, _) = self::app(ResponseCacheLayer::new(store).with_ttl(MINUTE), &[]);
    assert_eq!(send(&app, Method::GET, "/", &[]).await.2, "call 1");
    assert_eq!(send(&other, Method::GET, "/", &[]).await.2, "call 1");
    send(&app, Method::POST, "/", &[]).await;
    crate::support::eventually("the deletion", || async {
        let (status, ..) = send(&other, Method::HEAD, "/", &[("cache-control", "only-if-cached")]).await;
        (status == StatusCode::GATEWAY_TIMEOUT).then_some(())
    })
    .await;
}
