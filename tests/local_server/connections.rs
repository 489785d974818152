//! Connections: shared, cut, closed by Redis, and to a Redis of someone else.

use std::time::Duration;

use axum_upstash::local::{LocalError, LocalRedis};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::foreign_redis::ForeignRedis;
use crate::support::{DEADLINE, Server, eventually};

const OUTAGE: &str = "ERR the Redis behind this server is not reachable";

#[tokio::test]
async fn an_outage_ends_when_redis_is_back() {
    let server = Server::start().await;
    server.result(json!(["SET", "k", "v"])).await;
    server.upstash.stop_redis().await.unwrap();
    server.upstash.stop_redis().await.unwrap();
    let down = json!({"error": OUTAGE});
    for target in ["/", "/pipeline", "/multi-exec"] {
        let body = if target == "/" { r#"["PING"]"# } else { r#"[["PING"]]"# };
        let answer = server.post(target, body).await;
        assert_eq!(answer, (StatusCode::INTERNAL_SERVER_ERROR, down.clone()));
    }
    server.upstash.restart_redis().await.unwrap();
    assert_eq!(server.result(json!(["GET", "k"])).await, Value::Null);
    server.upstash.restart_redis().await.unwrap();
    assert_eq!(server.result(json!(["PING"])).await, "PONG");
}

#[tokio::test]
async fn connections_that_redis_closed_are_not_used_again() {
    let redis = ForeignRedis::start();
    let server = Server::start_with(redis.config("default:p%40ss@", 0)).await;
    for _ in 0..10 {
        join_all((0..16).map(|_| server.result(json!(["PING"])))).await;
        redis.close_connections().await;
        assert_eq!(server.result(json!(["PING"])).await, "PONG");
    }
}

#[tokio::test]
async fn many_requests_at_once() {
    let server = Server::start().await;
    let requests = (0..64).map(|number| {
        let server = &server;
        async move {
            let key = format!("key{number}");
            let set = json!([["SET", key, number], ["INCR", "all"]]);
            let endpoint = if number % 2 == 0 { "/pipeline" } else { "/multi-exec" };
            assert_eq!(server.post(endpoint, set.to_string()).await.0, 200);
            server.result(json!(["GET", key])).await
        }
    });
    let values = join_all(requests).await;
    assert!((0..).zip(&values).all(|(number, value)| *value == json!(number.to_string())));
    assert_eq!(server.result(json!(["GET", "all"])).await, "64");
    assert_eq!(server.upstash.requests(), 129);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_reply_behind() {
    let server = Server::start().await;
    let (address, token) = (server.upstash.address(), server.upstash.token());
    for round in 0..20 {
        // Busy for long enough that the client is gone before the reply is there.
        let script =
            format!("for i = 1, 3000000 do local _ = i * i end redis.call('INCR', 'ran') return 'stale{round}'");
        let body = json!(["EVAL", script, 0]).to_string();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        drop(stream);
        let echoes = (0..4).map(|n| server.result(json!(["ECHO", format!("{round}-{n}")])));
        for (n, echo) in join_all(echoes).await.into_iter().enumerate() {
            assert_eq!(echo, format!("{round}-{n}"));
        }
    }
    eventually(|| async { server.result(json!(["GET", "ran"])).await != Value::Null }).await;
}

#[tokio::test]
async fn one_http_connection_serves_many_requests() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.upstash.address()).await.unwrap();
    let request = format!("GET /ping?_token={} HTTP/1.1\r\nhost: localhost\r\n\r\n", server.upstash.token());
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with(r#"{"result":"PONG"}"#) {
            let mut bytes = [0; 1024];
            let read = timeout(DEADLINE, stream.read(&mut bytes)).await.unwrap().unwrap();
            assert_ne!(read, 0);
            answer.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
    }
    // An idle connection does not hold up the end, and is closed by it.
    timeout(Duration::from_secs(4), server.upstash.shutdown()).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn speaks_to_a_redis_that_it_did_not_start() {
    let mut redis = ForeignRedis::start();
    for credentials in ["", ":wrong@", "nobody:p%40ss@"] {
        let error = LocalRedis::start_with(redis.config(credentials, 0)).await.unwrap_err();
        assert!(matches!(error, LocalError::RedisUnreachable { .. }), "{error}");
        assert!(!error.to_string().contains("p%40ss"));
    }
    let zero = Server::start_with(redis.config(":p%40ss@", 0)).await;
    let three = Server::start_with(redis.config("default:p%40ss@", 3)).await;
    // Database 0 of a client is the one in the URL, and stays so on every connection of the pool.
    for _ in 0..3 {
        assert_eq!(three.result(json!(["SELECT", "0"])).await, "OK");
        assert_eq!(three.result(json!(["SET", "only-in-3", 1])).await, "OK");
    }
    assert_eq!(zero.result(json!(["EXISTS", "only-in-3"])).await, 0);
    assert_eq!(three.result(json!(["EXISTS", "only-in-3"])).await, 1);

    let error = zero.upstash.stop_redis().await.unwrap_err();
    assert!(matches!(error, LocalError::RedisNotOwned));
    let error = zero.upstash.restart_redis().await.unwrap_err();
    assert!(matches!(error, LocalError::RedisNotOwned));

    redis.server.stop();
    eventually(|| async { zero.run(json!(["PING"])).await.0 == 500 }).await;
}
