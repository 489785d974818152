//! What happens while an answer of the store is on its way.

use crate::slow::Slow;
use crate::times::ms;
use axum_upstash::{
    Clock, ManualClock,
    background::Background,
    ratelimit::{Attempt, FixedWindow, OutagePolicy, Ratelimit, Reason},
};
use futures_util::{FutureExt, future::join_all};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const MINUTE: Duration = Duration::from_secs(60);

fn limiter(store: &Slow, limit: u32) -> (Ratelimit, ManualClock) {
    let (clock, hands) = Clock::manual(ms(60_000_000));
    let limiter = Ratelimit::with_store(store.clone(), FixedWindow::new(limit, MINUTE)).with_clock(clock);
    (limiter.with_timeout(MINUTE).with_outage_policy(OutagePolicy::Error), hands)
}

/// A request that is on its way.
fn begin(limiter: &Ratelimit, cost: u32) -> Pin<Box<dyn Future<Output = bool> + Send>> {
    let limiter = limiter.clone();
    let mut request: Pin<Box<dyn Future<Output = bool> + Send>> =
        Box::pin(async move { limiter.limit(Attempt::new("a").with_cost(cost)).await.unwrap().allowed });
    assert!((&mut request).now_or_never().is_none(), "it has to wait");
    request
}

