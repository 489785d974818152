//! REST over HTTP/2, without TLS.

use crate::{rest, through};
use axum_upstash::{
    client::ReqwestTransport,
    redis::{Redis, RequestEvent},
};
use futures_util::future::join_all;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep};

const SHORT: Duration = Duration::from_millis(500);

async fn recovers_within(redis: &Redis, limit: Duration) {
    let begun = Instant::now();
    while redis.get::<Option<String>>("k").timeout(SHORT).await.is_err() {
        assert!(begun.elapsed() < limit, "no call succeeds after {:?}", begun.elapsed());
    }
}

/// The client moves to HTTP/2 by itself: then many commands in flight need no connection each.
#[tokio::test]
async fn a_server_that_advertises_it_is_reached_over_one_connection() {
    let (local, proxy) = rest().await;
    proxy.delay(Duration::from_millis(5));
    let sent = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&sent);
    let redis = through(&proxy, &local).on_request(move |_: &RequestEvent| *counter.lock().unwrap() += 1);
    let redis = redis.build().unwrap();
    // The first answers show that the server is far away, and that it speaks HTTP/2.
    for _ in 0..20 {
        redis.set("k", "v").await.unwrap();
    }
    let (connections, requests) = (proxy.connections(), *sent.lock().unwrap());
    let calls = (0..16).map(|n| {
        let redis = redis.clone();
        async move {
            sleep(Duration::from_millis(n)).await;
            redis.get::<String>("k").await.unwrap()
        }
    });
    join_all(calls).await;
    assert_eq!(proxy.connections(), connections, "requests in flight needed connections");
    let requests = *sent.lock().unwrap() - requests;
    assert!(requests >= 8, "16 commands, a millisecond apart, went in {requests} requests");
}

#[tokio::test]
async fn a_dead_connection_is_replaced() {
    let (local, proxy) = rest().await;
    // The client that the crate makes itself leaves it after the first deadline.
    proxy.delay(Duration::from_millis(5));
    let redis = through(&proxy, &local).build().unwrap();
    for _ in 0..20 {
        redis.set("k", "v").await.unwrap();
    }
    proxy.silence();
    recovers_within(&redis, 4 * SHORT).await;

    // A client of the application finds out by pings.
    let client = ReqwestTransport::client_builder()
        .http2_prior_knowledge()
        .http2_keep_alive_interval(SHORT)
        .http2_keep_alive_timeout(SHORT)
        .build()
        .unwrap();
    let redis = through(&proxy, &local).transport(ReqwestTransport::new(client)).build().unwrap();
    redis.set("k", "v").await.unwrap();
    proxy.silence();
    recovers_within(&redis, 8 * SHORT).await;
}

/// A server that stops to speak HTTP/2, such as one behind a proxy that came later, is reached over HTTP/1.1 again.
#[tokio::test]
async fn it_goes_back_to_http1() {
    let (local, proxy) = rest().await;
    proxy.delay(Duration::from_millis(5));
    let redis = through(&proxy, &local).build().unwrap();
    for _ in 0..20 {
        redis.set("k", "v").await.unwrap();
    }
    let old = http1_only(local.url().to_owned()).await;
    proxy.lead_to(old);
    proxy.close();
    recovers_within(&redis, 4 * SHORT).await;
    assert_eq!(redis.get::<String>("k").await.unwrap(), "v");
}

/// A server that refuses HTTP/2, and hands HTTP/1.1 on.
async fn http1_only(url: String) -> u16 {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                let mut begin = [0; 3];
                if client.read_exact(&mut begin).await.is_err() || &begin == b"PRI" {
                    let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
                    return;
                }
                let mut server = TcpStream::connect(to).await.unwrap();
                server.write_all(&begin).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}
