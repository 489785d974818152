//! The rules that apply to a request, alone and together.

use crate::{slow::Slow, support::upstash};
use axum::{Router, body::Body, routing::get};
use axum_upstash::{
    client_ip::ClientIpSource,
    ratelimit::{
        Algorithm, AllowList, Attempt, ClientInfoSource, FixedWindow, Gcra, GrpcRefusal, Key, OutagePolicy, Rate,
        RateLimitLayer, Ratelimit, Reason, RequestHead, Rule, SlidingWindow, TextRefusal, TokenBucket,
    },
};
use http::{HeaderName, Method, Request, Response, StatusCode};
use std::time::Duration;
use tower::ServiceExt;

const HOUR: Duration = Duration::from_secs(3_600);
const USER: HeaderName = HeaderName::from_static("x-user");

fn limiter(limit: u32) -> Ratelimit {
    Ratelimit::memory(FixedWindow::new(limit, HOUR))
}

async fn send(app: &Router, method: Method, path: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(path).header(USER, "a").body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

async fn twice(app: &Router, method: Method, path: &str) -> [u16; 2] {
    [send(app, method.clone(), path).await.status().as_u16(), send(app, method, path).await.status().as_u16()]
}

#[tokio::test]
async fn a_rule_for_get_holds_for_head() {
    let rule = Rule::new("read", limiter(1)).with_key_from(USER).with_method(Method::GET).with_method(Method::DELETE);
    let handler = || async {};
    let app =
        Router::new().route("/", get(handler).post(handler).delete(handler)).layer(RateLimitLayer::from_rule(rule));
    assert_eq!(twice(&app, Method::HEAD, "/").await, [200, 429]);
    assert_eq!(twice(&app, Method::GET, "/").await, [429, 429]);
    assert_eq!(twice(&app, Method::DELETE, "/").await, [429, 429]);
    assert_eq!(twice(&app, Method::POST, "/").await, [200, 200]);
}

#[tokio::test]
async fn routes_are_named_with_what_they_are_nested_at() {
    let rule = |path: &str| Rule::new("items", limiter(1)).with_key_from(USER).with_route(path);
    let nested = |path: &str| {
        let inner = Router::new().route("/items/{id}", get(|| async {})).layer(RateLimitLayer::from_rule(rule(path)));
        Router::new().nest("/api", inner)
    };
    assert_eq!(twice(&nested("/api/items/{id}"), Method::GET, "/api/items/7").await, [200, 429]);
    assert_eq!(twice(&nested("/api/*"), Method::GET, "/api/items/7").await, [200, 429]);
    assert_eq!(twice(&nested("/items/{id}"), Method::GET, "/api/items/7").await, [200, 200]);
    // Around the router nothing is matched yet: the path itself is compared.
    let around = |path: &str| {
        let router = Router::new().route("/items/{id}", get(|| async {}));
        Router::new().fallback_service(tower::Layer::layer(&RateLimitLayer::from_rule(rule(path)), router))
    };
    assert_eq!(twice(&around("/items/7"), Method::GET, "/items/7").await, [200, 429]);
    assert_eq!(twice(&around("/items/*"), Method::GET, "/items/7").await, [200, 429]);
}

#[tokio::test]
async fn several_paths_and_methods_are_one_rule() {
    let rule =
        Rule::new("some", limiter(1)).with_key_from(USER).with_route("/a").with_route("/b/*").with_method(Method::GET);
    let handler = || async {};
    let router = Router::new().route("/a", get(handler)).route("/b/{id}", get(handler)).route("/c", get(handler));
    let app = router.layer(RateLimitLayer::from_rule(rule));
    assert_eq!(send(&app, Method::GET, "/a").await.status(), 200);
    assert_eq!(send(&app, Method::GET, "/b/1").await.status(), 429);
    assert_eq!(twice(&app, Method::GET, "/c").await, [200, 200]);
}

#[tokio::test]
async fn keys_of_two_kinds_do_not_share_a_place() {
    let one = limiter(5).with_prefix("one");
    let layer = RateLimitLayer::new("default", one.clone()).with_key(|_| "10.0.0.1");
    let layer = layer.with_rule(Rule::new("user", one.clone()).with_key_from(USER));
    let app = Router::new().route("/", get(|| async {})).layer(layer);
    assert_eq!(send(&app, Method::GET, "/").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    // Told apart by their routes, they may.
    let rule = |path: &str| Rule::new("path", one.clone()).with_key_from(USER).with_route(path);
    let layer = RateLimitLayer::from_rule(rule("/a")).with_rule(rule("/b"));
    let app = Router::new().route("/a", get(|| async {})).route("/b", get(|| async {})).layer(layer);
    assert_eq!(
        send(&app, Method::GET, "/a").await.headers()["ratelimit"].to_str().unwrap().split(';').nth(1),
        Some("r=4")
    );
    assert_eq!(
        send(&app, Method::GET, "/b").await.headers()["ratelimit"].to_str().unwrap().split(';').nth(1),
        Some("r=3")
    );
}

#[tokio::test]
async fn in_an_outage_the_strictest_policy_holds() {
    let (store, _gate) = Slow::gated();
    let all = Ratelimit::with_store(store, FixedWindow::new(10, HOUR)).with_timeout(Duration::from_millis(5));
    let all = all.with_prefix("all").with_outage_policy(OutagePolicy::Open);
    let with = |policy| all.clone().with_prefix("login").with_outage_policy(policy);
    let ask = async |login: &Ratelimit| {
        let decisions = Ratelimit::limit_all(&[(&all, Attempt::new("a")), (login, Attempt::new("a"))]).await?;
        Ok::<_, axum_upstash::Error>((decisions.allowed(), decisions.most_restrictive().reason.clone()))
    };
    assert_eq!(ask(&with(OutagePolicy::Open)).await.unwrap(), (true, Reason::Outage));
    assert_eq!(ask(&with(OutagePolicy::Closed)).await.unwrap(), (false, Reason::Outage));
    ask(&with(OutagePolicy::Error)).await.unwrap_err();
    let strict = with(OutagePolicy::MemoryLimit(FixedWindow::new(1, HOUR).into()));
    assert_eq!(ask(&strict).await.unwrap(), (true, Reason::CountedInMemory));
    assert_eq!(ask(&strict).await.unwrap(), (false, Reason::CountedInMemory));
}

#[tokio::test]
async fn where_nothing_is_limited_nobody_has_to_say_where_they_come_from() {
    let rule = Rule::new("login", limiter(5)).with_key_from(USER).with_route("/login");
    let layer = RateLimitLayer::from_rule(rule)
        .with_client_info(ClientInfoSource::new().with_ip(ClientIpSource::x_forwarded_for(1)));
    let app = Router::new().route("/login", get(|| async {})).route("/health", get(|| async {})).layer(layer);
    assert_eq!(send(&app, Method::GET, "/health").await.status(), 200);
    assert_eq!(send(&app, Method::GET, "/login").await.status(), 400);
}

#[tokio::test]
async fn who_has_no_key_is_refused_in_the_same_way_as_others() {
    let layer = || RateLimitLayer::new("default", limiter(5));
    let app = |layer: RateLimitLayer| Router::new().route("/", get(|| async {})).layer(layer);
    // The peer is not known here.
    let text = send(&app(layer().with_refusal(TextRefusal)), Method::GET, "/").await;
    assert_eq!(
        (text.status().as_u16(), &text.headers()["content-type"]),
        (500, &"text/plain; charset=utf-8".parse().unwrap())
    );
    let grpc = send(&app(layer().with_refusal(GrpcRefusal)), Method::GET, "/").await;
    assert_eq!((grpc.status().as_u16(), &grpc.headers()["grpc-status"]), (200, &"13".parse().unwrap()));
    let absent = layer().with_key_from(ClientIpSource::x_forwarded_for(1)).with_refusal(GrpcRefusal);
    assert_eq!(send(&app(absent), Method::GET, "/").await.headers()["grpc-status"], "3");
}

#[tokio::test]
async fn lists_and_tenants_in_redis() {
    let (local, redis) = upstash().await;
    let limiter = Ratelimit::new(redis, FixedWindow::new(1, HOUR)).with_timeout(Duration::from_secs(20));
    let limiter = limiter.with_allow_list(AllowList::new().with_user_agents(["monitor/1.0"]));
    let tenants: [(&str, Algorithm); 3] = [
        ("sliding", SlidingWindow::new(2, HOUR).into()),
        ("bucket", TokenBucket::new(2, Rate::new(2, HOUR)).into()),
        ("gcra", Gcra::new(Rate::new(2, HOUR), 2).into()),
    ];
    let layer = RateLimitLayer::new("default", limiter)
        .with_client_info(ClientInfoSource::new().with_user_agent())
        .with_key(move |head: RequestHead<'_>| match head.header("x-user") {
            Some("us") => Key::Allow,
            Some("bad") => Key::Deny,
            Some("health") => Key::Skip,
            Some(user) => match tenants.iter().find(|(name, _)| *name == user) {
                Some((name, algorithm)) => Key::LimitBy((*name).to_owned(), *algorithm),
                None => Key::Limit(user.to_owned()),
            },
            None => Key::Limit("nobody".to_owned()),
        });
    let app = Router::new().route("/", get(|| async {})).layer(layer);
    let ask = async |user: &str, agent: &str| {
        let request = Request::get("/").header(USER, user).header("user-agent", agent).body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    for (name, _) in tenants {
        assert_eq!([ask(name, "x").await, ask(name, "x").await, ask(name, "x").await], [200, 200, 429], "{name}");
    }
    let before = local.requests();
    for (user, agent, wanted) in [("us", "x", 200), ("bad", "x", 403), ("health", "x", 200), ("u", "monitor/1.0", 200)]
    {
        assert_eq!([ask(user, agent).await, ask(user, agent).await], [wanted; 2], "{user} by {agent}");
    }
    assert_eq!(local.requests(), before, "none of them is counted");
}
