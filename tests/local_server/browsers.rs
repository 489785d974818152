//! Requests that a web page makes in the browser of the developer.

use axum_upstash::local::LocalRedisConfig;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Server, read};

const CROSS_SITE: (&str, &str) = ("Sec-Fetch-Site", "cross-site");

#[tokio::test]
async fn refuses_requests_of_other_sites() {
    let server = Server::start().await;
    server.result(json!(["SET", "k", "v"])).await;
    let target = format!("/flushall?_token={}", server.upstash.token());
    for (name, value) in [
        CROSS_SITE,
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "http://evil.example"),
        ("Origin", "https://127.0.0.1:8079"),
        ("Origin", "http://127.0.0.1.evil.example"),
        ("Origin", "http://localhost.evil.example:8079"),
        ("Origin", "http://localhost@evil.example"),
        ("Origin", "http://192.168.0.1"),
        ("Origin", "http://localhost:x"),
        ("Origin", "http://"),
        ("Origin", "null"),
        // A page of another server on this machine: the same site, and another origin.
        ("Origin", "http://localhost:3000"),
        ("Origin", "http://127.0.0.1"),
        ("Origin", "http://[::1]:3000"),
        ("Host", "evil.example"),
        ("Host", "evil.example:8079"),
        ("Host", "localhost.evil.example"),
        ("Host", "127.0.0.1.evil.example"),
        ("Host", "[::2]:8079"),
        ("Host", "0.0.0.0:8079"),
        ("Host", ""),
    ] {
        let request = server.anonymous(Method::GET, &target).header(name, value);
        let (status, answer) = read(request).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{name}: {value}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.starts_with("ERR ") && error.contains(name), "{error}");
    }
    assert_eq!(server.result(json!(["GET", "k"])).await, "v");
}

#[tokio::test]
async fn answers_its_own_origin_and_clients_that_are_no_browser() {
    let server = Server::start().await;
    for (name, value) in [
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Site", "none"),
        ("Host", "LOCALHOST"),
        ("Host", "localhost:1"),
        ("Host", "127.0.0.1:1"),
        ("Host", "[::1]"),
        ("Host", "[::1]:1"),
    ] {
        let request = server.request(Method::GET, "/ping").header(name, value);
        assert_eq!(read(request).await.0, StatusCode::OK, "{name}: {value}");
    }
}

#[tokio::test]
async fn its_own_origin_is_the_host_of_the_request() {
    let server = Server::start().await;
    for (host, origin, expected) in [
        ("localhost:9000", "http://localhost:9000", 200),
        ("LOCALHOST:9000", "http://localhost:9000", 200),
        ("localhost", "http://localhost", 200),
        ("localhost:80", "http://localhost", 200),
        ("[::1]:9000", "http://[::1]:9000", 200),
        ("localhost:9000", "http://localhost", 403),
        ("localhost:9000", "http://127.0.0.1:9000", 403),
        ("localhost:9000", "http://localhost:9001", 403),
    ] {
        let request = server.request(Method::GET, "/ping").header("Host", host).header("Origin", origin);
        assert_eq!(read(request).await.0, expected, "{host} {origin}");
    }
}

/// Browsers send neither `Sec-Fetch-Site` nor a preflight before a WebSocket handshake.
#[tokio::test]
async fn refuses_to_upgrade() {
    let server = Server::start().await;
    server.result(json!(["SET", "k", "v"])).await;
    let target = format!("/flushall?_token={}", server.upstash.token());
    for upgrade in ["websocket", "WebSocket", "h2c, websocket", "TLS/1.0", ""] {
        let handshake = server
            .anonymous(Method::GET, &target)
            .header("Connection", "Upgrade")
            .header("Upgrade", upgrade)
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        let (status, answer) = read(handshake).await;
        assert_eq!(status, 403, "{upgrade:?}");
        assert!(answer["error"].as_str().unwrap().contains("Upgrade"), "{answer}");
    }
    assert_eq!(server.result(json!(["GET", "k"])).await, "v");
    // A server may answer this one without a change of protocol (RFC 9110 7.8).
    let curious = server.request(Method::GET, "/ping").header("Connection", "Upgrade").header("Upgrade", "h2c");
    assert_eq!(read(curious).await.0, 200);
}

#[tokio::test]
async fn a_server_for_other_machines_goes_by_any_name() {
    let config = LocalRedisConfig::default().with_address(([0, 0, 0, 0], 0).into());
    let server = Server::start_with(config).await;
    for (name, value) in [("Host", "redis.internal:8079"), ("Origin", "http://app.internal"), CROSS_SITE] {
        let request = server.request(Method::GET, "/ping").header(name, value);
        assert_eq!(read(request).await.0, StatusCode::OK, "{name}: {value}");
    }
}
