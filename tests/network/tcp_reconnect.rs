//! Redis over TCP: servers that are not there, and servers that have become replicas.

use crate::{
    proxy::Proxy,
    redis_server::{RedisServer, free_port},
};
use axum_upstash::{
    ErrorKind,
    redis::{Redis, RedisTcpBuilder},
};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn through(proxy: &Proxy) -> RedisTcpBuilder {
    Redis::tcp(format!("redis://127.0.0.1:{}", proxy.port()))
}

#[tokio::test]
async fn many_callers_share_each_attempt_to_connect() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port()).await;
    let redis = through(&proxy).build().unwrap();
    redis.set("k", "v").await.unwrap();
    let before = proxy.connections();
    proxy.refuse(true);
    proxy.close();
    let calls = (0..512).map(|_| {
        let redis = redis.clone();
        tokio::spawn(async move { redis.get::<String>("k").await.unwrap_err().kind() })
    });
    for kind in join_all(calls).await {
        assert!(matches!(kind.unwrap(), ErrorKind::Connect | ErrorKind::Interrupted));
    }
    let attempts = proxy.connections() - before;
    assert!(attempts <= 24, "{attempts} connections for 512 calls");

    proxy.refuse(false);
    assert_eq!(redis.get::<String>("k").await.unwrap(), "v");
}

#[tokio::test]
async fn a_port_without_a_server_is_an_error_of_the_connection() {
    let redis = Redis::tcp(format!("redis://127.0.0.1:{}", free_port())).build().unwrap();
    let outcomes = join_all((0..64).map(|_| redis.incr("n").into_future())).await;
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().unwrap_err().kind() == ErrorKind::Connect));
}

/// The address stands for another server after a failover. The old one is a replica by then.
#[tokio::test]
async fn a_replica_is_left_for_the_primary() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    let proxy = Proxy::start(old.port()).await;
    let redis = through(&proxy).build().unwrap();
    redis.set("k", "old").await.unwrap();

    let direct = Redis::tcp(old.url()).build().unwrap();
    direct.cmd("REPLICAOF").arg("127.0.0.1").arg(new.port()).await.unwrap();
    proxy.lead_to(new.port());
    redis.set("k", "new").await.unwrap();
    let primary = Redis::tcp(new.url()).build().unwrap();
    assert_eq!(primary.get::<String>("k").await.unwrap(), "new");
    let mut multi = redis.transaction();
    let count = multi.incr("n");
    assert_eq!(multi.exec().await.unwrap().take(count).unwrap(), 1);
}

#[tokio::test]
async fn a_replica_that_stays_one_is_an_error() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    let redis = Redis::tcp(old.url()).build().unwrap();
    redis.cmd("REPLICAOF").arg("127.0.0.1").arg(new.port()).await.unwrap();
    assert_eq!(redis.set("k", 1).await.unwrap_err().kind(), ErrorKind::ReadOnly);
    let mut multi = redis.transaction();
    let _ = multi.set("k", 1);
    let error = multi.exec().await.unwrap_err();
    assert!(error.to_string().contains("READONLY"), "{error}");
    // A script that only reads is refused its writes for another reason, and nothing is connected anew.
    let server = RedisServer::start();
    let redis = Redis::tcp(server.url()).build().unwrap();
    let script = "#!lua flags=no-writes\nreturn redis.call('SET', KEYS[1], 1)";
    let before: i64 = redis.cmd("CLIENT").arg("ID").query().await.unwrap();
    redis.cmd("EVAL").arg(script).arg(1).key("k").await.unwrap_err();
    assert_eq!(redis.cmd("CLIENT").arg("ID").query::<i64>().await.unwrap(), before);
}

/// Nothing gets through for a while. Then a call succeeds within its own deadline.
#[tokio::test]
async fn after_an_outage_of_the_network_a_call_succeeds_at_once() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port()).await;
    let redis = through(&proxy).timeout(Duration::from_secs(1)).build().unwrap();
    redis.set("k", "v").await.unwrap();
    proxy.silence_all(true);
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        assert_eq!(redis.get::<String>("k").await.unwrap_err().kind(), ErrorKind::Timeout);
    }
    proxy.silence_all(false);
    // The connection that was made in the outage is dead as well, which one deadline shows.
    let _ = redis.get::<String>("k").await;
    assert_eq!(redis.get::<String>("k").await.unwrap(), "v");
}

#[tokio::test]
async fn a_command_waits_while_the_server_reads_its_data() {
    let server = RedisServer::with(&["--enable-debug-command", "yes", "--key-load-delay", "300"]);
    let redis = Redis::tcp(server.url()).build().unwrap();
    for n in 0..2_000 {
        redis.set(format!("k{n}"), "v").await.unwrap();
    }
    let reload = tokio::spawn({
        let redis = Redis::tcp(server.url()).build().unwrap();
        async move { redis.cmd("DEBUG").arg("RELOAD").timeout(Duration::from_secs(30)).await }
    });
    sleep(Duration::from_millis(100)).await;
    redis.incr("n").timeout(Duration::from_secs(20)).await.unwrap();
    reload.await.unwrap().unwrap();
}
