//! The interface as an application meets it: names, defaults, conversions, mistakes in settings.

use crate::support::upstash;
use axum::{Router, body::Body, response::IntoResponse, routing::get};
use axum_upstash::{
    ErrorKind, Upstash,
    ratelimit::{
        Attempt, DenyList, FixedWindow, Gcra, Key, Rate, RateLimitLayer, Ratelimit, Rule, SlidingWindow, TokenBucket,
        store::MemoryRateLimitStore,
    },
};
use http::{HeaderName, Method, Request, StatusCode};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use tower::ServiceExt;

const HOUR: Duration = Duration::from_secs(3_600);
const USER: HeaderName = HeaderName::from_static("x-user");

async fn statuses<const N: usize>(layer: RateLimitLayer, requests: [(Method, &str, &str); N]) -> [u16; N] {
    let routes = || get(|| async {}).post(|| async {});
    let nested = Router::new().route("/items/{id}", routes());
    let app = Router::new().route("/", routes()).nest("/api", nested).layer(layer);
    let mut statuses = [0; N];
    for (status, (method, path, user)) in statuses.iter_mut().zip(requests) {
        let request = Request::builder().method(method).uri(path).header(USER, user).body(Body::empty()).unwrap();
        *status = app.clone().oneshot(request).await.unwrap().status().as_u16();
    }
    statuses
}

const GET: Method = Method::GET;

#[tokio::test]
async fn layers_share_a_count_only_under_one_name() {
    let upstash = Upstash::builder().or_memory().build().unwrap();
    let layer = |name| upstash.rate_limit_layer(name, FixedWindow::new(1, HOUR)).with_key_from(USER);
    let once = |layer| statuses(layer, [(GET, "/", "a")]);
    assert_eq!(once(layer("one")).await, [200]);
    assert_eq!(once(layer("two")).await, [200], "another name is another count");
    assert_eq!(once(layer("one")).await, [429], "the same name is the same count");
    // A limiter of no layer has a count of its own as well.
    assert!(upstash.ratelimit(FixedWindow::new(1, HOUR)).limit("a").await.unwrap().allowed);
}

#[tokio::test]
async fn the_prefix_comes_from_the_name_unless_it_is_set() {
    let (local, _) = upstash().await;
    let state = Upstash::builder().redis(local.url(), local.token()).namespace("app").build().unwrap();
    let window = FixedWindow::new(5, HOUR);
    let slow = |limiter: Ratelimit| limiter.with_timeout(Duration::from_secs(20));
    for name in ["api", "api:v2"] {
        let layer = state.rate_limit_layer(name, window).with_key(|_| "u").map_limiters(slow);
        assert_eq!(statuses(layer, [(GET, "/", "a")]).await, [200]);
    }
    slow(state.ratelimit(window)).limit("u").await.unwrap();
    let shared = slow(state.ratelimit(window)).with_prefix("@upstash/ratelimit");
    let layer = RateLimitLayer::new("shared", shared).with_key(|_| "u");
    assert_eq!(statuses(layer, [(GET, "/", "a")]).await, [200]);

    let mut keys: Vec<String> = state.redis().cmd("KEYS").arg("*").query().await.unwrap();
    keys.iter_mut().for_each(|key| key.truncate(key.rfind(':').unwrap()));
    keys.sort();
    let wanted = ["@upstash/ratelimit:u", "app:limiter:u", "app:ratelimit:api%3Av2:u", "app:ratelimit:api:u"];
    assert_eq!(keys, wanted);
}

