use crate::support::{eventually, text, upstash};
use crate::times::{ms, now_ms};
use axum::{Router, body::Body, routing::get};
use axum_upstash::{
    Clock,
    client_ip::ClientIpSource,
    ratelimit::{
        Algorithm, Attempt, Decision, FixedWindow, Gcra, HeaderStyles, Key, OutagePolicy, Rate, RateLimitLayer,
        Ratelimit, Reason, RequestHead, SlidingWindow, TokenBucket, conformance, store::RedisRateLimitStore,
    },
    redis::Redis,
};
use http::{HeaderName, Request, StatusCode};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tower::ServiceExt;

fn algorithms(limit: u32) -> [Algorithm; 4] {
    let hour = Duration::from_secs(3600);
    [
        FixedWindow::new(limit, hour).into(),
        SlidingWindow::new(limit, hour).into(),
        TokenBucket::new(limit, Rate::new(limit, hour)).into(),
        Gcra::new(Rate::new(limit, hour), limit).into(),
    ]
}

#[tokio::test]
async fn redis_passes_the_conformance_suite_and_every_key_expires() {
    let (_local, redis) = upstash().await;
    let store = RedisRateLimitStore::new(redis.clone());
    conformance::run(&store, "conformance").await;
    for seed in 2..12 {
        conformance::run_walk(&store, "conformance", seed).await;
    }
    let keys: Vec<String> = redis.cmd("KEYS").arg("*").query().await.unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        // -2: it has expired meanwhile.
        assert_ne!(redis.cmd("PTTL").key(&key).query::<i64>().await.unwrap(), -1, "{key} never expires");
    }
}

#[tokio::test]
async fn of_many_in_parallel_exactly_the_limit_passes() {
    let (local, _) = upstash().await;
    for (index, algorithm) in algorithms(10).into_iter().enumerate() {
        let tasks: Vec<_> = (0..40)
            .map(|_| {
                // Clients of their own, as different processes have.
                let redis = Redis::new(local.url(), local.token()).unwrap();
                let limiter = Ratelimit::new(redis, algorithm).with_prefix(format!("parallel{index}"));
                let limiter = limiter.with_timeout(Duration::from_secs(20));
                tokio::spawn(async move { limiter.limit("one").await.unwrap() })
            })
            .collect();
        let mut passed = 0;
        for task in tasks {
            let decision = task.await.unwrap();
            assert_eq!(decision.reason, Reason::Counted);
            passed += u32::from(decision.allowed);
        }
        assert_eq!(passed, 10, "{algorithm:?}");
    }
}

#[tokio::test]
async fn keys_are_those_of_the_javascript_limiter() {
    let (_local, redis) = upstash().await;
    let now = now_ms() / 60_000 * 60_000 + 1;
    let (clock, _) = Clock::manual(ms(now));
    let minute = Duration::from_secs(60);
    let algorithms: [Algorithm; 3] = [
        FixedWindow::new(9, minute).into(),
        SlidingWindow::new(9, minute).into(),
        TokenBucket::new(9, Rate::new(1, minute)).into(),
    ];
    for (name, algorithm) in ["fixed", "sliding", "bucket"].into_iter().zip(algorithms) {
        let limiter = Ratelimit::new(redis.clone(), algorithm).with_clock(clock.clone());
        let limiter = limiter.with_prefix("@upstash/ratelimit");
        assert_eq!(limiter.limit(Attempt::new(name).with_cost(4)).await.unwrap().remaining, 5);
    }
    let window = now / 60_000;
    for name in ["fixed", "sliding"] {
        assert_eq!(redis.get::<i64>(format!("@upstash/ratelimit:{name}:{window}")).await.unwrap(), 4);
    }
    let bucket: std::collections::BTreeMap<String, u64> = redis.hgetall("@upstash/ratelimit:bucket").await.unwrap();
    assert_eq!(bucket, std::collections::BTreeMap::from([("refilledAt".to_owned(), now), ("tokens".to_owned(), 5)]));
}

#[tokio::test]
async fn one_request_for_each_decision_and_none_for_what_can_never_pass() {
    let (local, redis) = upstash().await;
    for algorithm in algorithms(10) {
        let limiter = Ratelimit::new(redis.clone(), algorithm).with_prefix(format!("{algorithm:?}"));
        limiter.limit("warm").await.unwrap();
        limiter.remaining("warm").await.unwrap();
        let before = local.requests();
        limiter.limit("a").await.unwrap();
        limiter.remaining("a").await.unwrap();
        assert_eq!(local.requests() - before, 2);
        let decision = limiter.limit(Attempt::new("a").with_cost(11)).await.unwrap();
        assert_eq!((decision.allowed, decision.retry_after, decision.reason), (false, None, Reason::TooCostly));
        assert_eq!(local.requests() - before, 2);
        limiter.reset_used_tokens("a").await.unwrap();
        assert_eq!(limiter.remaining("a").await.unwrap().remaining, 10);
    }
}

