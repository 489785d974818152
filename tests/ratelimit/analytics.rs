use crate::support::{eventually, upstash};
use crate::times::{ms, now_ms};
use axum_upstash::{
    Clock,
    ratelimit::{Analytics, Attempt, ClientInfo, DenyList, FixedWindow, Ratelimit},
};
use std::time::Duration;

#[tokio::test]
async fn events_are_added_up_sent_together_and_expire() {
    let (local, redis) = upstash().await;
    let now = now_ms();
    let hour = now / 3_600_000 * 3_600_000;
    let (clock, hands) = Clock::manual(ms(hour));
    let limiter = Ratelimit::memory(FixedWindow::new(3, Duration::from_secs(3_600)))
        .with_prefix("app")
        .with_clock(clock)
        .with_deny_list(DenyList::new().with_countries(["XX"]))
        .with_analytics(Analytics::new(redis.clone()).with_interval(Duration::from_millis(50)));
    let before = local.requests();
    for _ in 0..5 {
        limiter.limit("u1").await.unwrap();
    }
    limiter.limit("u2").await.unwrap();
    let client_info = ClientInfo::new().with_country("XX");
    limiter.limit(Attempt::new("u3").with_client_info(&client_info)).await.unwrap();
    limiter.background().finished().await;
    assert_eq!(local.requests() - before, 1, "one request for all of them");

    let key = format!("app:events:{hour}");
    for (member, events) in [
        (r#"{"identifier":"u1","success":true}"#, 3),
        (r#"{"identifier":"u1","success":false}"#, 2),
        (r#"{"identifier":"u2","success":true}"#, 1),
        (r#"{"identifier":"XX","success":"denied"}"#, 1),
    ] {
        let score: Option<u64> = redis.cmd("ZSCORE").key(&key).arg(member).query().await.unwrap();
        assert_eq!(score, Some(events), "{member}");
    }
    let expires: i64 = redis.cmd("EXPIRETIME").key(&key).query().await.unwrap();
    assert_eq!(expires, i64::try_from(hour / 1_000).unwrap() + 3_600 + 90 * 86_400);

    hands.advance(Duration::from_secs(3_600));
    limiter.limit("u1").await.unwrap();
    limiter.background().finished().await;
    let day = Duration::from_secs(86_400);
    let usage = limiter.usage(day).await.unwrap();
    assert_eq!((usage["u1"].success, usage["u1"].blocked, usage["XX"].denied), (4, 2, 1));
    let hours = limiter.usage_over_time(Duration::from_secs(3_600)).await.unwrap();
    let counts: Vec<u64> = hours.iter().map(|hour| hour.usage.success).collect();
    assert_eq!((counts, hours[0].time), (vec![4, 1], ms(hour)));
    let top = limiter.most_allowed_blocked(day, 1).await.unwrap();
    assert_eq!(top.allowed, [("u1".to_owned(), 4)]);
    assert_eq!(top.blocked, [("u1".to_owned(), 2)]);
    assert_eq!(top.denied, [("XX".to_owned(), 1)]);
}

#[tokio::test]
async fn a_request_that_another_limit_refused_is_no_success() {
    let (_local, redis) = upstash().await;
    let analytics = Analytics::new(redis).with_interval(Duration::from_millis(10));
    let wide = Ratelimit::memory(FixedWindow::new(9, Duration::from_secs(86_400))).with_analytics(analytics);
    let narrow = wide.clone().with_algorithm(FixedWindow::new(1, Duration::from_secs(86_400))).with_prefix("narrow");
    for _ in 0..3 {
        let _ = Ratelimit::limit_all(&[(&wide, "a".into()), (&narrow, "a".into())]).await.unwrap();
    }
    wide.background().finished().await;
    let hour = Duration::from_secs(3_600);
    let (wide, narrow) = (wide.usage(hour).await.unwrap()["a"], narrow.usage(hour).await.unwrap()["a"]);
    assert_eq!((wide.success, wide.blocked), (1, 0));
    assert_eq!((narrow.success, narrow.blocked), (1, 2));
}

#[tokio::test]
async fn what_could_not_be_sent_is_sent_later() {
    let (local, redis) = upstash().await;
    let analytics = Analytics::new(redis.clone()).with_interval(Duration::from_millis(10));
    let wire = crate::support::Wire::new();
    wire.lose_requests.store(true, std::sync::atomic::Ordering::SeqCst);
    let lossy = Analytics::new(wire.redis(&local)).with_interval(Duration::from_millis(10));
    drop(analytics);
    let limiter = Ratelimit::memory(FixedWindow::new(3, Duration::from_secs(3_600))).with_analytics(lossy);
    limiter.limit("a").await.unwrap();
    limiter.background().finished().await;
    wire.lose_requests.store(false, std::sync::atomic::Ordering::SeqCst);
    limiter.limit("a").await.unwrap();
    eventually("both events", || async {
        let usage = limiter.usage(Duration::from_secs(60)).await.ok()?;
        (usage.get("a")?.success == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_kept_for_ever_is_kept_for_a_century() {
    let (_local, redis) = upstash().await;
    let analytics = Analytics::new(redis.clone()).with_retention(Duration::MAX).with_interval(Duration::from_millis(1));
    let limiter = Ratelimit::memory(FixedWindow::new(3, Duration::from_secs(3_600)));
    let limiter = limiter.with_prefix("long").with_analytics(analytics);
    limiter.limit("u1").await.unwrap();
    limiter.background().finished().await;
    let keys: Vec<String> = redis.cmd("KEYS").arg("long:events:*").query().await.unwrap();
    assert!(redis.cmd("TTL").key(&keys[0]).query::<i64>().await.unwrap() > 99 * 365 * 86_400);
}
