use crate::support::{eventually, upstash};
use crate::times::{ms, now_ms};
use axum_upstash::{Clock, ratelimit::ConcurrencyLimiter};
use std::time::Duration;

#[tokio::test]
async fn so_many_at_a_time_over_all_instances() {
    let (_local, redis) = upstash().await;
    for limits in [[(); 2].map(|()| ConcurrencyLimiter::new(redis.clone(), 2).with_timeout(Duration::from_secs(20))), {
        let memory = ConcurrencyLimiter::memory(2);
        [memory.clone(), memory]
    }] {
        let [one, two] = &limits;
        let (a, b) = (one.acquire("u").await.unwrap().unwrap(), two.acquire("u").await.unwrap().unwrap());
        assert!(one.acquire("u").await.unwrap().is_none());
        assert!(one.acquire("another").await.unwrap().is_some());
        a.release().await.unwrap();
        let c = two.acquire("u").await.unwrap().unwrap();
        drop(b);
        drop(eventually("the permit", || async { one.acquire("u").await.unwrap() }).await);
        drop(c);
    }
}

#[tokio::test]
async fn what_a_dead_process_held_is_free_after_its_lease() {
    let (_local, redis) = upstash().await;
    let (clock, hands) = Clock::manual(ms(now_ms()));
    let limit = ConcurrencyLimiter::new(redis.clone(), 1).with_lease(Duration::from_secs(60)).with_clock(clock);
    let limit = limit.with_timeout(Duration::from_secs(20));
    std::mem::forget(limit.acquire("u").await.unwrap().unwrap());
    hands.advance(Duration::from_secs(59));
    assert!(limit.acquire("u").await.unwrap().is_none());
    hands.advance(Duration::from_secs(1));
    let permit = limit.acquire("u").await.unwrap().unwrap();
    // One that is alive makes it last.
    hands.advance(Duration::from_secs(59));
    permit.renew().await.unwrap();
    hands.advance(Duration::from_secs(59));
    assert!(limit.acquire("u").await.unwrap().is_none());
    let keys: Vec<String> = redis.cmd("KEYS").arg("*").query().await.unwrap();
    assert_eq!(keys, ["axum-upstash:limiter:concurrency:u"]);
    assert!(redis.cmd("PTTL").key(&keys[0]).query::<i64>().await.unwrap() > 0);
    permit.release().await.unwrap();
    assert_eq!(redis.exists(&keys[0]).await.unwrap(), 0);
}

#[tokio::test]
async fn of_many_at_once_as_many_hold_as_may() {
    let (_local, redis) = upstash().await;
    let limit = ConcurrencyLimiter::new(redis, 5).with_timeout(Duration::from_secs(20));
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let limit = limit.clone();
            tokio::spawn(async move { limit.acquire("u").await.unwrap() })
        })
        .collect();
    let mut held = Vec::new();
    for task in tasks {
        held.extend(task.await.unwrap());
    }
    assert_eq!(held.len(), 5);
}

#[tokio::test]
async fn nothing_goes_on_for_a_permit_that_was_given_back() {
    let (_local, redis) = upstash().await;
    let week = Duration::from_secs(7 * 86_400);
    let limit = ConcurrencyLimiter::new(redis, 1).with_lease(week).with_timeout(Duration::from_secs(20));
    limit.acquire("u").await.unwrap().unwrap().release().await.unwrap();
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.num_alive_tasks();
    for _ in 0..100 {
        limit.acquire("u").await.unwrap().unwrap().release().await.unwrap();
    }
    eventually("the renewals", || async { (metrics.num_alive_tasks() <= before + 5).then_some(()) }).await;
}

#[tokio::test]
async fn a_lease_that_has_ended_is_not_renewed() {
    let (_local, redis) = upstash().await;
    let (clock, _) = Clock::manual(ms(now_ms()));
    let limit = ConcurrencyLimiter::new(redis.clone(), 1).with_timeout(Duration::from_secs(20)).with_clock(clock);
    let permit = limit.acquire("u").await.unwrap().unwrap();
    // At the same time as before, which changes nothing in Redis.
    permit.renew().await.unwrap();
    redis.del("axum-upstash:limiter:concurrency:u").await.unwrap();
    assert_eq!(permit.renew().await.unwrap_err().kind(), axum_upstash::ErrorKind::NotFound);
}