#[tokio::test]
async fn a_rule_takes_the_key_and_the_cost_that_it_does_not_set_from_the_layer() {
    let upstash = Upstash::builder().or_memory().build().unwrap();
    let limiter = |limit| upstash.ratelimit(FixedWindow::new(limit, HOUR));
    let own = Rule::new("own", limiter(2)).with_method(Method::POST).with_key(|_| "all").with_cost(|_| 1);
    let inherits = Rule::new("inherits", limiter(2)).with_method(Method::POST);
    let layer =
        |rule: Rule| RateLimitLayer::new("first", limiter(100)).with_rule(rule).with_key_from(USER).with_cost(|_| 2);
    let posts = || [(Method::POST, "/", "a"), (Method::POST, "/", "b"), (Method::POST, "/", "c")];
    assert_eq!(statuses(layer(own), posts()).await, [200, 200, 429], "one key for all, at a cost of 1");
    assert_eq!(statuses(layer(inherits), posts()).await, [200, 200, 200], "a key for each user");
    let again = Rule::new("inherits", limiter(2)).with_method(Method::POST);
    assert_eq!(statuses(layer(again), posts()).await, [429, 429, 429], "at a cost of 2");
}

#[tokio::test]
async fn a_rule_applies_to_a_route_template_or_to_a_path_prefix() {
    let limiter = || Ratelimit::memory(FixedWindow::new(1, HOUR));
    let rule = || Rule::new("items", limiter()).with_key_from(USER);
    let items = |user| [(GET, "/api/items/7", user), (GET, "/api/items/8", user), (GET, "/", user), (GET, "/", user)];
    let route = rule().with_route("/api/items/{id}");
    assert_eq!(statuses(RateLimitLayer::from_rule(route), items("a")).await, [200, 429, 200, 200]);
    let prefix = rule().with_path_prefix("/api/items/7");
    assert_eq!(statuses(RateLimitLayer::from_rule(prefix), items("a")).await, [200, 200, 200, 200]);
    let prefix = rule().with_path_prefix("/api/");
    assert_eq!(statuses(RateLimitLayer::from_rule(prefix), items("a")).await, [200, 429, 200, 200]);
    // Inside the nested router the prefix is still there.
    let layer = RateLimitLayer::from_rule(rule().with_path_prefix("/api/"));
    let app = Router::new().nest("/api", Router::new().route("/items/{id}", get(|| async {})).layer(layer));
    let request = || Request::get("/api/items/7").header(USER, "a").body(Body::empty()).unwrap();
    assert_eq!(app.clone().oneshot(request()).await.unwrap().status(), 200);
    assert_eq!(app.oneshot(request()).await.unwrap().status(), 429);
}

#[tokio::test]
async fn numbers_addresses_and_ids_are_identifiers() {
    let limiter = Ratelimit::memory(FixedWindow::new(1, HOUR));
    let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
    assert!(limiter.limit(7_u64).await.unwrap().allowed);
    assert!(!limiter.limit("7").await.unwrap().allowed);
    assert!(limiter.limit(ip).await.unwrap().allowed);
    assert!(!limiter.limit(String::from("127.0.0.1")).await.unwrap().allowed);
    assert_eq!(limiter.remaining(ip).await.unwrap().remaining, 0);
    assert_eq!(limiter.refund(ip, 1).await.unwrap().remaining, 1);
    limiter.reset_used_tokens(7_u64).await.unwrap();
    assert!(limiter.limit(Attempt::new("7")).await.unwrap().allowed);
    assert_eq!(Key::from(7_u64), Key::Limit("7".to_owned()));
    assert_eq!(Key::from("acme"), Key::Limit("acme".to_owned()));
}

#[tokio::test]
async fn the_limiter_of_a_layer_refunds_what_the_layer_counted() {
    let upstash = Upstash::builder().or_memory().build().unwrap();
    let layer = upstash.rate_limit_layer("api", FixedWindow::new(1, HOUR)).with_key_from(USER);
    assert_eq!(statuses(layer.clone().with_key(|_| "u"), [(GET, "/", "a"), (GET, "/", "a")]).await, [200, 429]);
    layer.limiter("api").unwrap().refund("u", 1).await.unwrap();
    assert_eq!(statuses(layer.clone().with_key(|_| "u"), [(GET, "/", "a")]).await, [200]);
    assert!(layer.limiter("another").is_none());
}

