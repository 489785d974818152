use crate::times::{ms, now_ms};
use crate::{algorithms, support::upstash};
use axum_upstash::{
    Clock, ErrorKind,
    ratelimit::{
        Algorithm, Attempt, BlockCache, FixedWindow, Gcra, Rate, Ratelimit, Reason, SlidingWindow, TokenBucket,
        conformance,
        store::{DynamicLimits, HashTag, RedisRateLimitStore},
    },
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const PATIENT: Duration = Duration::from_secs(20);

fn in_a_window() -> (Clock, axum_upstash::ManualClock) {
    Clock::manual(ms(now_ms() / 60_000 * 60_000))
}

#[tokio::test]
async fn with_hash_tags_the_suite_passes_as_well() {
    let (_local, redis) = upstash().await;
    for tag in [HashTag::Identifier, HashTag::Prefix] {
        let store = RedisRateLimitStore::new(redis.clone()).with_hash_tag(tag);
        conformance::run_walk(&store, &format!("tag-{tag:?}"), 7).await;
    }
    let keys: Vec<String> = redis.cmd("KEYS").arg("tag-*").query().await.unwrap();
    assert_eq!(keys, [""; 0], "all begin with their tag");
    conformance::run(&RedisRateLimitStore::new(redis.clone()).with_hash_tag(HashTag::Prefix), "whole").await;
}

#[tokio::test]
async fn who_has_nothing_left_is_not_asked_for_again_until_the_time() {
    let (local, redis) = upstash().await;
    for (index, algorithm) in
        [Algorithm::from(SlidingWindow::new(10, MINUTE)), Gcra::new(Rate::new(10, MINUTE), 10).into()]
            .into_iter()
            .enumerate()
    {
        let (clock, hands) = in_a_window();
        let limiter = Ratelimit::new(redis.clone(), algorithm).with_prefix(format!("block{index}"));
        let limiter = limiter.with_clock(clock).with_timeout(PATIENT);
        let last = limiter.limit(Attempt::new("a").with_cost(10)).await.unwrap();
        let before = local.requests();
        let refused = limiter.limit("a").await.unwrap();
        assert_eq!((refused.allowed, refused.reason, last.remaining), (false, Reason::Blocked, 0));
        let wait = refused.retry_after.unwrap();
        // What costs more has to wait longer, and that is known as well.
        let dearer = limiter.limit(Attempt::new("a").with_cost(2)).await.unwrap();
        assert!(dearer.retry_after.unwrap() > wait, "{algorithm:?}");
        hands.advance(wait - Duration::from_millis(1));
        assert_eq!(limiter.limit("a").await.unwrap().reason, Reason::Blocked);
        assert_eq!(local.requests(), before, "{algorithm:?}");
        hands.advance(Duration::from_millis(1));
        let decision = limiter.limit("a").await.unwrap();
        assert_eq!((decision.allowed, decision.reason), (true, Reason::Counted), "{algorithm:?}");
        // A refund opens the way at once.
        limiter.refund("a", 1).await.unwrap();
        assert!(limiter.limit("a").await.unwrap().allowed, "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_block_cache_can_be_shared_and_left_out() {
    let (local, redis) = upstash().await;
    let cache = BlockCache::new(100);
    let make = || Ratelimit::new(redis.clone(), FixedWindow::new(1, Duration::from_secs(86_400))).with_timeout(PATIENT);
    let (one, two) = (make().with_block_cache(cache.clone()), make().with_block_cache(cache));
    one.limit("a").await.unwrap();
    let before = local.requests();
    assert_eq!(two.limit("a").await.unwrap().reason, Reason::Blocked);
    assert_eq!(local.requests(), before);
    assert_eq!(make().with_block_cache(None).limit("a").await.unwrap().reason, Reason::Counted);
    // A client with a higher limit on the same count is not held back by one that has used up a lower limit.
    let higher = two.with_algorithm(FixedWindow::new(9, Duration::from_secs(86_400)));
    assert!(higher.limit("a").await.unwrap().allowed);
}

#[tokio::test]
async fn dynamic_limits_are_those_of_javascript_and_one_s_own() {
    let (_local, redis) = upstash().await;
    let limiter = Ratelimit::new(redis.clone(), TokenBucket::new(5, Rate::new(1, Duration::from_secs(86_400))))
        .with_prefix("dyn");
    let limiter = limiter.with_timeout(PATIENT);
    assert_eq!(limiter.set_dynamic_limit(Some(1)).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let limiter = limiter.with_dynamic_limits(DynamicLimits::Identifier);
    assert_eq!(limiter.dynamic_limit().await.unwrap(), None);
    limiter.set_dynamic_limit(Some(2)).await.unwrap();
    assert_eq!(redis.get::<String>("dyn:dynamic:global").await.unwrap(), "2");
    let decision = limiter.limit("a").await.unwrap();
    assert_eq!((decision.limit, decision.remaining), (2, 1));
    // More than the algorithm's own limit, which is not what counts.
    limiter.set_dynamic_limit_of("b", Some(50)).await.unwrap();
    let decision = limiter.limit(Attempt::new("b").with_cost(30)).await.unwrap();
    assert_eq!((decision.allowed, decision.limit, decision.remaining), (true, 50, 20));
    assert_eq!(limiter.dynamic_limit_of("b").await.unwrap(), Some(50));
    limiter.set_dynamic_limit_of("b", None).await.unwrap();
    assert_eq!(limiter.limit("b").await.unwrap().limit, 2);
    // Something else than a number is as good as nothing.
    redis.set("dyn:dynamic:global", "many").await.unwrap();
    assert_eq!(limiter.limit("c").await.unwrap().limit, 5);
}

#[tokio::test]
async fn several_limits_at_once_are_one_request() {
    let (local, redis) = upstash().await;
    let burst = Ratelimit::new(redis.clone(), SlidingWindow::new(3, Duration::from_secs(86_400))).with_prefix("burst");
    let burst = burst.with_timeout(PATIENT);
    let daily =
        burst.clone().with_algorithm(Gcra::new(Rate::new(5, Duration::from_secs(86_400)), 5)).with_prefix("daily");
    let all = || async { Ratelimit::limit_all(&[(&burst, "ip".into()), (&daily, "user".into())]).await.unwrap() };
    all().await;
    let before = local.requests();
    let decisions = all().await;
    assert_eq!(local.requests() - before, 1);
    assert_eq!(decisions.each().iter().map(|decision| decision.remaining).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(decisions.most_restrictive_index(), 0);
    all().await;
    let refused = all().await;
    assert_eq!((refused.allowed(), refused.most_restrictive_index()), (false, 0));
    assert_eq!(daily.remaining("user").await.unwrap().remaining, 2, "a refused request is not counted");

    let other = Ratelimit::memory(FixedWindow::new(1, MINUTE));
    for wrong in [&[][..], &[(&burst, "a".into()), (&other, "a".into())], &[(&burst, "a".into()), (&burst, "a".into())]]
    {
        assert_eq!(Ratelimit::limit_all(wrong).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test(start_paused = true)]
async fn waits_exactly_as_long_as_it_takes() {
    let (clock, hands) = in_a_window();
    let limiter = Ratelimit::memory(Gcra::new(Rate::new(1, Duration::from_secs(10)), 1)).with_clock(clock);
    limiter.limit("a").await.unwrap();
    let refused = limiter.block_until_ready("a", Duration::from_secs(9)).await.unwrap();
    assert_eq!((refused.allowed, refused.retry_after), (false, Some(Duration::from_secs(10))), "not in time");
    let never = limiter.block_until_ready(Attempt::new("a").with_cost(2), Duration::from_secs(3_600)).await.unwrap();
    assert_eq!(never.reason, Reason::TooCostly);

    let started = tokio::time::Instant::now();
    let waiting = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.block_until_ready("a", Duration::from_secs(30)).await.unwrap() }
    });
    tokio::task::yield_now().await;
    hands.advance(Duration::from_secs(10));
    assert!(waiting.await.unwrap().allowed);
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(10) && waited <= Duration::from_millis(11_010), "{waited:?}");

    // Given up: nothing was counted.
    let mut gone = Box::pin(limiter.block_until_ready("a", Duration::from_secs(30)));
    assert!(futures_util::FutureExt::now_or_never(gone.as_mut()).is_none());
    drop(gone);
    hands.advance(Duration::from_secs(10));
    assert!(limiter.limit("a").await.unwrap().allowed);
}

#[tokio::test]
async fn remaining_says_what_a_request_would_meet() {
    let (_local, redis) = upstash().await;
    for (index, algorithm) in algorithms(2).into_iter().enumerate() {
        let limiter =
            Ratelimit::new(redis.clone(), algorithm).with_prefix(format!("look{index}")).with_timeout(PATIENT);
        let free = limiter.remaining("a").await.unwrap();
        assert_eq!((free.allowed, free.remaining, free.retry_after), (true, 2, None));
        limiter.limit(Attempt::new("a").with_cost(2)).await.unwrap();
        let full = limiter.remaining("a").await.unwrap();
        assert_eq!((full.allowed, full.remaining), (false, 0), "{algorithm:?}");
        assert!(full.retry_after.is_some(), "{algorithm:?}");
        // What costs nothing passes all the same.
        assert!(limiter.limit(Attempt::new("a").with_cost(0)).await.unwrap().allowed);
    }
    // The refill shows, although no write has stored it.
    let (clock, hands) = in_a_window();
    let limiter =
        Ratelimit::new(redis, TokenBucket::new(3, Rate::new(1, MINUTE))).with_prefix("refill").with_clock(clock);
    limiter.limit(Attempt::new("a").with_cost(3)).await.unwrap();
    hands.advance(MINUTE);
    assert_eq!(limiter.remaining("a").await.unwrap().remaining, 1);
}

#[tokio::test]
async fn no_debug_output_names_a_client() {
    let (_local, redis) = upstash().await;
    let secret = "key-of-a-client";
    let hour = Duration::from_secs(3_600);
    let analytics = axum_upstash::ratelimit::Analytics::new(redis.clone()).with_interval(hour);
    let limiter = Ratelimit::memory(FixedWindow::new(1, hour))
        .with_dynamic_limits(DynamicLimits::Identifier)
        .with_analytics(analytics.clone());
    limiter.set_dynamic_limit_of(secret, Some(1)).await.unwrap();
    limiter.limit(secret).await.unwrap();
    let regions = axum_upstash::ratelimit::store::MultiRegionStore::new([redis.clone()]);
    let far = Ratelimit::with_store(regions.clone(), FixedWindow::new(1, hour)).with_timeout(Duration::from_secs(20));
    far.limit(secret).await.unwrap();
    let slots = axum_upstash::ratelimit::ConcurrencyLimiter::memory(1);
    let permit = slots.acquire(secret).await.unwrap();
    let layer = axum_upstash::ratelimit::RateLimitLayer::new("default", far.clone());
    let output = format!("{limiter:?} {analytics:?} {regions:?} {far:?} {slots:?} {permit:?} {layer:?}");
    assert!(!output.contains(secret), "{output}");
}