#[tokio::test]
async fn an_outage_is_decided_by_the_policy_and_ends_with_it() {
    let (local, _) = upstash().await;
    let limiter = |policy| {
        let redis = Redis::new(local.url(), local.token()).unwrap();
        Ratelimit::new(redis, FixedWindow::new(2, Duration::from_secs(3600)))
            .with_prefix(format!("{policy:?}"))
            .with_timeout(Duration::from_millis(500))
            .with_outage_policy(policy)
    };
    let (open, closed, memory) =
        (limiter(OutagePolicy::Open), limiter(OutagePolicy::Closed), limiter(OutagePolicy::Memory));
    assert_eq!(open.limit("a").await.unwrap().reason, Reason::Counted);
    local.stop_redis().await.unwrap();
    for _ in 0..3 {
        assert!(open.limit("a").await.unwrap().allowed);
        assert!(!closed.limit("a").await.unwrap().allowed);
    }
    let passed = [memory.limit("a").await, memory.limit("a").await, memory.limit("a").await].map(Result::unwrap);
    assert_eq!(passed.each_ref().map(|decision| decision.allowed), [true, true, false]);
    assert!(passed.iter().all(|decision| decision.reason == Reason::CountedInMemory));
    local.restart_redis().await.unwrap();
    for limiter in [&open, &closed, &memory] {
        eventually("recovery", || async {
            (limiter.limit("b").await.unwrap().reason == Reason::Counted).then_some(())
        })
        .await;
    }
}

/// An application that counts how often its handler ran.
fn app(layer: RateLimitLayer) -> (Router, Arc<AtomicU64>) {
    let calls = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&calls);
    let handler = move |decision: Option<Decision>| async move {
        counter.fetch_add(1, Ordering::SeqCst);
        decision.map_or_else(|| "not counted".to_owned(), |decision| format!("{} left", decision.remaining))
    };
    (Router::new().route("/", get(handler)).layer(layer), calls)
}

