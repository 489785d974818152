//! REST over HTTP/1.1.

use crate::{proxy::Proxy, rest, through};
use axum_upstash::{
    ErrorKind,
    client::ReqwestTransport,
    local::LocalRedis,
    ratelimit::{FixedWindow, Ratelimit, Reason},
    redis::{Redis, RedisBuilder},
};
use futures_util::future::join_all;
use std::{process::Command, time::Duration};
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    time::{Instant, sleep, timeout},
};

/// A client that tries no other version of HTTP, for which it would make another connection.
fn http1(proxy: &Proxy, local: &LocalRedis) -> RedisBuilder {
    through(proxy, local).transport(ReqwestTransport::new(ReqwestTransport::client_builder().build().unwrap()))
}

const SHORT: Duration = Duration::from_millis(500);
const SOON: Duration = Duration::from_secs(3);

/// Calls with a short deadline until one succeeds, and how long that took.
async fn recovers(redis: &Redis) -> Duration {
    let begun = Instant::now();
    while redis.get::<Option<String>>("k").timeout(SHORT).await.is_err() {
        assert!(begun.elapsed() < SOON, "no call succeeds after {:?}", begun.elapsed());
    }
    begun.elapsed()
}

#[tokio::test]
async fn a_stuck_request_holds_up_no_other() {
    for automatic in [true, false] {
        let (local, proxy) = rest().await;
        let redis = through(&proxy, &local).auto_pipelining(automatic).build().unwrap();
        redis.set("k", "v").await.unwrap();
        proxy.silence();
        let stuck = tokio::spawn({
            let redis = redis.clone();
            async move { redis.get::<String>("k").await.map_err(|error| error.kind()) }
        });
        sleep(Duration::from_millis(10)).await;
        recovers(&redis).await;
        assert!(!stuck.is_finished(), "the stuck call has ten seconds");
        stuck.abort();
    }
}

#[tokio::test]
async fn a_stuck_request_whose_caller_is_gone_holds_up_no_other() {
    let (local, proxy) = rest().await;
    let redis = through(&proxy, &local).build().unwrap();
    redis.set("k", "v").await.unwrap();
    proxy.silence();
    timeout(SHORT, redis.get::<String>("k").into_future()).await.unwrap_err();
    recovers(&redis).await;
}

#[tokio::test]
async fn a_limiter_does_not_wait_for_a_call_with_a_longer_deadline() {
    let (local, proxy) = rest().await;
    let redis = http1(&proxy, &local).build().unwrap();
    let limiter = Ratelimit::new(redis.clone(), FixedWindow::new(10, Duration::from_secs(3600)));
    let limiter = limiter.with_timeout(Duration::from_secs(1));
    // One connection, which the stuck call is on.
    redis.set("k", "v").await.unwrap();
    proxy.silence();
    let stuck = tokio::spawn(async move { redis.get::<Option<String>>("k").await });
    sleep(Duration::from_millis(10)).await;
    let decision = limiter.limit("somebody").await.unwrap();
    assert_eq!(decision.reason, Reason::Counted);
    assert!(!stuck.is_finished());
    stuck.abort();
}

/// Every connection is dead at once, as after a change of the route.
#[tokio::test]
async fn all_connections_may_be_dead_at_once() {
    let (local, proxy) = rest().await;
    proxy.delay(Duration::from_millis(3));
    let redis = through(&proxy, &local).auto_pipelining(false).max_connections(8).build().unwrap();
    join_all((0..32).map(|n| redis.set(n, n).into_future())).await.into_iter().for_each(Result::unwrap);
    assert!(proxy.connections() >= 4);
    proxy.silence();
    let took = recovers(&redis).await;
    assert!(took < 3 * SHORT, "each dead connection was tried: {took:?}");
}

#[tokio::test]
async fn requests_of_their_own_are_bounded_and_queue() {
    let (local, proxy) = rest().await;
    proxy.delay(Duration::from_millis(1));
    let redis = through(&proxy, &local).auto_pipelining(false).max_connections(4).build().unwrap();
    let calls = (0..512).map(|n| {
        let redis = redis.clone();
        tokio::spawn(async move { redis.set(n, n).await })
    });
    join_all(calls).await.into_iter().for_each(|outcome| outcome.unwrap().unwrap());
    // A connection that is given back a moment too late is made anew.
    assert!(proxy.connections() <= 8, "{} connections", proxy.connections());
}

