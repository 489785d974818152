use crate::support::upstash;
use axum_upstash::{
    ErrorKind,
    client::{ReqwestTransport, Transport, TransportBody, TransportError},
    ratelimit::{
        Algorithm, Attempt, FixedWindow, Gcra, OutagePolicy, Rate, Ratelimit, Reason, SlidingWindow,
        store::MultiRegionStore,
    },
    redis::Redis,
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{Request, Response};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

const DAY: Duration = Duration::from_secs(86_400);

fn limiter(regions: &[&Redis], algorithm: impl Into<Algorithm>, prefix: &str) -> Ratelimit {
    let store = MultiRegionStore::new(regions.iter().map(|redis| (*redis).clone()));
    let limiter = Ratelimit::with_store(store, algorithm).with_prefix(prefix).with_block_cache(None);
    limiter.with_timeout(Duration::from_secs(20)).with_outage_policy(OutagePolicy::Error)
}

/// What a region has counted, by id.
async fn counted(redis: &Redis, prefix: &str) -> BTreeMap<String, i64> {
    let keys: Vec<String> = redis.cmd("KEYS").arg(format!("{prefix}:*")).query().await.unwrap();
    let [key] = &keys[..] else { panic!("{keys:?}") };
    let ttl: i64 = redis.cmd("PTTL").key(key).query().await.unwrap();
    assert!(ttl > 0, "{key} never expires");
    redis.hgetall(key).await.unwrap()
}

#[tokio::test]
async fn regions_learn_of_each_other_and_of_every_cost() {
    let ((_a, one), (_b, two)) = (upstash().await, upstash().await);
    for (prefix, algorithm) in
        [("f", Algorithm::from(FixedWindow::new(10, DAY))), ("s", SlidingWindow::new(10, DAY).into())]
    {
        let both = limiter(&[&one, &two], algorithm, prefix);
        let decision = both.limit(Attempt::new("a").with_cost(3)).await.unwrap();
        assert_eq!((decision.allowed, decision.remaining), (true, 7), "{prefix}");
        // A client that reaches one region only.
        limiter(&[&two], algorithm, prefix).limit(Attempt::new("a").with_cost(4)).await.unwrap();
        both.background().finished().await;
        both.limit("a").await.unwrap();
        both.background().finished().await;
        let (first, second) = (counted(&one, prefix).await, counted(&two, prefix).await);
        assert_eq!(first, second, "{prefix}");
        let mut costs: Vec<i64> = first.into_values().collect();
        costs.sort_unstable();
        assert_eq!(costs, [1, 3, 4], "{prefix}");

        let refused = both.limit(Attempt::new("a").with_cost(3)).await.unwrap();
        assert_eq!((refused.allowed, refused.remaining), (false, 2), "{prefix}");
        both.background().finished().await;
        assert_eq!(counted(&one, prefix).await.len(), 3, "{prefix}: what is refused is not kept");
        assert_eq!(both.refund("a", 4).await.unwrap().remaining, 6, "{prefix}");
        both.background().finished().await;
        assert_eq!(both.remaining("a").await.unwrap().remaining, 6, "{prefix}");
        both.reset_used_tokens("a").await.unwrap();
        assert_eq!(both.remaining("a").await.unwrap().remaining, 10, "{prefix}");
    }
}

#[tokio::test]
async fn a_region_that_is_down_is_left_out_and_catches_up() {
    let ((_a, one), (local, two)) = (upstash().await, upstash().await);
    let both = limiter(&[&one, &two], FixedWindow::new(10, DAY), "down");
    both.limit("a").await.unwrap();
    both.background().finished().await;
    local.stop_redis().await.unwrap();
    for left in [8, 7] {
        let decision = both.limit("a").await.unwrap();
        assert_eq!((decision.reason, decision.remaining), (Reason::Counted, left));
    }
    both.background().finished().await;
    local.restart_redis().await.unwrap();
    crate::support::eventually("the region", || async { two.cmd("PING").query::<String>().await.ok() }).await;
    both.limit("a").await.unwrap();
    both.background().finished().await;
    assert_eq!(counted(&two, "down").await.len(), 4);
    assert_eq!(counted(&one, "down").await, counted(&two, "down").await);
}

#[tokio::test]
async fn what_regions_cannot_do_is_said() {
    let (_local, redis) = upstash().await;
    let error = limiter(&[&redis], Gcra::new(Rate::new(1, DAY), 1), "g").limit("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("GCRA"), "{error}");
}

#[tokio::test]
async fn a_region_that_says_nothing_holds_the_others_up_for_one_deadline() {
    let ((_a, one), (_b, two)) = (upstash().await, upstash().await);
    // It takes connections, and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = Redis::new(format!("http://{}", listener.local_addr().unwrap()), "t").unwrap();
    limiter(&[&one], FixedWindow::new(10, DAY), "hole").limit("a").await.unwrap();
    let all =
        limiter(&[&silent, &one, &two], FixedWindow::new(10, DAY), "hole").with_timeout(Duration::from_millis(500));
    all.limit("a").await.unwrap();
    let finished = tokio::time::timeout(Duration::from_secs(5), all.background().finished());
    finished.await.expect("three deadlines at the most: asked, read, told");
    assert_eq!(counted(&one, "hole").await, counted(&two, "hole").await);
    assert_eq!(counted(&two, "hole").await.len(), 2);
}

/// Sends when it is let.
#[derive(Clone)]
struct Gate(ReqwestTransport, Arc<Semaphore>);

impl Transport for Gate {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<TransportBody>, TransportError>> {
        let (gate, answer) = (Arc::clone(&self.1), self.0.send(request));
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            answer.await
        })
    }
}

#[tokio::test]
async fn what_was_refused_is_taken_back_from_a_region_that_is_late() {
    let ((_a, one), (local, two)) = (upstash().await, upstash().await);
    // The first has no room, the second has.
    limiter(&[&one], FixedWindow::new(1, DAY), "back").limit("a").await.unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let transport = Gate(ReqwestTransport::from_defaults().unwrap(), Arc::clone(&gate));
    let late = Redis::builder(local.url(), local.token()).transport(transport).build().unwrap();
    let both = limiter(&[&one, &late], FixedWindow::new(1, DAY), "back");
    assert!(!both.limit("a").await.unwrap().allowed);
    gate.add_permits(100);
    both.background().finished().await;
    let keys: Vec<String> = two.cmd("KEYS").arg("back:*").query().await.unwrap();
    assert!(keys.is_empty(), "{keys:?}");
}