#[tokio::test]
async fn a_window_or_a_rate_of_zero_is_an_error_and_no_limit() {
    let zero = Duration::ZERO;
    let limiters = [
        Ratelimit::memory(FixedWindow::new(5, zero)),
        Ratelimit::memory(SlidingWindow::new(5, zero)),
        Ratelimit::memory(TokenBucket::new(5, Rate::new(1, zero))),
        Ratelimit::memory(TokenBucket::new(5, Rate::per_second(0))),
        Ratelimit::memory(Gcra::new(Rate::per_second(0), 5)),
        Ratelimit::memory(Gcra::new(Rate::per_second(1), 0)),
    ];
    for limiter in limiters {
        let kind = |error: axum_upstash::Error| error.kind();
        assert_eq!(limiter.limit("a").await.map_err(kind), Err(ErrorKind::Configuration), "{limiter:?}");
        assert_eq!(limiter.remaining("a").await.map_err(kind), Err(ErrorKind::Configuration));
        assert_eq!(limiter.refund("a", 1).await.map_err(kind), Err(ErrorKind::Configuration));
        assert_eq!(limiter.reset_used_tokens("a").await.map_err(kind), Err(ErrorKind::Configuration));
        let all = Ratelimit::limit_all(&[(&limiter, "a".into())]).await;
        assert_eq!(all.map(|all| all.allowed()).map_err(kind), Err(ErrorKind::Configuration));
        let layer = RateLimitLayer::new("zero", limiter).with_key_from(USER);
        assert_eq!(statuses(layer, [(GET, "/", "a")]).await, [500]);
    }
}

#[tokio::test]
async fn a_refused_decision_is_a_response() {
    let limiter = Ratelimit::memory(FixedWindow::new(1, HOUR));
    limiter.limit("a").await.unwrap();
    let refused = limiter.limit("a").await.unwrap().into_response();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert_eq!(refused.headers()["ratelimit-policy"], "\"default\";q=1");
    assert!(refused.headers()["ratelimit"].to_str().unwrap().starts_with("\"default\";r=0;t="));
    assert!(refused.headers().contains_key("retry-after"));
    let list = DenyList::new().with_identifiers(["bad"]);
    let denied = limiter.with_deny_list(list).limit("bad").await.unwrap().into_response();
    assert_eq!(denied.status(), StatusCode::FORBIDDEN);
    assert!(!denied.headers().contains_key("ratelimit"));
}

#[tokio::test]
async fn limiters_of_one_state_are_checked_together() {
    let upstash = Upstash::builder().or_memory().build().unwrap();
    let burst = upstash.ratelimit(SlidingWindow::new(1, HOUR)).with_prefix("burst");
    let daily = upstash.ratelimit(FixedWindow::new(2, HOUR)).with_prefix("daily");
    let ask = async || Ratelimit::limit_all(&[(&burst, "a".into()), (&daily, "b".into())]).await.unwrap().allowed();
    assert_eq!([ask().await, ask().await], [true, false]);
    assert_eq!(daily.remaining("b").await.unwrap().remaining, 1, "a refused request counts nothing");
}

#[tokio::test]
async fn a_store_without_deny_lists_says_so() {
    let limiter = Ratelimit::with_store(MemoryRateLimitStore::new(), FixedWindow::new(1, HOUR));
    assert_eq!(limiter.deny_list().add(["a"]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let (_local, redis) = upstash().await;
    let limiter = Ratelimit::new(redis, FixedWindow::new(5, HOUR)).with_timeout(Duration::from_secs(20));
    let limiter = limiter.with_deny_list(DenyList::new().with_shared());
    limiter.deny_list().add(["a", "b"]).await.unwrap();
    let mut listed = limiter.deny_list().list().await.unwrap();
    listed.sort();
    assert_eq!(listed, ["a", "b"]);
    assert!(!limiter.limit("a").await.unwrap().allowed);
    limiter.deny_list().remove(["a"]).await.unwrap();
    assert!(limiter.limit("a").await.unwrap().allowed);
    assert_eq!(limiter.deny_list().list().await.unwrap(), ["b"]);
}