#[tokio::test]
async fn automatic_pipelining_needs_few_connections() {
    let (local, proxy) = rest().await;
    proxy.delay(Duration::from_millis(5));
    let redis = through(&proxy, &local).build().unwrap();
    let calls = (0..512).map(|task| {
        let redis = redis.clone();
        tokio::spawn(async move {
            for n in 0..5 {
                redis.set(task, n).await.unwrap();
            }
        })
    });
    join_all(calls).await.into_iter().for_each(Result::unwrap);
    assert!(proxy.connections() <= 8, "{} connections", proxy.connections());
}

#[tokio::test]
async fn after_connect_a_command_opens_no_connection() {
    let (local, proxy) = rest().await;
    let redis = http1(&proxy, &local).build().unwrap();
    redis.connect().await.unwrap();
    let connections = proxy.connections();
    redis.set("k", "v").await.unwrap();
    assert_eq!(proxy.connections(), connections);
}

#[tokio::test]
async fn a_warm_client_pings_until_it_is_dropped() {
    let (local, _) = rest().await;
    let url = local.url().to_owned();
    let redis = Redis::builder(url, local.token()).keep_warm(Duration::from_millis(50)).build().unwrap();
    redis.connect().await.unwrap();
    let before = local.requests();
    let deadline = Instant::now() + Duration::from_secs(10);
    while local.requests() < before + 3 {
        assert!(Instant::now() < deadline, "no pings");
        sleep(Duration::from_millis(10)).await;
    }
    drop(redis);
    // One may be on its way.
    sleep(Duration::from_millis(100)).await;
    let after = local.requests();
    sleep(Duration::from_millis(300)).await;
    assert_eq!(local.requests(), after);
}

/// The server closes connections just when commands go out on them. No command runs twice, and few fail.
#[tokio::test]
async fn a_server_that_closes_idle_connections_is_learned_from() {
    let (local, proxy) = rest().await;
    proxy.close_idle(Duration::from_millis(5));
    let redis = through(&proxy, &local).build().unwrap();
    let (mut done, mut interrupted) = (0, 0);
    for n in 0..300_u64 {
        sleep(Duration::from_micros(4200 + n * 17 % 1600)).await;
        match redis.incr("n").await {
            Ok(_) => done += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Interrupted);
                interrupted += 1;
            }
        }
    }
    proxy.close_idle(Duration::ZERO);
    let count = redis.get::<i64>("n").await.unwrap();
    assert!((done..=done + interrupted).contains(&count), "{done} done, {interrupted} interrupted, counted {count}");
    assert!(interrupted <= 10, "{interrupted} of 300 were interrupted");
}

const CHILD_URL: &str = "NETWORK_TEST_URL";

/// The other process of the test below.
#[tokio::test]
async fn child_that_has_a_proxy() {
    let Ok(url) = std::env::var(CHILD_URL) else { return };
    let redis = Redis::builder(url, "token").timeout(Duration::from_secs(2)).build().unwrap();
    let _ = redis.get::<Option<String>>("k").await;
}

#[tokio::test]
async fn the_token_for_this_machine_goes_through_no_proxy() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "http::child_that_has_a_proxy"]);
    child.env(CHILD_URL, format!("http://{}", server.local_addr().unwrap()));
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, &proxy_url);
    }
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    let mut child = child.spawn().unwrap();
    let accepted = tokio::select! {
        _ = proxy.accept() => panic!("the request went to the proxy"),
        accepted = timeout(Duration::from_secs(20), server.accept()) => accepted,
    };
    let (mut connection, _) = accepted.expect("no request came").unwrap();
    let mut head = [0; 1024];
    let length = connection.read(&mut head).await.unwrap();
    assert!(String::from_utf8_lossy(&head[..length]).contains("Bearer token"));
    drop(connection);
    child.kill().unwrap();
    child.wait().unwrap();
}
