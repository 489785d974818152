//! Clocks that do not agree.

use crate::support::upstash;
use crate::times::{ms, now_ms};
use axum_upstash::{
    Clock,
    ratelimit::{Attempt, DenyList, FixedWindow, Gcra, Rate, Ratelimit, Reason, TokenBucket},
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn what_an_instance_with_a_clock_ahead_counted_is_forgotten_in_time_and_not_blocked_for_longer() {
    let (_local, redis) = upstash().await;
    let now = now_ms() / 60_000 * 60_000;
    let algorithms = [TokenBucket::new(5, Rate::new(5, MINUTE)).into(), Gcra::new(Rate::new(5, MINUTE), 5).into()];
    for (index, algorithm) in algorithms.into_iter().enumerate() {
        let (ahead, _) = Clock::manual(ms(now + 86_400_000));
        let (clock, hand) = Clock::manual(ms(now));
        let algorithm: axum_upstash::ratelimit::Algorithm = algorithm;
        let limiter = Ratelimit::new(redis.clone(), algorithm).with_prefix(format!("ahead{index}"));
        let limiter = limiter.with_timeout(Duration::from_secs(20)).with_clock(clock);
        let other = limiter.clone().with_clock(ahead).with_block_cache(None);
        assert!(other.limit(Attempt::new("a").with_cost(5)).await.unwrap().allowed);
        let refused = limiter.limit("a").await.unwrap();
        assert!(!refused.allowed);
        let wait = refused.retry_after.unwrap();
        assert!(wait <= MINUTE, "{algorithm:?}: {wait:?}");
        let blocked = limiter.limit("a").await.unwrap();
        assert!(blocked.reason == Reason::Blocked && blocked.retry_after.unwrap() <= MINUTE, "{blocked:?}");
        hand.advance(wait);
        assert!(limiter.limit("a").await.unwrap().allowed, "{algorithm:?}");
    }
}

#[tokio::test]
async fn in_memory_a_clock_that_is_set_right_ends_a_refusal_within_a_window() {
    let (clock, hand) = Clock::manual(ms(1_700_000_000_000 + 86_400_000));
    let limiter = Ratelimit::memory(FixedWindow::new(1, MINUTE)).with_clock(clock);
    assert!(limiter.limit("a").await.unwrap().allowed);
    hand.set(ms(1_700_000_000_000));
    let refused = limiter.limit("a").await.unwrap();
    assert!(refused.retry_after.unwrap_or_default() <= MINUTE, "{refused:?}");
    hand.advance(MINUTE);
    assert!(limiter.limit("a").await.unwrap().allowed);
}

#[tokio::test]
async fn who_is_taken_off_a_deny_list_is_not_remembered_for_longer_than_a_minute() {
    let (_local, redis) = upstash().await;
    let now = now_ms();
    let (clock, hand) = Clock::manual(ms(now + 86_400_000));
    let list = DenyList::new().with_shared();
    let limiter = Ratelimit::new(redis.clone(), FixedWindow::new(10, DAY)).with_prefix("denied").with_deny_list(list);
    let limiter = limiter.with_clock(clock).with_timeout(Duration::from_secs(20));
    redis.cmd("SADD").key("denied:denyList:all").arg("bad").query::<u64>().await.unwrap();
    assert!(!limiter.limit("bad").await.unwrap().allowed);
    redis.cmd("DEL").key("denied:denyList:all").query::<u64>().await.unwrap();
    hand.set(ms(now));
    assert!(limiter.limit("bad").await.unwrap().allowed);
}
