//! Clients that begin a request and do not end it.

use std::time::Duration;

use axum_upstash::local::LocalRedisConfig;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::support::{DEADLINE, Server};

const READ_TIMEOUT: Duration = Duration::from_millis(300);

/// Everything that the server sends until it closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.expect("the connection stays open");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn half_a_request_does_not_keep_its_connection() {
    let server = Server::start_with(LocalRedisConfig::default().with_read_timeout(READ_TIMEOUT)).await;
    let (address, token) = (server.upstash.address(), server.upstash.token());
    let head = format!("POST / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: 8\r\n");
    for (name, half, answer) in [
        ("nothing at all", String::new(), ""),
        ("half a line", "GET /pi".to_owned(), ""),
        ("half a head", head.clone(), ""),
        ("half of what begins HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM".to_owned(), ""),
        ("half a body", format!("{head}\r\n[\"PI"), "HTTP/1.1 408 "),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        let text = rest(&mut stream).await;
        assert!(text.starts_with(answer), "{name}: {text}");
    }
    assert_eq!(server.result(json!(["PING"])).await, "PONG");
}

#[tokio::test]
async fn a_connection_without_another_request_is_closed() {
    let server = Server::start_with(LocalRedisConfig::default().with_read_timeout(READ_TIMEOUT)).await;
    let mut stream = TcpStream::connect(server.upstash.address()).await.unwrap();
    let token = server.upstash.token();
    let request = format!("GET /ping HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.ends_with(r#"{"result":"PONG"}"#));
    // A time that no clock can reach is no reason to end.
    let server = Server::start_with(LocalRedisConfig::default().with_read_timeout(Duration::MAX)).await;
    assert_eq!(server.result(json!(["PING"])).await, "PONG");
}

/// Each piece comes in time, so that only a limit for the whole helps.
#[tokio::test]
async fn a_head_in_drops_does_not_keep_its_connection() {
    let server = Server::start_with(LocalRedisConfig::default().with_read_timeout(READ_TIMEOUT)).await;
    let mut stream = TcpStream::connect(server.upstash.address()).await.unwrap();
    let begun = Instant::now();
    while stream.write_all(b"G").await.is_ok() {
        assert!(begun.elapsed() < DEADLINE, "the connection stays open");
        sleep(READ_TIMEOUT / 10).await;
    }
}

/// A slow answer is not a slow request.
#[tokio::test]
async fn streams_and_slow_commands_outlive_the_timeout() {
    let server = Server::start_with(LocalRedisConfig::default().with_read_timeout(READ_TIMEOUT)).await;
    let mut stream = server.request(reqwest::Method::POST, "/subscribe/c").send().await.unwrap();
    stream.chunk().await.unwrap().unwrap();
    // Twice as long each time, because machines differ and scripts have no clock.
    let mut turns = 10_000_000_u64;
    loop {
        let slow = format!("for i = 1, {turns} do local _ = i * i end return 'done'");
        let begun = Instant::now();
        assert_eq!(server.result(json!(["EVAL", slow, 0])).await, "done");
        if begun.elapsed() > READ_TIMEOUT * 2 {
            break;
        }
        turns *= 2;
        assert!(turns < 1 << 40, "no command is slow");
    }
    server.result(json!(["PUBLISH", "c", "still here"])).await;
    let chunk = timeout(DEADLINE, stream.chunk()).await.unwrap().unwrap().unwrap();
    assert_eq!(chunk, "data: message,c,still here\n\n");
}