async fn call(app: &Router, client: Option<&str>) -> http::Response<Body> {
    let mut request = Request::get("/");
    if let Some(client) = client {
        request = request.header("x-api-key", client);
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_layer_refuses_with_a_problem_and_the_handler_does_not_run() {
    let (_local, redis) = upstash().await;
    for limiter in [
        Ratelimit::memory(SlidingWindow::new(2, Duration::from_secs(60))),
        Ratelimit::new(redis, SlidingWindow::new(2, Duration::from_secs(60))),
    ] {
        // In the middle of a window, so that none ends during the test.
        let (clock, _) = Clock::manual(ms(now_ms() / 60_000 * 60_000 + 30_000));
        let layer =
            RateLimitLayer::new("api", limiter.with_clock(clock)).with_key_from(HeaderName::from_static("x-api-key"));
        let (app, calls) = app(layer);
        let first = call(&app, Some("a")).await;
        assert_eq!(first.headers()["ratelimit-policy"], r#""api";q=2;w=60"#);
        assert_eq!(first.headers()["ratelimit"], r#""api";r=1;t=30"#);
        assert_eq!(text(first).await, "1 left");
        call(&app, Some("a")).await;
        let refused = call(&app, Some("a")).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(!refused.extensions().get::<Decision>().unwrap().allowed);
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
        // The window ends in 30 s; half a second and a millisecond later one of the two has slid out.
        assert_eq!(refused.headers()["retry-after"], "31");
        let problem: serde_json::Value = serde_json::from_str(&text(refused).await).unwrap();
        assert_eq!(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
        assert_eq!(problem["violated-policies"], serde_json::json!(["api"]));
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert_eq!(call(&app, Some("b")).await.status(), StatusCode::OK, "another client is not concerned");
    }
}

#[tokio::test]
async fn keys_by_header_closure_and_address() {
    let limiter = || Ratelimit::memory(FixedWindow::new(1, Duration::from_secs(3600)));
    let skip_or_count = |head: RequestHead<'_>| match head.headers().get("x-api-key") {
        Some(key) if key == "internal" => Key::Skip,
        _ => Key::Limit("everybody".to_owned()),
    };
    let (app_skip, _) = app(RateLimitLayer::new("default", limiter()).with_key(skip_or_count));
    let statuses = [
        call(&app_skip, None).await.status(),
        call(&app_skip, None).await.status(),
        call(&app_skip, Some("internal")).await.status(),
    ];
    assert_eq!(statuses, [StatusCode::OK, StatusCode::TOO_MANY_REQUESTS, StatusCode::OK]);
    assert_eq!(text(call(&app_skip, Some("internal")).await).await, "not counted");

    // A header of one client cannot name another's count, nor that of clients without it.
    let (app_header, _) =
        app(RateLimitLayer::new("default", limiter()).with_key_from(HeaderName::from_static("x-api-key")));
    for client in [None, Some("x-api-key-absent"), Some("a"), Some("a=")] {
        assert_eq!(call(&app_header, client).await.status(), StatusCode::OK, "{client:?}");
    }

    // No peer, no guess.
    let (app_peer, calls) = app(RateLimitLayer::new("default", limiter()));
    let refused = call(&app_peer, None).await;
    assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert_eq!(calls.load(Ordering::SeqCst), 0);

    let (app_proxy, _) =
        app(RateLimitLayer::new("default", limiter()).with_key_from(ClientIpSource::x_forwarded_for(1)));
    let from = |ip: &str| {
        let request = Request::get("/").header("x-forwarded-for", format!("6.6.6.6, {ip}")).body(Body::empty());
        app_proxy.clone().oneshot(request.unwrap())
    };
    let statuses = [from("2001:db8::1"), from("2001:db8::2"), from("2001:db8:0:1::1")];
    let mut got = Vec::new();
    for response in statuses {
        got.push(response.await.unwrap().status());
    }
    assert_eq!(got, [StatusCode::OK, StatusCode::TOO_MANY_REQUESTS, StatusCode::OK], "an IPv6 /64 is one client");
}

#[tokio::test]
async fn a_refusal_of_the_application_s_own() {
    let layer = RateLimitLayer::new("default", Ratelimit::memory(FixedWindow::new(0, Duration::from_secs(3600))))
        .with_key(|_: RequestHead<'_>| Key::Limit(String::new()))
        .with_headers(HeaderStyles::NONE)
        .with_refusal(|decision: &Decision, _: &str| {
            let mut response = http::Response::new(format!("come back, limit {}", decision.limit).into());
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response
        });
    let (app, _) = app(layer);
    let response = call(&app, None).await;
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    let names: BTreeSet<&str> = response.headers().keys().map(HeaderName::as_str).collect();
    assert!(!names.contains("ratelimit"), "{names:?}");
    assert_eq!(text(response).await, "come back, limit 0");
}

#[tokio::test]
async fn several_layers_list_their_policies_side_by_side() {
    let layer = |name: &str, limit| {
        RateLimitLayer::new(name, Ratelimit::memory(FixedWindow::new(limit, Duration::from_secs(3600))))
            .with_key(|_: RequestHead<'_>| Key::Limit(String::new()))
    };
    let (app, _) = app(layer("burst", 5));
    let app = app.layer(layer("daily", 100));
    let response = call(&app, None).await;
    let policies: Vec<_> = response.headers().get_all("ratelimit-policy").iter().collect();
    assert_eq!(policies, [r#""burst";q=5;w=3600"#, r#""daily";q=100;w=3600"#]);
}

#[tokio::test]
async fn limits_of_another_window_or_kind_count_apart() {
    let (_local, redis) = upstash().await;
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
    let (clock, _) = Clock::manual(ms(now_ms() / 3_600_000 * 3_600_000 + 1_800_000));
    let algorithms: [Algorithm; 3] = [
        FixedWindow::new(5, minute).into(),
        SlidingWindow::new(5, hour).into(),
        TokenBucket::new(5, Rate::new(1, hour)).into(),
    ];
    let memory = Arc::new(axum_upstash::ratelimit::store::MemoryRateLimitStore::new());
    let limiters = |in_memory: bool| {
        algorithms.map(|algorithm| {
            let limiter = if in_memory {
                Ratelimit::with_store(Arc::clone(&memory), algorithm)
            } else {
                Ratelimit::new(redis.clone(), algorithm)
            };
            limiter.with_clock(clock.clone())
        })
    };
    for in_memory in [true, false] {
        let limiters = limiters(in_memory);
        for round in 0..8 {
            for limiter in &limiters {
                let decision = limiter.limit("one").await.unwrap();
                assert_eq!(decision.allowed, round < 5, "{:?} in memory: {in_memory}", limiter.algorithm());
            }
        }
    }
}

#[tokio::test]
async fn an_api_key_is_in_no_key_of_the_store_and_a_long_one_is_bounded() {
    let (_local, redis) = upstash().await;
    let limiter = Ratelimit::new(redis.clone(), FixedWindow::new(1, Duration::from_secs(3600)));
    let layer = RateLimitLayer::new("default", limiter.clone()).with_key_from(HeaderName::from_static("x-api-key"));
    let (app, _) = app(layer);
    let long = "k".repeat(7_000);
    for client in ["sk_live_secret", long.as_str()] {
        assert_eq!(call(&app, Some(client)).await.status(), StatusCode::OK);
        assert_eq!(call(&app, Some(client)).await.status(), StatusCode::TOO_MANY_REQUESTS);
    }
    limiter.limit(&"id".repeat(50_000)).await.unwrap();
    for key in redis.cmd("KEYS").arg("*").query::<Vec<String>>().await.unwrap() {
        assert!(key.len() < 100 && !key.contains("sk_live"), "{key}");
    }
}