fn now(limiter: &Ratelimit) -> Option<bool> {
    limiter.limit("a").now_or_never().map(|decision| decision.unwrap().allowed)
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_used_up_does_not_make_leases_late() {
    let store = Slow::after(Duration::from_millis(20));
    let (limiter, _) = limiter(&store, 100);
    let limiter = limiter.with_leases(10).with_block_cache(None).with_timeout(Duration::from_secs(1));
    let requests = (0..400).map(|_| {
        let limiter = limiter.clone();
        tokio::spawn(async move { limiter.limit("a").await.unwrap() })
    });
    let decisions: Vec<_> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
    assert!(decisions.iter().all(|decision| decision.reason == Reason::Counted));
    assert_eq!(decisions.iter().filter(|decision| decision.allowed).count(), 100);
}

#[tokio::test]
async fn a_lease_is_kept_for_others_where_its_request_is_given_up() {
    let (store, gate) = Slow::gated();
    let (limiter, _) = limiter(&store, 100);
    let limiter = limiter.with_leases(10);
    drop(begin(&limiter, 1));
    gate.add_permits(1);
    let spent = crate::support::eventually("the lease", || async { now(&limiter) }).await;
    assert!(spent);
    for _ in 0..9 {
        assert_eq!(now(&limiter), Some(true), "all ten are here");
    }
    assert_eq!(store.takes(), 1);
}

#[tokio::test]
async fn a_dear_request_that_is_refused_blocks_no_permits_that_are_here() {
    let (store, gate) = Slow::gated();
    gate.add_permits(1_000);
    let (limiter, _) = limiter(&store, 10);
    let limiter = limiter.with_leases(10);
    assert_eq!(limiter.limit("a").await.unwrap().remaining, 9);
    let refused = limiter.limit(Attempt::new("a").with_cost(10)).await.unwrap();
    assert_eq!((refused.allowed, refused.remaining), (false, 9));
    assert_eq!(now(&limiter), Some(true));
}

#[tokio::test]
async fn a_lease_from_before_a_reset_counts_for_nothing() {
    let (store, gate) = Slow::gated();
    let (limiter, _) = limiter(&store, 10);
    let limiter = limiter.with_leases(10);
    let first = begin(&limiter, 1);
    crate::support::eventually("the question", || async { (store.takes() == 1).then_some(()) }).await;
    limiter.reset_used_tokens("a").await.unwrap();
    gate.add_permits(1_000);
    assert!(first.await);
    let mut passed = 0;
    for _ in 0..30 {
        passed += u32::from(limiter.limit("a").await.unwrap().allowed);
    }
    assert_eq!(passed, 10);
}

#[tokio::test]
async fn first_requests_of_a_window_that_come_together_are_counted_together() {
    let (store, gate) = Slow::gated();
    let (limiter, _) = limiter(&store, 10);
    let limiter = limiter.with_local_counter();
    let first: Vec<_> = (0..10).map(|_| begin(&limiter, 1)).collect();
    gate.add_permits(1);
    let mut first = first.into_iter();
    assert!(first.next().unwrap().await);
    // Only the store knows the permits of the other nine, and this process does not give them away.
    let later: Vec<_> = (0..20).map(|_| now(&limiter)).collect();
    gate.add_permits(1_000);
    let others = join_all(first).await;
    let passed = |list: &[Option<bool>]| list.iter().filter(|passed| **passed == Some(true)).count();
    assert_eq!(1 + others.into_iter().filter(|passed| *passed).count() + passed(&later), 10);
}

#[tokio::test]
async fn a_burst_that_the_store_does_not_know_of_yet_is_counted_when_it_is_asked() {
    let (store, gate) = Slow::gated();
    let (limiter, hands) = limiter(&store, 10);
    let limiter = limiter.with_local_counter().with_block_cache(None);
    gate.add_permits(1);
    assert!(limiter.limit("a").await.unwrap().allowed);
    hands.advance(Duration::from_secs(5));
    let mut passed = 1;
    let mut asked = Vec::new();
    for _ in 0..30 {
        let limiter = limiter.clone();
        let mut request = Box::pin(async move { limiter.limit("a").await.unwrap().allowed });
        match (&mut request).now_or_never() {
            Some(allowed) => passed += u32::from(allowed),
            None => asked.push(request),
        }
    }
    gate.add_permits(1_000);
    for request in asked {
        passed += u32::from(request.await);
    }
    assert_eq!(passed, 10);
}

#[tokio::test]
async fn what_the_store_did_not_take_is_not_forgotten_a_second_later() {
    let (store, gate) = Slow::gated();
    gate.add_permits(1_000);
    let (limiter, hands) = limiter(&store, 100);
    let (here, there) = (limiter.clone().with_local_counter().with_block_cache(None), limiter.with_block_cache(None));
    let mut passed = u32::from(here.limit("a").await.unwrap().allowed);
    there.limit(Attempt::new("a").with_cost(45)).await.unwrap();
    for _ in 0..10 {
        for _ in 0..200 {
            passed += u32::from(here.limit("a").await.unwrap().allowed);
        }
        here.background().finished().await;
        hands.advance(Duration::from_secs(2));
    }
    assert!(passed <= 100, "{passed}");
}

#[tokio::test]
async fn a_lease_does_not_mind_that_somebody_else_is_reset() {
    // Of so many others hardly any are in the stripe of the first.
    let mut kept = 0;
    for other in 0..20 {
        let (store, gate) = Slow::gated();
        let (limiter, _) = limiter(&store, 100);
        let limiter = limiter.with_leases(10);
        let first = begin(&limiter, 1);
        crate::support::eventually("the question", || async { (store.takes() == 1).then_some(()) }).await;
        limiter.reset_used_tokens(&other.to_string()).await.unwrap();
        gate.add_permits(1);
        assert!(first.await);
        kept += u32::from(now(&limiter).is_some());
    }
    assert!(kept > 10, "{kept}");
}

#[tokio::test]
async fn a_local_counter_sees_what_is_given_back() {
    let (store, gate) = Slow::gated();
    gate.add_permits(1_000);
    let (limiter, hands) = limiter(&store, 10);
    // Another one in front of the same store, as another instance.
    let (here, there) = (limiter.clone().with_local_counter(), limiter.with_local_counter().with_block_cache(None));
    for _ in 0..10 {
        assert!(there.limit("a").await.unwrap().allowed);
        there.background().finished().await;
    }
    assert!(!there.limit("a").await.unwrap().allowed);
    there.refund("a", 2).await.unwrap();
    assert_eq!(now(&there), Some(true));
    assert_eq!(now(&there), Some(true));
    there.background().finished().await;
    assert_eq!(now(&there), Some(false));
    // Of what others give back it learns within a second.
    here.refund("a", 1).await.unwrap();
    hands.advance(Duration::from_secs(1));
    assert!(there.limit("a").await.unwrap().allowed);
    assert!(!there.limit("a").await.unwrap().allowed);
}

#[tokio::test]
async fn a_clock_that_steps_back_over_a_border_makes_nobody_forget() {
    let (store, gate) = Slow::gated();
    gate.add_permits(1_000);
    let (limiter, hands) = limiter(&store, 10);
    let limiter = limiter.with_local_counter();
    let mut passed = 0;
    for _ in 0..8 {
        passed += u32::from(limiter.limit("a").await.unwrap().allowed);
    }
    hands.set(ms(60_000_000 - 1));
    limiter.limit("a").await.unwrap();
    hands.set(ms(60_000_000));
    for _ in 0..20 {
        passed += u32::from(limiter.limit("a").await.unwrap().allowed);
    }
    limiter.background().finished().await;
    assert!(passed <= 10, "{passed}");
}

#[tokio::test]
async fn what_was_to_be_told_and_was_not_is_told_later() {
    let (store, gate) = Slow::gated();
    gate.add_permits(1_000);
    let (limiter, _) = limiter(&store, 100);
    let works = Arc::new(AtomicBool::new(false));
    let background = Background::with_spawner({
        let works = Arc::clone(&works);
        move |work| {
            if works.load(Ordering::SeqCst) {
                tokio::spawn(work);
            }
        }
    });
    let limiter = limiter.with_local_counter().with_background(background);
    for _ in 0..5 {
        assert!(limiter.limit("a").await.unwrap().allowed);
    }
    works.store(true, Ordering::SeqCst);
    assert!(limiter.limit("a").await.unwrap().allowed);
    limiter.background().finished().await;
    assert_eq!(limiter.remaining("a").await.unwrap().remaining, 94);
}

#[tokio::test]
async fn who_was_given_something_back_is_not_blocked_by_an_older_answer() {
    let (store, gate) = Slow::gated();
    let (limiter, _) = limiter(&store, 2);
    gate.add_permits(1);
    assert!(limiter.limit("a").await.unwrap().allowed);
    let last = begin(&limiter, 1);
    let refund = limiter.refund("a", 1);
    let mut refund = Box::pin(refund);
    assert!((&mut refund).now_or_never().is_none());
    // The answer that nothing is left comes last.
    gate.add_permits(2);
    refund.await.unwrap();
    assert!(last.await);
    gate.add_permits(1);
    assert!(limiter.limit("a").await.unwrap().allowed);
    let mut reset = Box::pin(async { limiter.reset_used_tokens("a").await.unwrap() });
    reset.as_mut().await;
    gate.add_permits(1);
    assert!(limiter.limit("a").await.unwrap().allowed);
}
