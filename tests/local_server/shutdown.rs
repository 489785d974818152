//! The remains of a server that was shut down.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    foreign_redis::ForeignRedis,
    support::{DEADLINE, Server},
};

async fn rest_of_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = timeout(DEADLINE, stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn nothing_reaches_redis_after_it() {
    let redis = ForeignRedis::start();
    let server = Server::start_with(redis.config(":p%40ss@", 0)).await;
    let after = Server::start_with(redis.config(":p%40ss@", 0)).await;
    let head = |length: usize| {
        let token = server.upstash.token();
        format!("POST / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n")
    };
    let body = r#"["SET","late","1"]"#;
    // One stops within its head, the other within its body.
    let halves = [
        (head(body.len()), format!("\r\n{body}")),
        (format!("{}\r\n{}", head(body.len()), &body[..5]), body[5..].to_owned()),
    ];
    let mut streams = Vec::new();
    for (first, second) in halves {
        let mut stream = TcpStream::connect(server.upstash.address()).await.unwrap();
        stream.write_all(first.as_bytes()).await.unwrap();
        streams.push((stream, second));
    }
    server.result(json!(["PING"])).await;
    timeout(Duration::from_secs(4), server.upstash.shutdown()).await.unwrap();
    for (stream, second) in &mut streams {
        let _ = stream.write_all(second.as_bytes()).await;
        let answer = rest_of_answer(stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
    assert_eq!(after.result(json!(["EXISTS", "late"])).await, 0);
}

#[tokio::test]
async fn a_request_that_runs_is_still_answered() {
    let server = Server::start().await;
    let script = "for i = 1, 20000000 do local _ = i * i end return 'done'";
    let body = json!(["EVAL", script, 0]).to_string();
    let mut stream = TcpStream::connect(server.upstash.address()).await.unwrap();
    let (token, length) = (server.upstash.token(), body.len());
    let head = format!("POST / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n");
    let head = format!("{head}expect: 100-continue\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // It says this when it wants the body, so the request is in its hands.
    let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    timeout(DEADLINE, stream.read_exact(&mut go_on)).await.unwrap().unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{go_on:?}");
    stream.write_all(body.as_bytes()).await.unwrap();
    server.upstash.shutdown().await;
    let answer = rest_of_answer(&mut stream).await;
    assert!(answer.ends_with(r#"{"result":"done"}"#), "{answer}");
}

#[tokio::test]
async fn a_request_without_end_does_not_hold_it_up() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.upstash.address()).await.unwrap();
    stream.write_all(b"GET /ping HTTP/1.1\r\nhost: loc").await.unwrap();
    server.result(json!(["PING"])).await;
    timeout(Duration::from_secs(2), server.upstash.shutdown()).await.unwrap();
}
