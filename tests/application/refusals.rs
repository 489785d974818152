//! A service that refuses every command: the requests of the plan are used up, or the token is not valid.

use crate::{
    log::Log,
    support::{Wire, cookie},
};
use axum::{Router, body::Body, routing::get};
use axum_upstash::{
    ErrorKind,
    local::{LocalRedis, LocalRedisConfig},
    ratelimit::{FixedWindow, OutagePolicy, RateLimitLayer, Ratelimit},
    redis::Redis,
    response_cache::{ResponseCacheLayer, store::RedisResponseStore},
    session::{KeyRing, LoadFailure, Session, SessionError, SessionLayer, store::RedisSessionStore},
};
use http::{HeaderName, Request, StatusCode};
use std::time::Duration;
use tower::ServiceExt;

const HOUR: Duration = Duration::from_secs(3600);

/// A limit that counts in memory in an outage, a session and a cached route.
fn app(redis: &Redis, on_load_failure: LoadFailure) -> Router {
    let limiter = Ratelimit::new(redis.clone(), FixedWindow::new(3, HOUR))
        .with_outage_policy(OutagePolicy::Memory)
        .with_block_cache(None);
    let limit = RateLimitLayer::new("refused", limiter).with_key_from(HeaderName::from_static("x-client"));
    let cache = ResponseCacheLayer::new(RedisResponseStore::new(redis.clone())).with_ttl(HOUR);
    let keys = KeyRing::new(["a secret of sixty-four bytes for the tests of refused commands!!"]).unwrap();
    let sessions = SessionLayer::new(RedisSessionStore::new(redis.clone()), keys);
    let me = async |session: Session| Ok::<_, SessionError>(session.get::<u64>("user").await?.unwrap_or(0).to_string());
    Router::new()
        .route("/limited", get(|| async { "ok" }).layer(limit))
        .route("/cached", get(|| async { "ok" }).layer(cache))
        .route("/login", get(|session: Session| async move { session.insert("user", 7).await }))
        .route("/me", get(me))
        .layer(sessions.with_load_failure(on_load_failure))
}

async fn call(app: &Router, path: &str, cookie: &str) -> http::Response<Body> {
    let request = Request::get(path).header("cookie", cookie).header("x-client", "a").body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

/// Each layer does what its policy says for an outage, Redis is asked in vain a few times, and the log has one line.
async fn assert_policies_apply(app: &Router, wire: &Wire, cookie: &str) -> [u64; 3] {
    let mut asked = [0; 3];
    for (path, asked) in ["/limited", "/me", "/cached"].into_iter().zip(&mut asked) {
        for round in 0..20 {
            let status = call(app, path, cookie).await.status();
            let wanted = match path {
                "/limited" if round >= 3 => StatusCode::TOO_MANY_REQUESTS,
                "/me" => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::OK,
            };
            assert_eq!(status, wanted, "{path} {round}");
        }
        *asked = wire.take();
    }
    asked
}

#[tokio::test]
async fn an_exhausted_plan_is_an_outage_of_its_own() {
    for (config, name) in [
        (LocalRedisConfig::default().with_max_requests(50), "max requests"),
        (LocalRedisConfig::default().with_daily_commands(50), "max daily"),
    ] {
        let local = LocalRedis::start_with(config).await.unwrap();
        let wire = Wire::new();
        let redis = wire.redis(&local);
        let app = app(&redis, LoadFailure::Unavailable);
        let me = cookie(&call(&app, "/login", "").await).unwrap();
        while redis.ping().await.is_ok() {}
        let error = redis.ping().await.unwrap_err();
        assert!(error.kind() == ErrorKind::QuotaExceeded && error.is_outage(), "{error:?}");
        wire.take();

        let (log, _logging) = Log::of(tracing::Level::INFO);
        assert_eq!(assert_policies_apply(&app, &wire, &me).await, [1, 0, 0], "one call finds out for all");
        let text = log.take();
        let named: Vec<_> = text.lines().filter(|line| line.contains("used up")).collect();
        assert!(named.len() == 1 && named[0].contains(name), "{text}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_named_once() {
    let local = LocalRedis::start().await.unwrap();
    let wire = Wire::new();
    let good = wire.redis(&local);
    let me = cookie(&call(&app(&good, LoadFailure::Unavailable), "/login", "").await).unwrap();
    for (token, part) in [("wrong", "token is not valid"), (local.read_only_token(), "may not")] {
        let redis = Redis::builder(local.url(), token).transport(wire.clone()).build().unwrap();
        let app = app(&redis, LoadFailure::Unavailable);
        let (log, _logging) = Log::of(tracing::Level::INFO);
        assert_policies_apply(&app, &wire, &me).await;
        let text = log.take();
        let named: Vec<_> = text.lines().filter(|line| line.contains("ERROR")).collect();
        assert!(named.len() == 1 && named[0].contains(part) && named[0].contains("the Redis token"), "{text}");
        assert!(!text.contains("does not answer"), "it did answer: {text}");

        let app = self::app(&redis, LoadFailure::Anonymous);
        for _ in 0..20 {
            assert_eq!(call(&app, "/me", &me).await.status(), 200, "the policy of the session layer");
        }
        assert_eq!(log.take(), "", "it was said");
    }
}
