use crate::support::{eventually, upstash};
use crate::times::{ms, now_ms};
use axum::{Router, routing::get};
use axum_upstash::{
    Clock, ErrorKind,
    client::ReqwestTransport,
    ratelimit::{AllowList, Attempt, ClientInfo, Decision, DenyList, FixedWindow, IpList, Rate, Ratelimit, Reason},
    redis::Redis,
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

fn limiter(redis: &Redis, list: DenyList) -> Ratelimit {
    let limiter = Ratelimit::new(redis.clone(), FixedWindow::new(100, Duration::from_secs(86_400)));
    limiter.with_prefix("lists").with_timeout(Duration::from_secs(20)).with_deny_list(list)
}

fn denied(decision: &Decision) -> Option<&str> {
    match &decision.reason {
        Reason::Denied(value) => Some(value),
        _ => None,
    }
}

async fn from(limiter: &Ratelimit, ip: &str) -> Decision {
    let client_info = ClientInfo::new().with_ip(ip.parse().unwrap()).with_user_agent("curl/8").with_country("DE");
    limiter.limit(Attempt::new("somebody").with_client_info(&client_info)).await.unwrap()
}

#[tokio::test]
async fn the_shared_list_refuses_before_anything_is_counted() {
    let (local, redis) = upstash().await;
    let limiter = limiter(&redis, DenyList::new().with_shared_networks());
    assert_eq!(from(&limiter, "203.0.113.7").await.remaining, 99);
    limiter.deny_list().add(["203.0.113.0/24", "FR"]).await.unwrap();
    let decision = from(&limiter, "203.0.113.7").await;
    assert_eq!((decision.allowed, denied(&decision)), (false, Some("203.0.113.0/24")));
    let before = local.requests();
    assert!(!from(&limiter, "203.0.113.7").await.allowed);
    assert_eq!(local.requests(), before, "remembered");
    assert_eq!(from(&limiter, "198.51.100.7").await.remaining, 98, "what was refused was not counted");

    limiter.deny_list().remove(["203.0.113.0/24"]).await.unwrap();
    assert!(from(&limiter, "203.0.113.7").await.allowed);
    let members: BTreeSet<String> = redis.smembers("lists:denyList:all").await.unwrap();
    assert_eq!(members, BTreeSet::from(["FR".to_owned()]));
    let memory = Ratelimit::memory(FixedWindow::new(1, Duration::from_secs(1)));
    assert_eq!(memory.deny_list().add(["a"]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn who_is_remembered_is_forgotten_after_a_minute() {
    let (_local, redis) = upstash().await;
    let (clock, hands) = Clock::manual(ms(now_ms()));
    let limiter = limiter(&redis, DenyList::new().with_shared()).with_clock(clock);
    let admin = self::limiter(&redis, DenyList::new());
    admin.deny_list().add(["curl/8"]).await.unwrap();
    assert_eq!(denied(&from(&limiter, "192.0.2.1").await), Some("curl/8"));
    admin.deny_list().remove(["curl/8"]).await.unwrap();
    assert!(!from(&limiter, "192.0.2.1").await.allowed);
    hands.advance(Duration::from_secs(60));
    assert!(from(&limiter, "192.0.2.1").await.allowed);
}

#[tokio::test]
async fn the_allow_list_goes_first() {
    let list = AllowList::new().try_with_networks(["10.0.0.0/8"]).unwrap();
    let limiter = Ratelimit::memory(FixedWindow::new(0, Duration::from_secs(60)))
        .with_deny_list(DenyList::new().with_countries(["DE"]))
        .with_allow_list(list);
    assert_eq!(from(&limiter, "10.1.2.3").await.reason, Reason::Exempt);
    assert_eq!(denied(&from(&limiter, "192.0.2.1").await), Some("DE"));
}

/// A server with a list of addresses, that counts how often it is asked.
async fn public_list(text: &'static str) -> (String, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let handler = move || async move {
        counter.fetch_add(1, Ordering::SeqCst);
        text
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/6.txt", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().route("/6.txt", get(handler))).into_future());
    (url, asked)
}

#[tokio::test]
async fn the_public_list_is_fetched_by_one_and_holds_for_all() {
    let (_local, redis) = upstash().await;
    let (url, asked) = public_list("# comment\n192.0.2.66\t9\n2001:db8::66\nnonsense\n").await;
    let list = || {
        let transport = ReqwestTransport::new(reqwest::Client::new());
        DenyList::new().with_ip_list(IpList::new(transport).with_url(&url))
    };
    let limiters = [limiter(&redis, list()), limiter(&redis, list()), limiter(&redis, list())];
    // Put there by hand; it stays when the list is turned off.
    limiters[0].deny_list().add(["198.51.100.1", "192.0.2.66"]).await.unwrap();
    for limiter in &limiters {
        from(limiter, "192.0.2.1").await;
    }
    for limiter in &limiters {
        limiter.background().finished().await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    for limiter in &limiters {
        assert_eq!(denied(&from(limiter, "2001:db8::66").await), Some("2001:db8::66"));
    }
    let ttl: i64 = redis.cmd("PTTL").key("lists:ipDenyListStatus").query().await.unwrap();
    assert!(ttl > 30_000 && ttl <= 86_400_000, "{ttl}");
    let ips: BTreeSet<String> = redis.smembers("lists:denyList:ipDenyList").await.unwrap();
    assert_eq!(ips, BTreeSet::from(["2001:db8::66".to_owned()]), "what was put there by hand is not the list's");

    limiters[0].deny_list().disable_ip_list().await.unwrap();
    assert!(from(&limiters[0], "2001:db8::66").await.allowed);
    assert!(!from(&limiters[0], "192.0.2.66").await.allowed);
    limiters[0].background().finished().await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "disabled");
    assert_eq!(redis.cmd("PTTL").key("lists:ipDenyListStatus").query::<i64>().await.unwrap(), -1);
}

#[tokio::test]
async fn a_list_that_cannot_be_fetched_changes_nothing() {
    let (_local, redis) = upstash().await;
    let (url, asked) = public_list("no address in here").await;
    let list = IpList::new(ReqwestTransport::new(reqwest::Client::new())).with_url(&url);
    let limiter = limiter(&redis, DenyList::new().with_ip_list(list));
    assert!(from(&limiter, "192.0.2.1").await.allowed);
    eventually("a fetch", || async { (asked.load(Ordering::SeqCst) > 0).then_some(()) }).await;
    limiter.background().finished().await;
    assert_eq!(limiter.deny_list().update_ip_list().await.unwrap_err().kind(), ErrorKind::Decode);
    let status: String = redis.get("lists:ipDenyListStatus").await.unwrap();
    assert_eq!(status, "pending");
    assert!(redis.cmd("PTTL").key("lists:ipDenyListStatus").query::<i64>().await.unwrap() > 0);
}

#[tokio::test]
async fn nobody_takes_the_list_s_place_by_a_name() {
    let (_local, redis) = upstash().await;
    let limiter = limiter(&redis, DenyList::new().with_shared());
    let limiter =
        limiter.with_algorithm(axum_upstash::ratelimit::TokenBucket::new(5, Rate::new(1, Duration::from_secs(60))));
    for name in ["denyList:all", "dynamic:global"] {
        assert_eq!(limiter.limit(name).await.unwrap().reason, Reason::Counted);
    }
    limiter.deny_list().add(["mallory"]).await.unwrap();
    assert_eq!(denied(&limiter.limit("mallory").await.unwrap()), Some("mallory"));
}
