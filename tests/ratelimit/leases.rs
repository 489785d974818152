use crate::support::upstash;
use crate::times::{ms, now_ms, unix_ms};
use axum_upstash::{
    Clock,
    ratelimit::{Algorithm, Attempt, FixedWindow, Rate, Ratelimit, SlidingWindow, TokenBucket},
    redis::Redis,
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn limiter(redis: &Redis, algorithm: impl Into<Algorithm>, prefix: &str, clock: &Clock) -> Ratelimit {
    let limiter = Ratelimit::new(redis.clone(), algorithm).with_prefix(prefix).with_clock(clock.clone());
    limiter.with_timeout(Duration::from_secs(20))
}

/// Somewhere in the middle of a minute.
fn clock() -> (Clock, axum_upstash::ManualClock) {
    Clock::manual(ms(now_ms() / 60_000 * 60_000 + 30_000))
}

#[tokio::test]
async fn a_lease_pays_for_many_decisions_and_windows_admit_no_more() {
    let (local, redis) = upstash().await;
    let (clock, hands) = clock();
    for (name, algorithm) in
        [("fixed", Algorithm::from(FixedWindow::new(100, MINUTE))), ("sliding", SlidingWindow::new(100, MINUTE).into())]
    {
        let instances = [(); 3].map(|()| limiter(&redis, algorithm, name, &clock).with_leases(10));
        let before = local.requests();
        let mut passed = 0;
        for turn in 0..400 {
            passed += u32::from(instances[turn % 3].limit("a").await.unwrap().allowed);
        }
        assert_eq!(passed, 100, "{name}");
        assert!(local.requests() - before < 25, "{name}: {} requests", local.requests() - before);
    }
    // The rest of a lease ends with its window.
    let one = limiter(&redis, FixedWindow::new(100, MINUTE), "ends", &clock).with_leases(10);
    one.limit("a").await.unwrap();
    hands.advance(MINUTE);
    let mut passed = 0;
    for _ in 0..120 {
        passed += u32::from(one.limit("a").await.unwrap().allowed);
    }
    assert_eq!(passed, 100);
}

#[tokio::test]
async fn a_bucket_admits_at_most_the_leases_beyond_its_limit() {
    let (_local, redis) = upstash().await;
    let (clock, hands) = clock();
    let algorithm = TokenBucket::new(20, Rate::new(20, MINUTE));
    let instances = [(); 2].map(|()| limiter(&redis, algorithm, "bucket", &clock).with_leases(5));
    for instance in &instances {
        instance.limit("a").await.unwrap();
    }
    // Just before the refill and just after it.
    hands.advance(MINUTE - Duration::from_millis(1));
    let mut passed = 0;
    for _ in 0..2 {
        for turn in 0..100 {
            passed += u32::from(instances[turn % 2].limit("a").await.unwrap().allowed);
        }
        hands.advance(Duration::from_millis(1));
    }
    assert!((36..=38 + 2 * 5).contains(&passed), "{passed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_a_lease() {
    let (local, redis) = upstash().await;
    let (clock, _) = clock();
    let limiter = limiter(&redis, SlidingWindow::new(1_000, MINUTE), "tasks", &clock).with_leases(100);
    let before = local.requests();
    let tasks: Vec<_> = (0..500)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { limiter.limit("a").await.unwrap().allowed })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert!(local.requests() - before <= 8, "{}", local.requests() - before);
    // What costs more than a lease goes to the store as it is, and a look counts what is here.
    assert!(limiter.limit(Attempt::new("a").with_cost(300)).await.unwrap().allowed);
    assert!(!limiter.limit(Attempt::new("a").with_cost(300)).await.unwrap().allowed);
}

#[tokio::test]
async fn a_local_counter_waits_once_and_learns_of_the_others() {
    let (local, redis) = upstash().await;
    let (clock, hands) = clock();
    let make = || limiter(&redis, FixedWindow::new(50, MINUTE), "counter", &clock).with_local_counter();
    let (one, two) = (make(), make());
    one.limit("a").await.unwrap();
    let before = local.requests();
    for _ in 0..20 {
        assert!(one.limit("a").await.unwrap().allowed);
    }
    one.background().finished().await;
    assert!(local.requests() - before <= 3, "{}: many are told together", local.requests() - before);
    let key = format!("counter:a:{}", unix_ms(clock.now()) / 60_000);
    assert_eq!(redis.get::<u64>(&key).await.unwrap(), 21);
    assert!(redis.cmd("PTTL").key(&key).query::<i64>().await.unwrap() > 0);

    // The other one begins with what the store knows, and each learns of the other by its own requests.
    assert_eq!(two.limit("a").await.unwrap().remaining, 28);
    for _ in 0..10 {
        assert!(two.limit("a").await.unwrap().allowed);
        two.background().finished().await;
    }
    one.limit("a").await.unwrap();
    one.background().finished().await;
    assert_eq!(one.limit("a").await.unwrap().remaining, 50 - 21 - 11 - 2);
    let mut passed = 0;
    for _ in 0..100 {
        passed += u32::from(one.limit("a").await.unwrap().allowed);
    }
    assert_eq!(passed, 50 - 21 - 11 - 2, "one instance never admits more than the limit");
    one.background().finished().await;
    hands.advance(MINUTE);
    assert_eq!(one.limit("a").await.unwrap().remaining, 49, "a new window");
}
