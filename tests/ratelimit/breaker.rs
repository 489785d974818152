use crate::support::{Wire, eventually};
use crate::times::now_ms;
use axum_upstash::{
    ErrorKind,
    local::LocalRedis,
    ratelimit::{FixedWindow, OutagePolicy, Ratelimit, Reason},
};
use std::{sync::atomic::Ordering, time::Duration};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_dead_store_is_left_alone_and_found_again() {
    let local = LocalRedis::start().await.unwrap();
    let wire = Wire::new();
    let redis = axum_upstash::redis::Redis::builder(local.url(), local.token())
        .transport(wire.clone())
        .retry(axum_upstash::client::RetryPolicy::default().with_max_retries(0))
        .build()
        .unwrap();
    let limiter = Ratelimit::new(redis, FixedWindow::new(1_000, HOUR)).with_outage_policy(OutagePolicy::Open);
    assert_eq!(limiter.limit("a").await.unwrap().reason, Reason::Counted);
    wire.lose_requests.store(true, Ordering::SeqCst);
    wire.take();
    for _ in 0..100 {
        let decision = limiter.limit("a").await.unwrap();
        assert_eq!((decision.allowed, decision.reason), (true, Reason::Outage));
    }
    assert_eq!(wire.take(), 5, "after five failures no request waits for it");
    wire.lose_requests.store(false, Ordering::SeqCst);
    eventually("recovery", || async { (limiter.limit("a").await.unwrap().reason == Reason::Counted).then_some(()) })
        .await;
}

#[tokio::test]
async fn each_policy_for_timeouts_and_for_errors() {
    let local = LocalRedis::start().await.unwrap();
    let redis = axum_upstash::redis::Redis::new(local.url(), local.token()).unwrap();
    // An answer that no key of this type gives: the store is there, and answers with an error.
    let window = FixedWindow::new(10, HOUR);
    let index = now_ms() / 3_600_000;
    for key in [index, index + 1] {
        redis.cmd("LPUSH").key(format!("broken:a:{key}")).arg("x").query::<u64>().await.unwrap();
    }
    let limiter = Ratelimit::new(redis, window).with_prefix("broken").with_timeout(Duration::from_secs(20));
    let with = |policy| limiter.clone().with_timeout_policy(OutagePolicy::Open).with_error_policy(policy);
    assert!(!with(OutagePolicy::Closed).limit("a").await.unwrap().allowed);
    assert_eq!(with(OutagePolicy::Error).limit("a").await.unwrap_err().kind(), ErrorKind::WrongType);
    let strict = with(OutagePolicy::MemoryLimit(FixedWindow::new(1, HOUR).into()));
    let decisions = [strict.limit("a").await.unwrap(), strict.limit("a").await.unwrap()];
    assert_eq!(decisions.each_ref().map(|decision| (decision.allowed, decision.limit)), [(true, 1), (false, 1)]);
    // Errors of one key do not keep others from the store.
    for _ in 0..10 {
        with(OutagePolicy::Closed).limit("a").await.unwrap();
    }
    assert_eq!(limiter.limit("b").await.unwrap().reason, Reason::Counted);

    // The listener never answers: the timeout's policy applies, and not the error's.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = axum_upstash::redis::Redis::new(format!("http://{}", listener.local_addr().unwrap()), "t").unwrap();
    let limiter = Ratelimit::new(silent, window).with_timeout(Duration::from_millis(30));
    let decision = limiter
        .with_timeout_policy(OutagePolicy::Open)
        .with_error_policy(OutagePolicy::Closed)
        .limit("a")
        .await
        .unwrap();
    assert_eq!((decision.allowed, decision.reason), (true, Reason::Outage));
}
