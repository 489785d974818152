//! Several layers around one handler, and layers with a limit inside.

use super::*;
use crate::times::ms;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;
use tower::Service;

const MINUTE: Duration = Duration::from_secs(60);

/// A request that is answered, or waits for ever.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), work).await.expect("it waits for itself")
}

fn scripted() -> (ResponseCacheLayer, Scripted) {
    let transport = Scripted::default();
    let redis = Redis::builder("https://redis.example", "token").transport(transport.clone()).build().unwrap();
    (ResponseCacheLayer::new(RedisResponseStore::new(redis)), transport)
}

#[tokio::test]
async fn two_layers_do_not_wait_for_each_other_and_store_once() {
    for head in [&[("cache-control", "max-age=60")][..], &[("cache-control", "max-age=60"), ("vary", "x-a")]] {
        let (layer, transport) = scripted();
        let (inner, calls) = app(layer.clone(), head);
        let app = inner.layer(layer.clone()).layer(layer);
        assert_eq!(within(body(&app, &[])).await, "call 1");
        let writes = transport.commands.lock().unwrap().iter().filter(|command| command[0] == "SET").count();
        assert_eq!(writes, head.len(), "{head:?}");
        assert_eq!(within(body(&app, &[])).await, "call 1");
        assert_eq!(calls.count(), 1);
    }
}

#[tokio::test]
async fn the_innermost_layer_says_for_how_long() {
    let (layer, clock) = layer();
    let calls = Calls::default();
    let counter = calls.clone();
    let page = get(move || {
        let number = counter.add();
        async move { number.to_string() }
    });
    let app = Router::new().route("/", page).layer(layer.clone().with_ttl(MINUTE));
    let app = app.layer(layer.clone().with_ttl(Duration::from_secs(5))).layer(layer);
    assert_eq!(within(body(&app, &[])).await, "1");
    clock.advance(Duration::from_secs(59));
    assert_eq!(within(body(&app, &[])).await, "1");
    clock.advance(Duration::from_secs(1));
    assert_eq!(within(body(&app, &[])).await, "2");
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn a_rewritten_request_that_leads_waits_for_nobody() {
    let (layer, _) = layer();
    let (inner, _) = app(layer.clone(), &[("cache-control", "max-age=60")]);
    let swap = from_fn(|mut request: Request, next: Next| async move {
        tokio::task::yield_now().await;
        *request.uri_mut() = if request.uri() == "/a" { "/b" } else { "/a" }.parse().unwrap();
        request.extensions_mut().remove::<OriginalUri>();
        next.run(request).await
    });
    let service = layer.layer(inner.layer(swap));
    let one = || service.clone().oneshot(request(Method::GET, "/a", &[]));
    let other = || service.clone().oneshot(request(Method::GET, "/b", &[]));
    for response in within(join_all([one(), other(), one(), other()])).await {
        assert!(response.is_ok());
    }
}

#[tokio::test]
async fn a_change_outside_a_nest_is_seen_inside() {
    let (layer, _) = layer();
    let calls = Calls::default();
    let counter = calls.clone();
    let page = move || {
        let number = counter.add();
        async move { ([("cache-control", "max-age=60")], number.to_string()) }
    };
    let cached = Router::new().route("/x", get(page.clone())).route("/", get(page)).layer(layer.clone());
    let app = Router::new().nest("/a/{b}", cached).route("/never", get(|| async {}));
    let change = |uri: &'static str| {
        let route = any(|| async {});
        let app = Router::new().route(uri, route).layer(layer.clone());
        async move { send(&app, Method::POST, uri, &[]).await }
    };
    let get = async |uri| send(&app, Method::GET, uri, &[]).await.2;
    for uri in ["/a/b/x", "/a/b", "/a/b/x?q=1"] {
        let before = get(uri).await;
        assert_eq!(get(uri).await, before, "{uri}");
        change(uri.split('?').next().unwrap()).await;
        assert_eq!(get(uri).await == before, uri.contains('?'), "{uri}");
    }
}

#[tokio::test]
async fn clones_with_other_times_and_prefixes_share_what_the_process_knows() {
    let (layer, _) = layer();
    let (service, gate, calls) = gated(&layer.clone().with_ttl(MINUTE), &[]);
    let clone = layer.clone().with_ttl(MINUTE * 2).layer(service.get_ref().clone());
    let prefixed = layer.with_ttl(MINUTE).with_prefix("other").layer(service.get_ref().clone());
    let start = |service: &ResponseCacheService<_>| Box::pin(service.clone().oneshot(request(Method::GET, "/", &[])));
    let (mut first, mut second, mut third) = (start(&service), start(&clone), start(&prefixed));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    assert_eq!(calls.count(), 1, "a clone did not wait");
    assert!((&mut third).now_or_never().is_none());
    assert_eq!(calls.count(), 2, "another prefix waited");
    gate.add_permits(2);
    assert_eq!(read(first.await.unwrap()).await.2, "call 1");
    assert_eq!(read(second.await.unwrap()).await.2, "call 1");
    assert_eq!(read(third.await.unwrap()).await.2, "call 2");
}

#[tokio::test]
async fn a_clone_with_another_clock_waits_for_itself_only() {
    let (layer, _) = layer();
    let (service, gate, calls) = gated(&layer.clone().with_ttl(MINUTE), &[]);
    let other = layer.with_clock(Clock::manual(ms(START + 3_600_000)).0).layer(service.get_ref().clone());
    let start = |service: &ResponseCacheService<_>| Box::pin(service.clone().oneshot(request(Method::GET, "/", &[])));
    let (mut first, mut second) = (start(&service), start(&other));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    assert_eq!(calls.count(), 2);
    gate.add_permits(2);
    assert!(join_all([first, second]).await.iter().all(Result::is_ok));
}

/// A service that is ready only with one of a few permits, as tower's `ConcurrencyLimiter`.
struct Limited<S> {
    inner: S,
    permits: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl<S: Clone> Clone for Limited<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), permits: Arc::clone(&self.permits), held: None }
    }
}

impl<S> Service<Request> for Limited<S>
where
    S: Service<Request, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.held.is_none() {
            self.held = Arc::clone(&self.permits).try_acquire_owned().ok();
        }
        if self.held.is_some() {
            return self.inner.poll_ready(cx);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let held = self.held.take().expect("called before it was ready");
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await;
            drop(held);
            response
        })
    }
}

#[tokio::test]
async fn who_waits_takes_no_place_from_others() {
    let (layer, _) = layer();
    let (service, gate, calls) = gated(&layer, &[("cache-control", "max-age=60")]);
    let permits = Arc::new(Semaphore::new(2));
    let limited = layer.layer(Limited { inner: service.get_ref().clone(), permits: Arc::clone(&permits), held: None });
    let start = |uri| Box::pin(limited.clone().oneshot(request(Method::GET, uri, &[])));
    let (mut leader, mut follower, mut other) = (start("/"), start("/"), start("/other"));
    assert!((&mut leader).now_or_never().is_none());
    assert!((&mut follower).now_or_never().is_none());
    assert_eq!(permits.available_permits(), 1);
    assert!((&mut other).now_or_never().is_none());
    assert_eq!(calls.count(), 2);

    // The one that waited has to be ready again before it calls.
    drop(leader);
    gate.add_permits(2);
    let (follower, other) = within(async { tokio::join!(follower, other) }).await;
    assert_eq!(read(other.unwrap()).await.2, "call 2");
    assert_eq!(read(follower.unwrap()).await.2, "call 3");
    assert_eq!(permits.available_permits(), 2);
}
