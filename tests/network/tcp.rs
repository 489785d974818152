//! Redis over TCP: dead connections, and what may be sent again.

use crate::{proxy::Proxy, redis_server::RedisServer};
use axum_upstash::{
    ErrorKind,
    redis::{Redis, RedisTcpBuilder},
};
use std::time::Duration;
use tokio::{
    runtime::{Builder, Runtime},
    time::{Instant, timeout},
};

const SHORT: Duration = Duration::from_millis(500);

fn through(proxy: &Proxy) -> RedisTcpBuilder {
    Redis::tcp(format!("redis://127.0.0.1:{}", proxy.port()))
}

/// Calls until one succeeds, and how many did not.
async fn failures(redis: &Redis) -> usize {
    let mut failures = 0;
    while redis.get::<Option<String>>("k").timeout(SHORT).await.is_err() {
        failures += 1;
        assert!(failures < 10, "no call succeeds");
    }
    failures
}

#[tokio::test]
async fn a_silent_connection_is_replaced_after_one_deadline() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port()).await;
    let redis = through(&proxy).build().unwrap();
    redis.set("k", "v").await.unwrap();
    proxy.silence();
    assert_eq!(failures(&redis).await, 1);

    // A call with a longer deadline is stuck, and the others do not wait for it.
    proxy.silence();
    let stuck = tokio::spawn({
        let redis = redis.clone();
        async move { redis.get::<Option<String>>("k").await }
    });
    tokio::task::yield_now().await;
    assert_eq!(failures(&redis).await, 1);
    assert!(!stuck.is_finished());
    stuck.abort();
}

/// The deadline is the caller's own timer, of which the client knows nothing.
#[tokio::test]
async fn a_silent_connection_is_replaced_although_callers_leave() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port()).await;
    let redis = through(&proxy).build().unwrap();
    redis.set("k", "v").await.unwrap();
    proxy.silence();
    let begun = Instant::now();
    while timeout(SHORT, redis.get::<String>("k").into_future()).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(9), "the connection is never replaced");
    }
}

#[tokio::test]
async fn a_slow_server_is_not_left() {
    let server = RedisServer::with(&["--enable-debug-command", "yes"]);
    let proxy = Proxy::start(server.port()).await;
    let redis = through(&proxy).build().unwrap();
    redis.set("k", "v").await.unwrap();
    let slow = tokio::spawn({
        let redis = redis.clone();
        async move { redis.cmd("DEBUG").arg("SLEEP").arg("0.5").await }
    });
    tokio::task::yield_now().await;
    // It waits behind the slow command, within its own deadline.
    assert_eq!(redis.get::<String>("k").await.unwrap(), "v");
    slow.await.unwrap().unwrap();
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn a_write_after_a_restart_is_sent_again() {
    let mut server = RedisServer::start();
    let redis = Redis::tcp(server.url()).build().unwrap();
    for round in 0..5 {
        redis.set("k", round).await.unwrap();
        server.restart();
        // The connection is known to be closed, or the command could not be written.
        match redis.incr("n").await {
            Ok(count) => assert_eq!(count, 1),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "{error:?}"),
        }
        assert!(redis.get::<Option<i64>>("n").await.unwrap().unwrap_or_default() <= 1);
    }
    redis.set("k", "v").await.unwrap();
    server.restart();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(redis.incr("n").await.unwrap(), 1, "the connection was closed long before");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_client_outlives_the_runtime_that_connected_it() {
    let server = RedisServer::start();
    let redis = Redis::tcp(server.url()).build().unwrap();
    runtime().block_on(async { redis.set("n", 0).await.unwrap() });
    assert_eq!(runtime().block_on(async { redis.incr("n").await.unwrap() }), 1);
}

#[test]
fn a_runtime_that_stands_still_holds_up_no_other() {
    let server = RedisServer::start();
    let redis = Redis::tcp(server.url()).build().unwrap();
    let still = runtime();
    still.block_on(async { redis.set("n", 0).await.unwrap() });
    let count = runtime().block_on(async { redis.incr("n").timeout(Duration::from_secs(2)).await });
    assert_eq!(count.unwrap(), 1);
    assert_eq!(still.block_on(async { redis.incr("n").await.unwrap() }), 2);
}

/// Commands that are issued before there is a connection keep their order.
#[tokio::test]
async fn order_is_kept_from_the_first_command_on() {
    let server = RedisServer::start();
    for n in 0..50 {
        let redis = Redis::tcp(server.url()).build().unwrap();
        let (set, get) = tokio::join!(redis.set("k", n).into_future(), redis.get::<i64>("k").into_future());
        set.unwrap();
        assert_eq!(get.unwrap(), n);
    }
}

#[tokio::test]
async fn a_command_that_was_given_up_before_there_was_a_connection_is_not_sent() {
    let server = RedisServer::with(&["--requirepass", "right"]);
    let proxy = Proxy::start(server.port()).await;
    let url = format!("redis://:right@127.0.0.1:{}", proxy.port());
    let redis = Redis::tcp(url).connect_timeout(SHORT).build().unwrap();
    // The login has no answer for now.
    proxy.silence_all(true);
    assert!(timeout(SHORT / 10, redis.incr("n").into_future()).await.is_err());
    proxy.silence_all(false);
    assert_eq!(redis.incr("n").await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_not_spoken_is_refused_at_build() {
    for url in ["redis://127.0.0.1/?protocol=resp3", "rediss://127.0.0.1/#insecure"] {
        for builder in [Redis::tcp(url), Redis::cluster([url])] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
            assert!(error.to_string().contains("RESP3") || error.to_string().contains("root_certificate"), "{error}");
        }
    }
    Redis::tcp("redis://127.0.0.1/?protocol=resp2").build().unwrap();
}

#[tokio::test]
async fn the_cause_of_a_discarded_transaction_is_told() {
    let server = RedisServer::start();
    let redis = Redis::tcp(server.url()).build().unwrap();
    let mut multi = redis.transaction();
    let _ = multi.incr("n");
    let _ = multi.issue::<()>(axum_upstash::redis::Cmd::new("GET").arg("a").arg("s3cret"));
    let error = multi.exec().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted);
    assert!(error.to_string().contains("wrong number of arguments for 'get' command"), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"));
}
