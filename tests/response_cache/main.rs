//! The response cache in front of axum handlers and bare services.
#![cfg(all(
    feature = "response-cache",
    feature = "axum",
    feature = "client-ip",
    feature = "qstash",
    feature = "ratelimit",
    feature = "session",
    feature = "testing"
))]

use axum::{
    Extension, Router,
    body::Body,
    extract::{OriginalUri, Request},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use axum_upstash::{
    Clock, Error, ErrorKind, ManualClock, PrivateResponse,
    client::{Transport, TransportBody, TransportError, TransportErrorKind},
    redis::Redis,
    response_cache::{
        CacheOutcome, ResponseCacheLayer, ResponseCacheService,
        store::{MemoryResponseStore, Record, Records, RedisResponseStore, ResponseStore},
    },
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::{FutureExt, future::join_all, stream};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use std::{
    collections::HashMap,
    convert::Infallible,
    future::{Future, pending},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use times::ms;
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneService};

mod admission;
mod flights;
mod invalidation;
mod layers;
mod model;
mod over_redis;
mod private;
#[path = "../shared/random.rs"]
mod random;
#[path = "../shared/support.rs"]
#[allow(dead_code, unreachable_pub)]
mod support;
#[path = "../shared/times.rs"]
#[allow(dead_code, unreachable_pub)]
mod times;
mod wire;

const START: u64 = 784_111_777_000; // Sun, 06 Nov 1994 08:49:37 GMT

#[derive(Clone, Default, Debug)]
struct Calls(Arc<AtomicUsize>);

impl Calls {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

fn layer() -> (ResponseCacheLayer, ManualClock) {
    let (clock, hand) = Clock::manual(ms(START));
    let store = MemoryResponseStore::new().with_clock(clock.clone());
    (ResponseCacheLayer::new(store).with_clock(clock), hand)
}

/// Answers with the headers of `head` and the number of the call.
fn app(layer: ResponseCacheLayer, head: &[(&'static str, &'static str)]) -> (Router, Calls) {
    let calls = Calls::default();
    let (counter, head) = (calls.clone(), head.to_vec());
    let handler = move || {
        let (number, head) = (counter.add(), head.clone());
        async move {
            let mut response = format!("call {number}").into_response();
            for (name, value) in head {
                response.headers_mut().append(HeaderName::from_static(name), value.parse().unwrap());
            }
            response
        }
    };
    (Router::new().fallback(any(handler)).layer(layer), calls)
}

fn request(method: Method, uri: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

async fn send(app: &Router, method: Method, uri: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
    read(app.clone().oneshot(request(method, uri, headers)).await.unwrap()).await
}

async fn fetch(app: &Router, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
    send(app, Method::GET, "/", headers).await
}

async fn body(app: &Router, headers: &[(&str, &str)]) -> String {
    fetch(app, headers).await.2
}

async fn read<B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>>(
    response: Response<B>,
) -> (StatusCode, HeaderMap, String) {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(bytes.into()).unwrap())
}

#[tokio::test]
async fn a_miss_is_stored_and_a_hit_says_its_age() {
    let (layer, clock) = layer();
    let (app, calls) = app(layer, &[("cache-control", "max-age=60")]);
    let (_, headers, first) = fetch(&app, &[]).await;
    assert_eq!(headers["cache-status"], "axum-upstash; fwd=uri-miss; stored");
    assert_eq!(headers["date"], "Sun, 06 Nov 1994 08:49:37 GMT");
    assert!(!headers.contains_key("age"));

    for (step, age, ttl) in [(0, 0, 60), (500, 0, 60), (500, 1, 59), (58_999, 59, 1)] {
        clock.advance(Duration::from_millis(step));
        let (status, headers, body) = fetch(&app, &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, first.as_str()));
        assert_eq!(headers["age"], age.to_string());
        assert_eq!(headers["cache-status"], format!("axum-upstash; hit; ttl={ttl}"));
        assert_eq!(headers["date"], "Sun, 06 Nov 1994 08:49:37 GMT");
    }
    clock.advance(Duration::from_millis(1));
    assert_eq!(fetch(&app, &[]).await.1["cache-status"], "axum-upstash; fwd=uri-miss; stored");
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn what_is_stored() {
    let minute = Some(Duration::from_secs(60));
    for (ttl, head, is_stored) in [
        (None, &[][..], false),
        (minute, &[], true),
        (None, &[("cache-control", "max-age=60")], true),
        (None, &[("cache-control", "max-age=0, s-maxage=60")], true),
        (None, &[("cache-control", "s-maxage=0, max-age=60")], false),
        (minute, &[("cache-control", "max-age=0")], false),
        (minute, &[("cache-control", "no-store")], false),
        (minute, &[("cache-control", "private")], false),
        (minute, &[("cache-control", "no-cache")], false),
        (minute, &[("set-cookie", "a=b")], false),
        (minute, &[("cache-control", "public, max-age=60"), ("set-cookie", "a=b")], false),
        (minute, &[("vary", "*")], false),
        (minute, &[("content-type", "text/event-stream")], false),
        (minute, &[("age", "60")], false),
        (minute, &[("age", "59")], true),
        (None, &[("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], true),
    ] {
        let (mut layer, _clock) = layer();
        if let Some(ttl) = ttl {
            layer = layer.with_ttl(ttl);
        }
        let (app, calls) = app(layer, head);
        fetch(&app, &[]).await;
        fetch(&app, &[]).await;
        assert_eq!(calls.count(), if is_stored { 1 } else { 2 }, "{ttl:?} {head:?}");
    }
}

#[tokio::test]
async fn set_cookie_is_stored_where_one_says_so() {
    let (app, calls) = app(layer().0.with_set_cookie(true), &[("cache-control", "max-age=60"), ("set-cookie", "a=b")]);
    fetch(&app, &[]).await;
    assert_eq!(fetch(&app, &[]).await.1["set-cookie"], "a=b");
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn headers_for_one_client_are_not_stored() {
    let head = [("cache-control", "max-age=60"), ("ratelimit", "\"a\";r=1"), ("retry-after", "5"), ("x-app", "kept")];
    let (app, _) = app(layer().0, &head);
    assert!(fetch(&app, &[]).await.1.contains_key("ratelimit"));
    let hit = fetch(&app, &[]).await.1;
    assert!(!hit.contains_key("ratelimit") && !hit.contains_key("retry-after"));
    assert_eq!(hit["x-app"], "kept");
}

#[tokio::test]
async fn variants_live_side_by_side() {
    let (layer, clock) = layer();
    let (app, calls) = app(layer, &[("cache-control", "max-age=60"), ("vary", "Accept-Language")]);
    let (de, en) = ([("accept-language", "de")], [("accept-language", "en")]);
    assert_eq!(body(&app, &de).await, "call 1");
    assert_eq!(fetch(&app, &en).await.1["cache-status"], "axum-upstash; fwd=vary-miss; stored");
    assert_eq!(body(&app, &de).await, "call 1");
    assert_eq!(body(&app, &en).await, "call 2");
    assert_eq!(body(&app, &[]).await, "call 3");
    assert_eq!(calls.count(), 3);

    send(&app, Method::POST, "/", &[]).await;
    assert_eq!(body(&app, &de).await, "call 5");
    assert_eq!(body(&app, &en).await, "call 6", "an old variant came back with the new record");
    clock.advance(Duration::from_secs(61));
    assert_eq!(body(&app, &de).await, "call 7");
}

#[tokio::test]
async fn variants_are_found_by_a_process_that_knows_nothing() {
    let store = MemoryResponseStore::new();
    let head = [("cache-control", "max-age=60"), ("vary", "x-a")];
    let (one, _) = app(ResponseCacheLayer::new(store.clone()), &head);
    let (two, calls) = app(ResponseCacheLayer::new(store), &head);
    assert_eq!(body(&one, &[("x-a", "1")]).await, "call 1");
    assert_eq!(body(&two, &[("x-a", "1")]).await, "call 1");
    assert_eq!(calls.count(), 0);
}

#[tokio::test]
async fn a_client_with_the_same_version_gets_304() {
    let (app, calls) = app(layer().0, &[("cache-control", "max-age=60"), ("content-type", "text/plain")]);
    let (_, headers, _) = fetch(&app, &[("if-none-match", "\"other\"")]).await;
    let etag = headers["etag"].to_str().unwrap().to_owned();
    assert!(etag.starts_with("W/\"") && etag.len() == 20, "{etag}");

    let (status, headers, body) = fetch(&app, &[("if-none-match", &format!("\"x\", {etag}"))]).await;
    assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(headers["etag"], etag);
    assert_eq!(headers["age"], "0");
    assert!(headers.contains_key("date") && headers.contains_key("cache-control"));
    assert!(!headers.contains_key("content-type"));
    let since = [("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")];
    assert_eq!(fetch(&app, &since).await.0, StatusCode::NOT_MODIFIED);
    assert_eq!(fetch(&app, &[("if-none-match", "\"x\""), since[0]]).await.0, StatusCode::OK);
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn a_304_on_a_miss_leaves_a_whole_response_for_others() {
    let (app, calls) = app(layer().0, &[("cache-control", "max-age=60"), ("etag", "\"v1\"")]);
    let (status, headers, body) = fetch(&app, &[("if-none-match", "\"v1\"")]).await;
    assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(headers["cache-status"], "axum-upstash; fwd=uri-miss; stored");
    assert_eq!(fetch(&app, &[]).await.2, "call 1");
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn head_is_answered_from_get_and_not_stored() {
    let (app, calls) = app(layer().0, &[("cache-control", "max-age=60")]);
    send(&app, Method::HEAD, "/", &[]).await;
    assert_eq!(body(&app, &[]).await, "call 2");
    let (status, headers, body) = send(&app, Method::HEAD, "/", &[]).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
    assert_eq!(headers["content-length"], "6");
    assert_eq!(headers["cache-status"], "axum-upstash; hit; ttl=60");
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn the_request_has_a_say() {
    let (layer, clock) = layer();
    let (app, calls) = app(layer, &[("cache-control", "max-age=60")]);
    let (status, headers, _) = fetch(&app, &[("cache-control", "only-if-cached")]).await;
    assert_eq!((status, calls.count()), (StatusCode::GATEWAY_TIMEOUT, 0));
    assert_eq!(headers["content-type"], "application/problem+json");

    fetch(&app, &[("cache-control", "no-store")]).await;
    assert_eq!(body(&app, &[]).await, "call 2");
    clock.advance(Duration::from_secs(10));
    assert_eq!(body(&app, &[("cache-control", "only-if-cached")]).await, "call 2");
    assert_eq!(body(&app, &[("cache-control", "max-age=10")]).await, "call 2");
    assert_eq!(body(&app, &[("cache-control", "min-fresh=50")]).await, "call 2");
    assert_eq!(body(&app, &[("cache-control", "max-age=9")]).await, "call 3");
    assert_eq!(body(&app, &[("cache-control", "min-fresh=61")]).await, "call 4");
    let (_, headers, text) = fetch(&app, &[("cache-control", "no-cache")]).await;
    assert_eq!(headers["cache-status"], "axum-upstash; fwd=request; stored");
    assert_eq!(text, "call 5");
    assert_eq!(body(&app, &[("pragma", "no-cache")]).await, "call 6");
    assert_eq!(body(&app, &[("cache-control", "nothing-to-see-here"), ("pragma", "foo")]).await, "call 6");
}

#[tokio::test]
async fn the_request_has_no_say_where_that_is_off() {
    let (app, calls) = app(layer().0.with_request_directives(false), &[("cache-control", "max-age=60")]);
    for value in ["no-cache", "no-store", "max-age=0", "only-if-cached"] {
        assert_eq!(body(&app, &[("cache-control", value)]).await, "call 1");
    }
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn parts_upgrades_and_bodies_go_to_the_handler() {
    let (app, calls) = app(layer().0, &[("cache-control", "max-age=60")]);
    for (index, header) in
        [("range", "bytes=0-1"), ("upgrade", "websocket"), ("if-match", "*"), ("content-length", "3")]
            .into_iter()
            .enumerate()
    {
        let (_, headers, _) = fetch(&app, &[header]).await;
        assert_eq!(headers["cache-status"], "axum-upstash; fwd=bypass");
        assert_eq!(calls.count(), index + 1);
    }
}

#[tokio::test]
async fn authorization_needs_a_word_of_permission() {
    let authorization = [("authorization", "Bearer a")];
    for (value, is_shared) in [("max-age=60", false), ("public, max-age=60", true), ("s-maxage=60", true)] {
        let (app, calls) = app(layer().0, &[("cache-control", value)]);
        fetch(&app, &authorization).await;
        fetch(&app, &authorization).await;
        assert_eq!(calls.count(), if is_shared { 1 } else { 2 }, "{value}");
        fetch(&app, &[]).await;
        let before = calls.count();
        fetch(&app, &authorization).await;
        assert_eq!(calls.count() - before, usize::from(!is_shared), "{value}");
    }
}

#[tokio::test]
async fn a_change_that_succeeds_makes_it_forgotten() {
    let calls = Calls::default();
    let counter = calls.clone();
    let read = move || {
        let number = counter.add();
        async move { ([("cache-control", "max-age=60")], format!("call {number}")) }
    };
    let write = |headers: HeaderMap| async move {
        if headers.contains_key("x-fail") { StatusCode::CONFLICT } else { StatusCode::SEE_OTHER }
    };
    let route = get(read).post(write).delete(write).options(write);
    let app = Router::new().route("/{*path}", route).layer(layer().0);
    let get = async || send(&app, Method::GET, "/a?b", &[]).await.2;
    assert_eq!(get().await, "call 1");
    for (method, uri, headers, expected) in [
        (Method::POST, "/a?b", &[("x-fail", "1")][..], "call 1"),
        (Method::POST, "/a", &[], "call 1"),
        (Method::OPTIONS, "/a?b", &[], "call 1"),
        (Method::POST, "/a?b", &[], "call 2"),
        (Method::DELETE, "/a?b", &[], "call 3"),
    ] {
        let (_, head, _) = send(&app, method.clone(), uri, headers).await;
        assert_eq!(head["cache-status"], "axum-upstash; fwd=method");
        assert_eq!(get().await, expected, "{method} {uri}");
    }
}

#[tokio::test]
async fn what_was_changed_while_it_was_made_is_not_stored() {
    let (gate, calls) = (Arc::new(Semaphore::new(0)), Calls::default());
    let (layer, _) = layer();
    let (held, counter) = (Arc::clone(&gate), calls.clone());
    let service = layer.layer(service_fn(move |request: Request| {
        let (gate, number) = (Arc::clone(&held), counter.add());
        async move {
            if request.method() == Method::GET {
                gate.acquire().await.unwrap().forget();
            }
            Ok::<_, Infallible>(([("cache-control", "max-age=60")], number.to_string()).into_response())
        }
    }));
    let mut old = Box::pin(service.clone().oneshot(request(Method::GET, "/", &[])));
    assert!((&mut old).now_or_never().is_none());
    service.clone().oneshot(request(Method::PUT, "/", &[])).await.unwrap();
    gate.add_permits(2);
    assert_eq!(old.await.unwrap().headers()["cache-status"], "axum-upstash; fwd=uri-miss");
    let new = service.oneshot(request(Method::GET, "/", &[])).await.unwrap();
    assert_eq!(read(new).await.2, "3");
}

#[tokio::test]
async fn personal_responses_are_never_stored() {
    let cached = || ([("cache-control", "max-age=60")], "mine");
    let by_handler = move |Extension(private_response): Extension<PrivateResponse>| async move {
        private_response.mark();
        cached()
    };
    let by_inner_layer = from_fn(|request: Request, next: Next| async move {
        let mut response = next.run(request).await;
        PrivateResponse::of(response.extensions_mut()).mark();
        response
    });
    let while_streaming = move |Extension(private_response): Extension<PrivateResponse>| async move {
        let body = stream::once(async move {
            private_response.mark();
            Ok::<_, Infallible>("mine")
        });
        ([("cache-control", "max-age=60")], Body::from_stream(body))
    };
    let app = Router::new()
        .route("/handler", get(by_handler))
        .route("/layer", get(move || async move { cached() }).layer(by_inner_layer))
        .route("/stream", get(while_streaming))
        .layer(layer().0);
    for uri in ["/handler", "/layer", "/stream"] {
        for _ in 0..2 {
            let (_, headers, body) = send(&app, Method::GET, uri, &[]).await;
            assert_eq!(headers["cache-status"], "axum-upstash; fwd=uri-miss", "{uri}");
            assert_eq!(body, "mine");
        }
    }
}

#[tokio::test]
async fn a_request_that_is_personal_already_gets_no_stored_response() {
    let (inner, calls) = app(layer().0, &[("cache-control", "max-age=60")]);
    fetch(&inner, &[]).await;
    let outer = inner.layer(from_fn(|mut request: Request, next: Next| async move {
        PrivateResponse::of(request.extensions_mut()).mark();
        next.run(request).await
    }));
    assert_eq!(fetch(&outer, &[]).await.1["cache-status"], "axum-upstash; fwd=bypass");
    assert_eq!(calls.count(), 2);
}

type Chunk = Result<Frame<Bytes>, &'static str>;

type Inner<B> = BoxCloneService<Request, Response<B>, Infallible>;

/// A service whose body has these frames.
fn streaming(
    layer: &ResponseCacheLayer,
    frames: impl Fn() -> Vec<Chunk> + Clone + Send + 'static,
) -> ResponseCacheService<Inner<UnsyncBoxBody<Bytes, &'static str>>> {
    layer.layer(BoxCloneService::new(service_fn(move |_: Request| {
        let body = StreamBody::new(stream::iter(frames())).boxed_unsync();
        let response = Response::builder().header("cache-control", "max-age=60").body(body).unwrap();
        async move { Ok(response) }
    })))
}

fn data(text: &'static str) -> Chunk {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

#[tokio::test]
async fn a_body_over_the_limit_comes_whole_and_unstored() {
    for (limit, is_stored) in [(6, true), (5, false), (2, false), (0, false)] {
        let service = streaming(&layer().0.with_body_limit(limit), || vec![data("abc"), data("def")]);
        for round in 0..2 {
            let response = service.clone().oneshot(request(Method::GET, "/", &[])).await.unwrap();
            let outcome = *response.extensions().get::<CacheOutcome>().unwrap();
            assert_eq!(outcome == CacheOutcome::Hit, is_stored && round == 1, "{limit}");
            assert_eq!(read(response).await.2, "abcdef", "{limit}");
        }
    }
}

#[tokio::test]
async fn a_broken_body_breaks_where_it_broke() {
    let service = streaming(&layer().0, || vec![data("abc"), Err("broken")]);
    for _ in 0..2 {
        let response = service.clone().oneshot(request(Method::GET, "/", &[])).await.unwrap();
        assert_eq!(response.headers()["cache-status"], "axum-upstash; fwd=uri-miss");
        let mut body = Box::pin(response.into_body());
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "abc");
        assert_eq!(body.frame().await.unwrap().unwrap_err(), "broken");
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test]
async fn trailers_come_through_and_are_not_stored() {
    let trailers = || Ok(Frame::trailers(HeaderMap::from_iter([(http::header::ETAG, "\"t\"".parse().unwrap())])));
    let service = streaming(&layer().0, move || vec![data("abc"), trailers()]);
    for _ in 0..2 {
        let response = service.clone().oneshot(request(Method::GET, "/", &[])).await.unwrap();
        assert_eq!(response.headers()["cache-status"], "axum-upstash; fwd=uri-miss");
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["etag"], "\"t\"");
        assert_eq!(collected.to_bytes(), "abc");
    }
}

#[tokio::test]
async fn a_body_shorter_than_it_says_is_not_stored() {
    let (app, calls) = app(layer().0, &[("cache-control", "max-age=60"), ("content-length", "100")]);
    fetch(&app, &[]).await;
    fetch(&app, &[]).await;
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn nested_routers_and_hosts_do_not_collide() {
    let page = |OriginalUri(uri): OriginalUri| async move { ([("cache-control", "max-age=60")], uri.to_string()) };
    let (layer, _) = layer();
    let inner = || Router::new().route("/x", get(page)).layer(layer.clone());
    let app = Router::new().nest("/a", inner()).nest("/b", inner());
    for (uri, host) in [("/a/x", "one"), ("/b/x", "one"), ("/a/x", "two"), ("/a/x?q", "one")] {
        let (_, headers, body) = send(&app, Method::GET, uri, &[("host", host)]).await;
        assert_eq!(headers["cache-status"], "axum-upstash; fwd=uri-miss; stored", "{uri} {host}");
        assert_eq!(body, uri);
    }
    assert_eq!(
        send(&app, Method::GET, "/b/x", &[("host", "ONE")]).await.1["cache-status"],
        "axum-upstash; hit; ttl=60"
    );
}

/// A service that waits for a permit before each answer.
fn gated(
    layer: &ResponseCacheLayer,
    head: &'static [(&'static str, &'static str)],
) -> (ResponseCacheService<Inner<Body>>, Arc<Semaphore>, Calls) {
    let (gate, calls) = (Arc::new(Semaphore::new(0)), Calls::default());
    let (held, counter) = (Arc::clone(&gate), calls.clone());
    let service = layer.layer(BoxCloneService::new(service_fn(move |_: Request| {
        let (gate, number) = (Arc::clone(&held), counter.add());
        async move {
            gate.acquire().await.unwrap().forget();
            let mut response = format!("call {number}").into_response();
            for (name, value) in head {
                response.headers_mut().append(*name, value.parse().unwrap());
            }
            Ok(response)
        }
    })));
    (service, gate, calls)
}

#[tokio::test]
async fn of_many_requests_at_once_one_reaches_the_handler() {
    let (service, gate, calls) = gated(&layer().0, &[("cache-control", "max-age=60")]);
    let all = join_all((0..50).map(|_| service.clone().oneshot(request(Method::GET, "/", &[]))));
    let (responses, ()) = tokio::join!(all, async { gate.add_permits(1) });
    assert_eq!(calls.count(), 1);
    let mut collapsed = 0;
    for response in responses {
        let response = response.unwrap();
        collapsed += usize::from(response.headers()["cache-status"] == "axum-upstash; fwd=uri-miss; collapsed");
        assert_eq!(read(response).await.2, "call 1");
    }
    assert_eq!(collapsed, 49);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reaches_the_handler_on_several_threads_too() {
    for _ in 0..50 {
        let (service, gate, calls) = gated(&layer().0, &[("cache-control", "max-age=60")]);
        gate.add_permits(50);
        let tasks: Vec<_> =
            (0..50).map(|_| tokio::spawn(service.clone().oneshot(request(Method::GET, "/", &[])))).collect();
        for task in tasks {
            assert_eq!(read(task.await.unwrap().unwrap()).await.2, "call 1");
        }
        assert_eq!(calls.count(), 1);
    }
}

#[tokio::test]
async fn when_the_leader_leaves_another_takes_over() {
    let (service, gate, calls) = gated(&layer().0, &[("cache-control", "max-age=60")]);
    let start = || Box::pin(service.clone().oneshot(request(Method::GET, "/", &[])));
    let (mut first, mut second, mut third) = (start(), start(), start());
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    assert!((&mut third).now_or_never().is_none());
    assert_eq!(calls.count(), 1);
    drop(first);
    assert!((&mut third).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    assert_eq!(calls.count(), 2);
    gate.add_permits(1);
    let (third, second) = tokio::join!(third, second);
    assert_eq!(read(third.unwrap()).await.2, "call 2");
    assert_eq!(read(second.unwrap()).await.2, "call 2");
}

#[tokio::test]
async fn a_handler_that_panics_does_not_keep_others_waiting() {
    let calls = Calls::default();
    let counter = calls.clone();
    let service = layer().0.layer(service_fn(move |_: Request| {
        let number = counter.add();
        async move {
            tokio::task::yield_now().await;
            assert!(number > 1, "the first call panics");
            Ok::<_, Infallible>(([("cache-control", "max-age=60")], number.to_string()).into_response())
        }
    }));
    let start = || tokio::spawn(service.clone().oneshot(request(Method::GET, "/", &[])));
    let (first, second) = (start(), start());
    assert!(first.await.is_err());
    assert_eq!(read(second.await.unwrap().unwrap()).await.2, "2");
}

#[tokio::test]
async fn a_response_for_one_is_not_shared_and_nobody_waits_there_again() {
    let (service, gate, calls) = gated(&layer().0, &[("cache-control", "private")]);
    let start = || Box::pin(service.clone().oneshot(request(Method::GET, "/", &[])));
    let (mut first, mut second) = (start(), start());
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    assert_eq!(calls.count(), 1);
    gate.add_permits(1);
    assert_eq!(read(first.await.unwrap()).await.2, "call 1");
    assert!((&mut second).now_or_never().is_none());
    assert_eq!(calls.count(), 2);
    let (mut third, mut fourth) = (start(), start());
    assert!((&mut third).now_or_never().is_none());
    assert!((&mut fourth).now_or_never().is_none());
    assert_eq!(calls.count(), 4, "requests waited for each other");
    gate.add_permits(3);
    for response in join_all([second, third, fourth]).await {
        assert!(response.is_ok());
    }
}

#[tokio::test]
async fn each_variant_has_a_flight_of_its_own() {
    let (service, gate, calls) = gated(&layer().0, &[("cache-control", "max-age=60"), ("vary", "x-a")]);
    let start = |value| Box::pin(service.clone().oneshot(request(Method::GET, "/", &[("x-a", value)])));
    let all = join_all([start("1"), start("2"), start("1"), start("2"), start("2")]);
    let (responses, ()) = tokio::join!(all, async { gate.add_permits(5) });
    let mut bodies = Vec::new();
    for response in responses {
        bodies.push(read(response.unwrap()).await.2);
    }
    assert_eq!(bodies, ["call 1", "call 2", "call 1", "call 2", "call 2"]);
    assert_eq!(calls.count(), 2);
}

/// A store that is down, or that never answers.
#[derive(Debug)]
struct Broken {
    hangs: bool,
}

impl Broken {
    fn answer<T: Send + 'static>(&self) -> BoxFuture<'_, Result<T, Error>> {
        match self.hangs {
            true => Box::pin(pending()),
            false => Box::pin(async { Err(Error::new(ErrorKind::Connect, "down")) }),
        }
    }
}

impl ResponseStore for Broken {
    fn get<'a>(&'a self, _: &'a str, _: Option<&'a str>) -> BoxFuture<'a, Result<Records, Error>> {
        self.answer()
    }

    fn put<'a>(&'a self, _: &'a str, _: Record, _: Duration) -> BoxFuture<'a, Result<(), Error>> {
        self.answer()
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.answer()
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_store_the_handler_answers() {
    for hangs in [false, true] {
        let (app, calls) = app(ResponseCacheLayer::new(Broken { hangs }), &[("cache-control", "max-age=60")]);
        for _ in 0..2 {
            let (status, headers, _) = fetch(&app, &[]).await;
            assert_eq!(
                (status, &headers["cache-status"]),
                (StatusCode::OK, &"axum-upstash; fwd=uri-miss".parse().unwrap())
            );
        }
        assert_eq!(send(&app, Method::POST, "/", &[]).await.0, StatusCode::OK);
        assert_eq!(calls.count(), 3);
    }
}

#[tokio::test]
async fn errors_of_the_service_stay_its_own() {
    let service = layer().0.layer(service_fn(|_: Request| async { Err::<Response, _>("failed") }));
    assert_eq!(service.oneshot(request(Method::GET, "/", &[])).await.unwrap_err(), "failed");
}

#[tokio::test]
async fn the_outcome_is_in_the_extensions() {
    let (app, _) = app(layer().0.with_name("my cache"), &[("cache-control", "max-age=60")]);
    for (method, headers, outcome) in [
        (Method::GET, &[][..], CacheOutcome::Miss),
        (Method::GET, &[], CacheOutcome::Hit),
        (Method::GET, &[("range", "bytes=0-")], CacheOutcome::Bypass),
        (Method::PUT, &[], CacheOutcome::Bypass),
        (Method::GET, &[("cache-control", "only-if-cached")], CacheOutcome::Refused),
    ] {
        let response = app.clone().oneshot(request(method, "/", headers)).await.unwrap();
        assert_eq!(response.extensions().get(), Some(&outcome));
        assert!(response.headers()["cache-status"].to_str().unwrap().starts_with("\"my cache\"; "));
    }
}

#[test]
fn futures_can_move_between_threads() {
    fn is_send(_: impl Future + Send) {}
    let service = layer().0.layer(service_fn(|_: Request| async { Ok::<_, Infallible>(Response::new(Body::empty())) }));
    is_send(service.oneshot(request(Method::GET, "/", &[])));
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn the_memory_store_conforms() {
    let (clock, hand) = Clock::manual(ms(START));
    let store = MemoryResponseStore::new().with_clock(clock);
    axum_upstash::response_cache::conformance::run(&store, async |by| hand.advance(by)).await;
}

/// Answers `MGET`, `SET` and `UNLINK`, and remembers what was sent.
#[derive(Clone, Default)]
struct Scripted {
    commands: Arc<Mutex<Vec<Vec<String>>>>,
    values: Arc<Mutex<HashMap<String, String>>>,
}

impl Transport for Scripted {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        let command: Vec<String> = serde_json::from_slice(request.body()).unwrap();
        let mut values = self.values.lock().unwrap();
        let result = match command[0].as_str() {
            "MGET" => {
                command[1..].iter().map(|key| values.get(key).map(|value| BASE64_STANDARD.encode(value))).collect()
            }
            "SET" => {
                values.insert(command[1].clone(), command[2].clone());
                "OK".into()
            }
            "UNLINK" => serde_json::json!(values.remove(&command[1]).iter().len()),
            other => panic!("{other} was sent"),
        };
        self.commands.lock().unwrap().push(command);
        let body = Body::from(serde_json::json!({ "result": result }).to_string());
        let body = body.map_err(|error| TransportError::new(TransportErrorKind::Interrupted, error)).boxed_unsync();
        Box::pin(async move { Ok(http::Response::new(body)) })
    }
}

#[tokio::test]
async fn a_hit_in_redis_is_one_command_and_every_key_expires() {
    let transport = Scripted::default();
    let redis = Redis::builder("https://redis.example", "token").transport(transport.clone()).build().unwrap();
    let (clock, hand) = Clock::manual(ms(START));
    let layer = ResponseCacheLayer::new(RedisResponseStore::new(redis)).with_clock(clock);
    let (app, calls) = app(layer, &[("cache-control", "max-age=60"), ("vary", "x-a")]);
    let sent = || std::mem::take(&mut *transport.commands.lock().unwrap());
    let names = |commands: &[Vec<String>]| commands.iter().map(|command| command[0].clone()).collect::<Vec<_>>();

    assert_eq!(body(&app, &[("x-a", "1")]).await, "call 1");
    let commands = sent();
    assert_eq!(names(&commands), ["MGET", "SET", "SET"]);
    assert!(commands[1..].iter().all(|command| command[3] == "PX"));
    assert_eq!(commands[1][4], "60000");

    assert_eq!(body(&app, &[("x-a", "1")]).await, "call 1");
    assert_eq!(names(&sent()), ["MGET"]);
    assert_eq!(body(&app, &[("x-a", "2")]).await, "call 2");
    assert_eq!(names(&sent()), ["MGET", "SET"], "the record of Vary was written again");

    // A store that keeps a record too long does no harm, nor does one that holds something else.
    hand.advance(Duration::from_secs(60));
    assert_eq!(fetch(&app, &[("x-a", "1")]).await.1["cache-status"], "axum-upstash; fwd=stale; stored");
    transport.values.lock().unwrap().values_mut().for_each(|value| *value = "of another version".to_owned());
    assert_eq!(fetch(&app, &[("x-a", "1")]).await.1["cache-status"], "axum-upstash; fwd=uri-miss; stored");
    sent();
    send(&app, Method::DELETE, "/", &[]).await;
    assert_eq!(names(&sent()), ["UNLINK"]);
    assert_eq!(calls.count(), 5);
}
