use crate::support::{Wire, text, upstash};
use axum::{Router, body::Body, routing::get};
use axum_upstash::{
    PrivateResponse,
    local::LocalRedis,
    redis::Redis,
    response_cache::{
        QueryKey, ResponseCacheLayer, conformance,
        store::{MemoryResponseStore, RedisResponseStore},
    },
    session::{self, KeyRing, Session, SessionError, SessionLayer},
};
use http::{Request, Response, header};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tower::ServiceExt;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn redis_passes_the_conformance_suite_and_every_key_expires() {
    let (_local, redis) = upstash().await;
    conformance::run(&RedisResponseStore::new(redis.clone()), tokio::time::sleep).await;
    let keys: Vec<String> = redis.cmd("KEYS").arg("*").query().await.unwrap();
    for key in keys {
        assert!(redis.cmd("PTTL").key(&key).query::<i64>().await.unwrap() > 0, "{key} never expires");
    }
}

/// An application whose handler counts its calls, in the body as well.
fn app(layer: ResponseCacheLayer) -> (Router, Arc<AtomicU64>) {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = |kind: &'static str| {
        let calls = Arc::clone(&calls);
        move || async move {
            let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
            let body =
                if kind == "binary" { vec![0xff, 0x00, u8::try_from(call).unwrap()] } else { call.to_string().into() };
            let vary = if kind == "vary" { "accept-language" } else { "" };
            ([(header::VARY, vary), (header::CONTENT_TYPE, "application/test")], body)
        }
    };
    let router = Router::new()
        .route("/text", get(counted("text")).put(|| async {}))
        .route("/binary", get(counted("binary")))
        .route("/vary", get(counted("vary")));
    (router.layer(layer), calls)
}

async fn call(app: &Router, path: &str, language: &str) -> Response<Body> {
    let request = Request::get(path).header(header::HOST, "a.test").header(header::ACCEPT_LANGUAGE, language);
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().into()
}

#[tokio::test]
async fn what_one_instance_made_is_a_hit_on_the_other() {
    let (local, redis) = upstash().await;
    let other = Redis::new(local.url(), local.token()).unwrap();
    let (one, calls_one) = app(ResponseCacheLayer::new(RedisResponseStore::new(redis)).with_ttl(MINUTE));
    let (two, calls_two) = app(ResponseCacheLayer::new(RedisResponseStore::new(other)).with_ttl(MINUTE));
    for path in ["/text", "/binary", "/vary"] {
        let miss = call(&one, path, "de").await;
        assert!(miss.headers()["cache-status"].to_str().unwrap().contains("stored"), "{path}: {:?}", miss.headers());
        let hit = call(&two, path, "de").await;
        assert!(hit.headers()["cache-status"].to_str().unwrap().contains("; hit; ttl="), "{path}: {:?}", hit.headers());
        assert_eq!(hit.headers()[header::CONTENT_TYPE], "application/test");
        assert!(hit.headers().contains_key(header::AGE));
        assert_eq!(bytes(miss).await, bytes(hit).await, "{path}");
    }
    assert_eq!((calls_one.load(Ordering::SeqCst), calls_two.load(Ordering::SeqCst)), (3, 0));
    assert_eq!(text(call(&two, "/vary", "fr").await).await, "1", "another variant is made anew");
}

#[tokio::test]
async fn a_hit_is_one_round_trip() {
    let local = LocalRedis::start().await.unwrap();
    let wire = Wire::new();
    let (app, _) = app(ResponseCacheLayer::new(RedisResponseStore::new(wire.redis(&local))).with_ttl(MINUTE));
    for path in ["/text", "/vary"] {
        call(&app, path, "de").await;
        wire.take();
        call(&app, path, "de").await;
        assert_eq!(wire.take(), 1, "{path}");
    }
}

