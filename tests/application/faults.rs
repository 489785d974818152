use crate::support::{cookie, eventually, text};
use axum::{
    Router,
    body::Body,
    routing::{get, post},
};
use axum_upstash::{
    Upstash,
    local::LocalRedis,
    ratelimit::{FixedWindow, OutagePolicy},
    session::{Session, SessionError},
};
use http::{HeaderName, Request, Response, StatusCode, header};
use std::time::Duration;
use tower::ServiceExt;

async fn call(app: &Router, method: &str, path: &str, cookie: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "a.test");
    let request = request.header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

/// Redis dies while the application runs, and comes back.
#[tokio::test]
async fn an_application_outlives_its_redis() {
    let local = LocalRedis::start().await.unwrap();
    let upstash = Upstash::builder().redis(local.url(), local.token()).timeout(Duration::from_secs(1)).build().unwrap();
    let hour = Duration::from_secs(3600);
    let limited = |limit, policy: OutagePolicy| {
        upstash
            .rate_limit_layer(format!("{policy:?}"), FixedWindow::new(limit, hour))
            .with_key_from(HeaderName::from_static("x-client"))
            .map_limiters(|limiter| limiter.with_outage_policy(policy))
    };
    let ok = || get(|| async { "ok" });
    let app = Router::new()
        .route(
            "/open",
            ok().layer(limited(1, OutagePolicy::Open).map_limiters(|limiter| limiter.with_block_cache(None))),
        )
        .route("/closed", ok().layer(limited(100, OutagePolicy::Closed)))
        .route("/memory", ok().layer(limited(2, OutagePolicy::Memory)))
        .route("/prices", ok().layer(upstash.response_cache_layer(hour)))
        .route(
            "/me",
            get(|session: Session| async move {
                Ok::<_, SessionError>(session.get::<String>("user").await?.unwrap_or_default())
            }),
        )
        .route("/login", post(|session: Session| async move { session.insert("user", "ferris").await }))
        .layer(upstash.session_layer());

    let me = cookie(&call(&app, "POST", "/login", "").await).unwrap();
    assert_eq!(text(call(&app, "GET", "/me", &me).await).await, "ferris");
    assert_eq!(call(&app, "GET", "/open", "").await.status(), StatusCode::OK);
    assert_eq!(call(&app, "GET", "/open", "").await.status(), StatusCode::TOO_MANY_REQUESTS);
    call(&app, "GET", "/prices", "").await;

    local.stop_redis().await.unwrap();
    // Many at once, in the middle of it.
    let storm: Vec<_> = (0..20)
        .map(|index| {
            let (app, me) = (app.clone(), me.clone());
            let path = ["/open", "/closed", "/memory", "/prices", "/me"][index % 5];
            tokio::spawn(async move { (path, call(&app, "GET", path, &me).await) })
        })
        .collect();
    let mut counted = 0;
    for response in storm {
        let (path, response) = response.await.expect("nothing panics");
        match path {
            "/open" | "/prices" => assert_eq!(response.status(), StatusCode::OK, "{path}"),
            "/memory" => counted += u32::from(response.status() == StatusCode::OK),
            _ => {
                assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
                assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{path}");
            }
        }
    }
    assert_eq!(counted, 2, "each process counts for itself");

    local.restart_redis().await.unwrap();
    let me = eventually("a login", || async { cookie(&call(&app, "POST", "/login", "").await) }).await;
    assert_eq!(text(call(&app, "GET", "/me", &me).await).await, "ferris");
    for path in ["/open", "/closed", "/memory"] {
        assert_eq!(call(&app, "GET", path, &me).await.status(), StatusCode::OK, "{path}");
    }
    assert_eq!(call(&app, "GET", "/open", &me).await.status(), StatusCode::TOO_MANY_REQUESTS);
    call(&app, "GET", "/prices", "").await;
    let hit = call(&app, "GET", "/prices", "").await;
    assert!(hit.headers()["cache-status"].to_str().unwrap().contains("hit"));
}
