//! What a decision costs: Upstash bills every command that a script runs, and the script itself.

use crate::redis_server::RedisServer;
use crate::times::{ms, now_ms};
use axum_upstash::{
    Clock,
    ratelimit::{
        Algorithm, Attempt, DenyList, FixedWindow, Gcra, Rate, Ratelimit, SlidingWindow, TokenBucket,
        store::DynamicLimits,
    },
    redis::Redis,
};
use std::time::Duration;

/// How many commands were run since the last look.
async fn billed(redis: &Redis) -> u64 {
    let stats: String = redis.cmd("INFO").arg("commandstats").query().await.unwrap();
    let calls = |line: &str| -> Option<u64> {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let not_ours = ["info", "config|resetstat", "config", "client|setinfo", "client", "hello"].contains(&name);
        (!not_ours).then(|| rest.split(',').next().unwrap().parse().unwrap())
    };
    let sum = stats.lines().filter_map(calls).sum();
    redis.cmd("CONFIG").arg("RESETSTAT").query::<String>().await.unwrap();
    sum
}

#[tokio::test]
async fn no_call_costs_more_than_in_javascript() {
    let server = RedisServer::start();
    let redis = Redis::tcp(server.url()).build().unwrap();
    let minute = Duration::from_secs(60);
    let (clock, _) = Clock::manual(ms(now_ms() / 60_000 * 60_000 + 1_000));
    // The first request, one in between, a refused one, one that is known to be refused, a look, a reset. If JavaScript
    // has the algorithm, none but one is more than its table says: 3 2 2 0 2 3, 5 4 3 0 3 4, 4 4 2 0 2 3. A refusal of
    // a fixed window costs a command that JavaScript spares, because there it stays counted.
    let table: [(Algorithm, [u64; 6]); 4] = [
        (FixedWindow::new(2, minute).into(), [3, 2, 3, 0, 2, 1]),
        (SlidingWindow::new(2, minute).into(), [4, 3, 2, 0, 2, 1]),
        (TokenBucket::new(2, Rate::new(2, minute)).into(), [4, 4, 2, 0, 2, 1]),
        (Gcra::new(Rate::new(2, minute), 2).into(), [3, 3, 2, 0, 2, 1]),
    ];
    for (index, (algorithm, wanted)) in table.into_iter().enumerate() {
        let limiter = Ratelimit::new(redis.clone(), algorithm).with_clock(clock.clone());
        let limiter = limiter.with_prefix(format!("cost{index}"));
        let warm = |name: &'static str| {
            let limiter = limiter.clone();
            async move {
                limiter.limit(name).await.unwrap();
                limiter.remaining(name).await.unwrap();
            }
        };
        warm("warm").await;
        billed(&redis).await;
        let mut got = Vec::new();
        for _ in 0..2 {
            assert!(limiter.limit("a").await.unwrap().allowed);
            got.push(billed(&redis).await);
        }
        // A process that does not know yet that nothing is left.
        let other = limiter.clone().with_block_cache(None);
        assert!(!other.limit("a").await.unwrap().allowed);
        got.push(billed(&redis).await);
        assert!(!limiter.limit("a").await.unwrap().allowed);
        got.push(billed(&redis).await);
        limiter.remaining("a").await.unwrap();
        got.push(billed(&redis).await);
        limiter.reset_used_tokens("a").await.unwrap();
        got.push(billed(&redis).await);
        assert_eq!(got, wanted, "{algorithm:?}");
        assert!(limiter.limit("a").await.unwrap().allowed, "{algorithm:?}");
    }
}

#[tokio::test]
async fn further_limits_and_lists_cost_little() {
    let server = RedisServer::start();
    let redis = Redis::tcp(server.url()).build().unwrap();
    let day = Duration::from_secs(86_400);
    let plain = Ratelimit::new(redis.clone(), FixedWindow::new(9, day)).with_prefix("a");
    let dynamic = plain.clone().with_prefix("b").with_dynamic_limits(DynamicLimits::Identifier);
    let denying = plain.clone().with_prefix("c").with_deny_list(DenyList::new().with_shared());
    for limiter in [&plain, &dynamic, &denying] {
        limiter.limit("x").await.unwrap();
        limiter.remaining("x").await.unwrap();
    }
    billed(&redis).await;
    dynamic.limit("x").await.unwrap();
    assert_eq!(billed(&redis).await, 3, "script, all counters and limits, increment");
    denying.limit("x").await.unwrap();
    assert_eq!(billed(&redis).await, 4, "script, list, counter, increment");
    let second = plain.clone().with_algorithm(SlidingWindow::new(9, day)).with_prefix("d");
    let attempts = || [(&plain, Attempt::new("x")), (&second, Attempt::new("y"))];
    Ratelimit::limit_all(&attempts()).await.unwrap();
    billed(&redis).await;
    Ratelimit::limit_all(&attempts()).await.unwrap();
    assert_eq!(billed(&redis).await, 4, "script, all counters, two increments");
}
