//! Messages, when the network says nothing any more.

use crate::{proxy::Proxy, redis_server::RedisServer, rest, through};
use axum_upstash::redis::{MonitorEvent, PubSubEvent, Redis};
use futures_core::Stream;
use futures_util::StreamExt;
use std::time::Duration;
use tokio::time::timeout;

const HEARTBEAT: Duration = Duration::from_millis(300);

async fn next<T>(stream: &mut (impl Stream<Item = Result<T, axum_upstash::Error>> + Unpin)) -> T {
    timeout(Duration::from_secs(10), stream.next()).await.expect("nothing came").unwrap().unwrap()
}

/// The stream is opened again, says so, and hands on what is published from then on.
async fn a_gap_and_then_messages(redis: &Redis, proxy: &Proxy) {
    let mut subscription = redis.subscribe(["news"]);
    assert!(matches!(next(&mut subscription).await, PubSubEvent::Subscribed { .. }));
    proxy.silence();
    while next(&mut subscription).await != PubSubEvent::Gap {}
    while !matches!(next(&mut subscription).await, PubSubEvent::Subscribed { .. }) {}
    redis.publish("news", "back").await.unwrap();
    loop {
        match next(&mut subscription).await {
            PubSubEvent::Message(message) => break assert_eq!(&message.payload[..], b"back"),
            // Over REST a quiet channel is silent, too.
            PubSubEvent::Gap | PubSubEvent::Subscribed { .. } => drop(redis.publish("news", "back").await),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_silent_stream_over_rest_is_opened_again() {
    let (local, proxy) = rest().await;
    let redis = through(&proxy, &local).heartbeat(HEARTBEAT).build().unwrap();
    a_gap_and_then_messages(&redis, &proxy).await;
}

#[tokio::test]
async fn a_silent_stream_over_tcp_is_opened_again() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port()).await;
    let redis = Redis::tcp(format!("redis://127.0.0.1:{}", proxy.port())).heartbeat(HEARTBEAT).build().unwrap();
    a_gap_and_then_messages(&redis, &proxy).await;

    let mut monitor = redis.monitor();
    assert_eq!(next(&mut monitor).await, MonitorEvent::Started);
    proxy.silence();
    while next(&mut monitor).await != MonitorEvent::Gap {}
}

/// A channel on which nothing is published is not lost: the server answers pings.
#[tokio::test]
async fn a_quiet_channel_over_tcp_has_no_gaps() {
    let server = RedisServer::start();
    let redis = Redis::tcp(server.url()).heartbeat(Duration::from_millis(50)).build().unwrap();
    for patterns in [false, true] {
        let mut quiet = if patterns { redis.psubscribe(["q*"]) } else { redis.subscribe(["quiet"]) };
        assert!(matches!(next(&mut quiet).await, PubSubEvent::Subscribed { .. }));
        assert!(timeout(Duration::from_millis(500), quiet.next()).await.is_err(), "an event on a quiet channel");
        redis.publish("quiet", "x").await.unwrap();
        assert!(matches!(next(&mut quiet).await, PubSubEvent::Message(_)));
    }
    let mut monitor = redis.monitor();
    assert_eq!(next(&mut monitor).await, MonitorEvent::Started);
    tokio::time::sleep(Duration::from_millis(300)).await;
    redis.set("seen", "x").await.unwrap();
    loop {
        match next(&mut monitor).await {
            MonitorEvent::Command(line) if line.contains("seen") => break,
            // Its own pings, and that of the client.
            MonitorEvent::Command(_) => {}
            other => panic!("{other:?}"),
        }
    }
}