#[tokio::test]
async fn without_redis_the_handler_answers() {
    let local = LocalRedis::start().await.unwrap();
    let wire = Wire::new();
    let (app, calls) = app(ResponseCacheLayer::new(RedisResponseStore::new(wire.redis(&local))).with_ttl(MINUTE));
    wire.lose_requests.store(true, Ordering::SeqCst);
    assert_eq!(text(call(&app, "/text", "de").await).await, "1");
    assert_eq!(text(call(&app, "/text", "de").await).await, "2");
    wire.lose_requests.store(false, Ordering::SeqCst);
    call(&app, "/text", "de").await;
    call(&app, "/text", "de").await;
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_response_that_used_its_session_is_never_stored_in_either_order() {
    let sessions = || {
        let keys = KeyRing::new([[1; 32]]).unwrap();
        SessionLayer::new(session::store::MemorySessionStore::new(), keys)
    };
    let cache = || ResponseCacheLayer::new(MemoryResponseStore::new()).with_ttl(MINUTE);
    let routes = || {
        let calls = Arc::new(AtomicU64::new(0));
        let count = move || calls.fetch_add(1, Ordering::SeqCst).to_string();
        let (read, write, plain) = (count.clone(), count.clone(), count);
        Router::new()
            .route(
                "/read",
                get(|session: Session| async move {
                    let _: Option<String> = session.get("user").await?;
                    Ok::<_, SessionError>(([(header::CACHE_CONTROL, "public, max-age=60")], read()))
                }),
            )
            .route(
                "/write",
                get(|session: Session| async move {
                    session.insert("user", 1).await?;
                    Ok::<_, SessionError>(([(header::CACHE_CONTROL, "public, max-age=60")], write()))
                }),
            )
            .route("/plain", get(|_: Session| async move { plain() }))
    };
    for (order, app) in [
        ("cache inside", routes().layer(cache()).layer(sessions())),
        ("cache outside", routes().layer(sessions()).layer(cache())),
    ] {
        for path in ["/read", "/write"] {
            let first = text(call(&app, path, "").await).await;
            assert_ne!(first, text(call(&app, path, "").await).await, "{order}: {path} was stored");
        }
        let first = call(&app, "/plain", "").await;
        assert!(!PrivateResponse::is_marked(first.extensions()));
        assert_eq!(text(first).await, text(call(&app, "/plain", "").await).await, "{order}: /plain was not");
    }
}

async fn stored_bytes(redis: &Redis) -> i64 {
    let keys: Vec<String> = redis.cmd("KEYS").arg("*").query().await.unwrap();
    let mut bytes = 0;
    for key in keys {
        bytes += redis.cmd("STRLEN").key(&key).query::<i64>().await.unwrap();
    }
    bytes
}

#[tokio::test]
async fn made_up_query_strings_do_not_fill_the_database() {
    let (_local, redis) = upstash().await;
    let store = RedisResponseStore::new(redis.clone()).with_capacity(20_000);
    let (app, calls) = app(ResponseCacheLayer::new(store).with_ttl(MINUTE));
    for number in 0..200 {
        assert_eq!(call(&app, &format!("/text?x={number}"), "en").await.status(), 200);
    }
    assert!(stored_bytes(&redis).await <= 20_000);
    assert_eq!(calls.load(Ordering::SeqCst), 200);
    // The first ones are still there, and a deleted one makes room for another.
    assert!(call(&app, "/text?x=0", "en").await.headers()["cache-status"].to_str().unwrap().contains("; hit"));
    let status = call(&app, "/text?x=199", "en").await.headers()["cache-status"].clone();
    assert_eq!(status, "axum-upstash; fwd=uri-miss");
    let put = Request::put("/text?x=0").header(header::HOST, "a.test").body(Body::empty()).unwrap();
    assert_eq!(app.clone().oneshot(put).await.unwrap().status(), 200);
    let status = call(&app, "/text?x=199", "en").await.headers()["cache-status"].clone();
    assert_eq!(status, "axum-upstash; fwd=uri-miss; stored");
}

#[tokio::test]
async fn parameters_that_do_not_count_make_no_resource() {
    let (_local, redis) = upstash().await;
    for (key, same, other) in [
        (QueryKey::none(), &["/text", "/text?", "/text?a=1", "/text?page=2&b"][..], None),
        (QueryKey::only(["page"]), &["/text?page=2", "/text?x=1&page=2", "/text?page=2&y"], Some("/text?page=3")),
        (QueryKey::except(["utm_source"]), &["/text?a=1", "/text?utm_source=x&a=1"], Some("/text?a=2")),
        (QueryKey::all().sorted(), &["/text?a=1&b=2", "/text?b=2&a=1"], Some("/text?a=2&b=1")),
    ] {
        let layer = ResponseCacheLayer::new(RedisResponseStore::new(redis.clone())).with_ttl(MINUTE);
        let (app, calls) = app(layer.with_prefix(format!("{key:?}")).with_query_key(key.clone()));
        for path in same {
            assert_eq!(text(call(&app, path, "en").await).await, "1", "{key:?} {path}");
        }
        if let Some(other) = other {
            assert_eq!(text(call(&app, other, "en").await).await, "2", "{key:?} {other}");
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1 + u64::from(other.is_some()));
    }
}
