use crate::support::{text, upstash};
use crate::times::{ms, now_ms};
use axum::{
    Extension, Router,
    body::Body,
    extract::Path,
    routing::{get, post},
};
use axum_upstash::{
    Clock,
    ratelimit::{
        ClientInfoSource, Decision, Decisions, DenyList, FixedWindow, GrpcRefusal, HeaderStyles, Key, RateLimitLayer,
        Ratelimit, Reason, RequestHead, Rule, SlidingWindow, TextRefusal,
    },
};
use http::{HeaderName, Method, Request, Response, StatusCode};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tower::{Service, ServiceBuilder, ServiceExt};

const HOUR: Duration = Duration::from_secs(3_600);

pub fn by(header: &'static str) -> HeaderName {
    HeaderName::from_static(header)
}

pub async fn send(app: &Router, method: Method, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

pub async fn status(app: &Router, path: &str, user: &str) -> u16 {
    send(app, Method::GET, path, &[("x-user", user)]).await.status().as_u16()
}

#[tokio::test]
async fn rules_by_method_and_route_are_checked_together() {
    let (local, redis) = upstash().await;
    for all in [
        Ratelimit::memory(FixedWindow::new(6, HOUR)),
        Ratelimit::new(redis, FixedWindow::new(6, HOUR)).with_timeout(Duration::from_secs(20)),
    ] {
        let all = all.with_clock(Clock::manual(ms(now_ms() / 3_600_000 * 3_600_000)).0).with_prefix("all");
        let items = all.clone().with_algorithm(SlidingWindow::new(2, HOUR)).with_prefix("items");
        let layer = RateLimitLayer::new("all", all).with_key_from(by("x-user")).with_rule(
            Rule::new("items", items)
                .with_method(Method::POST)
                .with_route("/items/{id}")
                .with_key(|head: RequestHead<'_>| Key::Limit(head.matched_path().to_owned())),
        );
        let handler = |decisions: Option<Extension<Decisions>>, Path(_): Path<String>| async move {
            decisions.map_or(1, |decisions| decisions.each().len()).to_string()
        };
        let app = Router::new().route("/items/{id}", get(handler).post(handler)).layer(layer);
        let user = [("x-user", "a")];
        let both = send(&app, Method::POST, "/items/1", &user).await;
        let policies: Vec<_> = both.headers().get_all("ratelimit-policy").iter().collect();
        assert_eq!(policies, [r#""all";q=6;w=3600"#, r#""items";q=2;w=3600"#]);
        let left: Vec<_> = both.headers().get_all("ratelimit").iter().collect();
        assert_eq!(left, [r#""all";r=5;t=3600"#, r#""items";r=1;t=3600"#]);
        assert_eq!(text(both).await, "2");
        send(&app, Method::POST, "/items/2", &user).await;
        let before = local.requests();
        let refused = send(&app, Method::POST, "/items/3", &user).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        let problem: serde_json::Value = serde_json::from_str(&text(refused).await).unwrap();
        assert_eq!(problem["violated-policies"], serde_json::json!(["items"]));
        assert!(local.requests() - before <= 1);
        // The first rule did not count what the second one refused.
        let read = send(&app, Method::GET, "/items/1", &user).await;
        assert_eq!(read.headers()["ratelimit"], r#""all";r=3;t=3600"#);
        assert_eq!(text(read).await, "1");
    }
}

#[tokio::test]
async fn rules_that_do_not_go_together_are_an_error_of_the_server() {
    let one = Ratelimit::memory(FixedWindow::new(6, HOUR)).with_prefix("one");
    let layer = RateLimitLayer::new("default", one.clone()).with_key_from(by("x-user"));
    let layer = layer.with_rule(Rule::new("same", one).with_key_from(by("x-user")));
    let app = Router::new().route("/", get(|| async {})).layer(layer);
    assert_eq!(status(&app, "/", "a").await, 500);
}

#[tokio::test]
async fn keys_that_are_waited_for_and_tenants_with_limits_of_their_own() {
    let layer = RateLimitLayer::new("default", Ratelimit::memory(FixedWindow::new(1, HOUR))).with_async_key(
        |head: RequestHead<'_>| {
            let user = head.header("x-user").map(str::to_owned);
            async move {
                tokio::task::yield_now().await;
                Ok(match user.as_deref() {
                    Some("big") => Key::LimitBy("big".to_owned(), FixedWindow::new(3, Duration::from_secs(60)).into()),
                    Some("us") => Key::Allow,
                    Some("bad") => Key::Deny,
                    Some("health") => Key::Skip,
                    Some(user) => Key::Limit(user.to_owned()),
                    None => return Err(axum_upstash::Problem::new(StatusCode::UNAUTHORIZED, "Who are you?")),
                })
            }
        },
    );
    let handler = |decision: Option<Decision>| async move { format!("{:?}", decision.map(|decision| decision.reason)) };
    let app = Router::new().route("/", get(handler)).layer(layer);
    let ask = |user: &'static str| send(&app, Method::GET, "/", Box::leak(Box::new([("x-user", user)])));
    assert_eq!(ask("big").await.headers()["ratelimit-policy"], r#""default";q=3;w=60"#);
    assert_eq!(
        [status(&app, "/", "big").await, status(&app, "/", "big").await, status(&app, "/", "big").await],
        [200, 200, 429]
    );
    assert_eq!([status(&app, "/", "small").await, status(&app, "/", "small").await], [200, 429]);
    assert_eq!(text(ask("us").await).await, format!("{:?}", Some(Reason::Exempt)));
    assert_eq!(text(ask("health").await).await, "None");
    assert_eq!(ask("bad").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(send(&app, Method::GET, "/", &[]).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn costs_skips_and_shadow() {
    let limiter = || Ratelimit::memory(FixedWindow::new(5, HOUR));
    let layer = RateLimitLayer::new("default", limiter())
        .with_key_from(by("x-user"))
        .with_cost(|head: RequestHead<'_>| if head.uri().path() == "/export" { 4 } else { 1 })
        .with_skip(|head: RequestHead<'_>| head.uri().path() == "/health");
    let ok = || get(|| async {});
    let app = Router::new().route("/", ok()).route("/export", ok()).route("/health", ok()).layer(layer);
    assert_eq!([status(&app, "/export", "a").await, status(&app, "/export", "a").await], [200, 429]);
    assert_eq!([status(&app, "/", "a").await, status(&app, "/", "a").await], [200, 429]);
    assert_eq!(status(&app, "/health", "a").await, 200);

    let layer = RateLimitLayer::new("default", Ratelimit::memory(FixedWindow::new(1, HOUR))).with_shadow_mode(true);
    let handler = |decision: Decision| async move { decision.allowed.to_string() };
    let app = Router::new().route("/", get(handler)).layer(layer.with_key_from(by("x-user")));
    for expected in ["true", "false"] {
        let response = send(&app, Method::GET, "/", &[("x-user", "a")]).await;
        assert!(!response.headers().keys().any(|name| name.as_str().contains("ratelimit")));
        assert_eq!((response.status(), text(response).await), (StatusCode::OK, expected.to_owned()));
    }
}

#[tokio::test]
async fn logins_that_succeed_are_given_back() {
    let (_local, redis) = upstash().await;
    for limiter in [
        Ratelimit::memory(FixedWindow::new(2, HOUR)),
        Ratelimit::new(redis, FixedWindow::new(2, Duration::from_secs(86_400))).with_timeout(Duration::from_secs(20)),
    ] {
        let layer = RateLimitLayer::new("default", limiter.clone()).with_key_from(by("x-user")).skip_successful();
        let login =
            |body: String| async move { if body == "right" { StatusCode::OK } else { StatusCode::UNAUTHORIZED } };
        let app = Router::new().route("/login", post(login)).layer(layer);
        let mut statuses = Vec::new();
        for password in ["right", "right", "right", "wrong", "right", "wrong", "right"] {
            let request = Request::post("/login").header("x-user", "a").body(Body::from(password)).unwrap();
            statuses.push(app.clone().oneshot(request).await.unwrap().status().as_u16());
            limiter.background().finished().await;
        }
        assert_eq!(statuses, [200, 200, 200, 401, 200, 401, 429]);
    }
}

#[tokio::test]
async fn lists_see_where_a_request_comes_from() {
    let limiter = Ratelimit::memory(FixedWindow::new(100, HOUR))
        .with_deny_list(DenyList::new().try_with_networks(["203.0.113.0/24"]).unwrap().with_countries(["XX"]));
    let client_info = ClientInfoSource::new()
        .with_ip(axum_upstash::client_ip::ClientIpSource::x_forwarded_for(1))
        .with_country(by("cf-ipcountry"));
    let layer = RateLimitLayer::new("default", limiter).with_key_from(by("x-user")).with_client_info(client_info);
    let app = Router::new().route("/", get(|| async {})).layer(layer);
    for (ip, country, wanted) in [("203.0.113.9", "DE", 403), ("192.0.2.1", "XX", 403), ("192.0.2.1", "DE", 200)] {
        let headers = [("x-forwarded-for", ip), ("cf-ipcountry", country)];
        assert_eq!(send(&app, Method::GET, "/", &headers).await.status().as_u16(), wanted, "{ip} {country}");
    }
    assert_eq!(send(&app, Method::GET, "/", &[]).await.status(), StatusCode::BAD_REQUEST, "no client evades the list");
}

#[tokio::test]
async fn refusals_as_text_and_for_grpc() {
    let layer = |limit| {
        RateLimitLayer::new("default", Ratelimit::memory(FixedWindow::new(limit, HOUR))).with_key_from(by("x-user"))
    };
    let app = Router::new().route("/", get(|| async {})).layer(layer(0).with_refusal(TextRefusal));
    let refused = send(&app, Method::GET, "/", &[]).await;
    assert_eq!(refused.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(text(refused).await, "Too many requests");
    let app = Router::new().route("/", get(|| async {})).layer(layer(0).with_refusal(GrpcRefusal));
    let refused = send(&app, Method::GET, "/", &[]).await;
    assert_eq!((refused.status(), &refused.headers()["grpc-status"]), (StatusCode::OK, &"8".parse().unwrap()));
}

#[tokio::test]
async fn older_fields_beside_the_current_ones() {
    let layer =
        RateLimitLayer::new("default", Ratelimit::memory(FixedWindow::new(5, HOUR))).with_key_from(by("x-user"));
    let app = Router::new()
        .route("/", get(|| async {}))
        .layer(layer.with_headers(HeaderStyles::CURRENT | HeaderStyles::LEGACY | HeaderStyles::DRAFT_6));
    let response = send(&app, Method::GET, "/", &[]).await;
    for (name, value) in
        [("x-ratelimit-remaining", "4"), ("ratelimit-limit", "5"), ("ratelimit-policy", r#""default";q=5;w=3600"#)]
    {
        assert_eq!(response.headers()[name], value);
    }
}

#[tokio::test]
async fn on_a_route_in_a_service_builder_and_around_any_service() {
    let layer =
        || RateLimitLayer::new("default", Ratelimit::memory(FixedWindow::new(1, HOUR))).with_key_from(by("x-user"));
    let app = Router::new().route("/limited", get(|| async {})).route_layer(layer()).route("/free", get(|| async {}));
    assert_eq!([status(&app, "/limited", "a").await, status(&app, "/limited", "a").await], [200, 429]);
    assert_eq!([status(&app, "/free", "a").await, status(&app, "/free", "a").await], [200, 200]);
    assert_eq!(status(&app, "/nowhere", "a").await, 404);

    let calls = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&calls);
    let service = ServiceBuilder::new().layer(layer()).service_fn(move |_: Request<Body>| {
        counter.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, std::convert::Infallible>(Response::new(Body::empty())) }
    });
    for _ in 0..3 {
        service.clone().oneshot(Request::new(Body::empty())).await.unwrap();
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn beneath_a_layer_that_empties_bodies_and_above_a_service_that_is_rarely_ready() {
    use std::task::{Context, Poll};
    /// As `tower_http::cors`, which needs a body to put in place of another.
    struct Emptying<S>(S);
    impl<S, B: Default> tower::Service<Request<Body>> for Emptying<S>
    where
        S: tower::Service<Request<Body>, Response = Response<B>>,
        S::Future: Send + 'static,
    {
        type Response = Response<B>;
        type Error = S::Error;
        type Future = futures_core::future::BoxFuture<'static, Result<Response<B>, S::Error>>;
        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
            self.0.poll_ready(cx)
        }
        fn call(&mut self, request: Request<Body>) -> Self::Future {
            let response = self.0.call(request);
            Box::pin(async move { response.await.map(|response| response.map(|_| B::default())) })
        }
    }
    /// Ready only after `poll_ready`, which each clone has to be asked for itself.
    #[derive(Default)]
    struct Insisting(bool);
    impl Clone for Insisting {
        fn clone(&self) -> Self {
            Self(false)
        }
    }
    impl tower::Service<Request<Body>> for Insisting {
        type Response = Response<Body>;
        type Error = std::convert::Infallible;
        type Future = std::future::Ready<Result<Response<Body>, Self::Error>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            self.0 = true;
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: Request<Body>) -> Self::Future {
            assert!(std::mem::take(&mut self.0), "called before it was ready");
            std::future::ready(Ok(Response::new(Body::from("a body"))))
        }
    }

    let (_local, redis) = upstash().await;
    for limiter in [Ratelimit::memory(FixedWindow::new(2, HOUR)), Ratelimit::new(redis, FixedWindow::new(2, HOUR))] {
        let layer =
            RateLimitLayer::new("default", limiter.with_timeout(Duration::from_secs(20))).with_key_from(by("x-user"));
        let mut service = ServiceBuilder::new().layer_fn(Emptying).layer(layer).service(Insisting::default());
        for _ in 0..2 {
            let response = service.ready().await.unwrap().call(Request::new(Body::empty())).await.unwrap();
            let body = axum::body::to_bytes(Body::new(response.into_body()), 10).await.unwrap();
            assert!(body.is_empty());
        }
    }
}

#[tokio::test]
async fn preflights_count_unless_the_layer_leaves_them_alone() {
    let limiter = Ratelimit::memory(FixedWindow::new(1, Duration::from_secs(60)));
    let layer = RateLimitLayer::new("default", limiter).with_key(|_| "all");
    let preflight = |method: &str| {
        let request = Request::builder().method(method).header("origin", "https://a.test");
        request.header("access-control-request-method", "POST").body(Body::empty()).unwrap()
    };
    for (layer, statuses) in [
        (layer.clone(), [200, 429, 429]),
        (layer.map_limiters(|limiter| limiter.with_prefix("b")).skip_preflights(), [200, 200, 200]),
    ] {
        let app = Router::new().fallback(|| async {}).layer(layer);
        for wanted in statuses {
            let response = app.clone().oneshot(preflight("OPTIONS")).await.unwrap();
            assert_eq!(response.status(), wanted);
            assert_eq!(response.headers().contains_key("ratelimit"), statuses[1] == 429);
        }
        // Other requests count as ever.
        let plain =
            Request::builder().method("OPTIONS").header("origin", "https://a.test").body(Body::empty()).unwrap();
        let first = if statuses[1] == 429 { 429 } else { 200 };
        assert_eq!(app.clone().oneshot(plain).await.unwrap().status(), first);
        assert_eq!(app.oneshot(preflight("POST")).await.unwrap().status(), 429);
    }
}
