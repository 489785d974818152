//! Requests that a web page makes in the browser of the developer.

use axum_upstash::local::LocalConfig;
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
        ("Origin", "http://127.0.0.1"),
        ("Origin", "http://127.0.0.1:3000"),
        ("Origin", "http://localhost:3000"),
        ("Origin", "http://[::1]:3000"),
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
async fn a_server_for_other_machines_goes_by_any_name() {
    let config = LocalConfig::default().with_address(([0, 0, 0, 0], 0).into());
    let server = Server::start_with(config).await;
    for (name, value) in [("Host", "redis.internal:8079"), ("Origin", "http://app.internal"), CROSS_SITE] {
        let request = server.request(Method::GET, "/ping").header(name, value);
        assert_eq!(read(request).await.0, StatusCode::OK, "{name}: {value}");
    }
}
