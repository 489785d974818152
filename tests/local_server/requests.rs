//! What a request may look like.

use axum_upstash::local::LocalRedisConfig;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Server, read};

#[tokio::test]
async fn takes_a_command_in_every_form() {
    let server = Server::start().await;
    for method in [Method::GET, Method::POST, Method::PUT] {
        let request = server.request(method, "/set/a%2Fb/%C3%A9%20+/EX/100");
        assert_eq!(read(request).await, (StatusCode::OK, json!({"result": "OK"})));
        assert_eq!(server.result(json!(["GET", "a/b"])).await, "é +");
    }
    server.post("/set/body", "1&2=3").await;
    assert_eq!(server.result(json!(["GET", "body"])).await, "1&2=3");

    server.post("/set/query?EX=100&NX", "value").await;
    assert_eq!(server.result(json!(["GET", "query"])).await, "value");
    assert_eq!(server.result(json!(["TTL", "query"])).await, 100);

    let request = server.request(Method::GET, "/set/empty?%20&EX=10");
    assert_eq!(read(request).await.0, 200);
    assert_eq!(server.result(json!(["GET", "empty"])).await, " ");

    let head = server.request(Method::HEAD, "/set/head/1").send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(server.result(json!(["get", "head"])).await, "1");
    server.upstash.shutdown().await;
}

#[tokio::test]
async fn a_body_in_the_path_form_is_bytes() {
    let server = Server::start().await;
    let bytes: Vec<u8> = (0..=255).collect();
    server.post("/set/%FF%00", bytes.clone()).await;
    let request = server.request(Method::GET, "/get/%ff%00");
    let (_, answer) = read(request.header("Upstash-Encoding", "base64")).await;
    let text = answer["result"].as_str().unwrap();
    assert_eq!(STANDARD.decode(text).unwrap(), bytes);
}

#[tokio::test]
async fn json_scalars_are_sent_as_their_text() {
    let server = Server::start().await;
    let (_, answer) = server
        .post("/pipeline", r#"[["ECHO",1.50],["ECHO",1e+21],["ECHO",9223372036854775807],["ECHO",true],["ECHO",null]]"#)
        .await;
    assert_eq!(
        answer,
        json!([
            {"result": "1.50"},
            {"result": "1e+21"},
            {"result": "9223372036854775807"},
            {"result": "true"},
            {"result": "null"},
        ])
    );
}

#[tokio::test]
async fn the_token_comes_in_the_header_or_in_the_query() {
    let server = Server::start_with(LocalRedisConfig::default().with_token("s3cret")).await;
    let get = |target: &'static str| server.anonymous(Method::GET, target);
    let refused = json!({"error": "WRONGPASS invalid or missing auth token"});
    for request in [
        get("/ping"),
        get("/ping?_token="),
        get("/ping?_token=s3cre"),
        get("/ping").bearer_auth("S3cret"),
        get("/ping").header("Authorization", "s3cret"),
        get("/ping").header("Authorization", "Basic s3cret"),
        get("/ping?_token=s3cret").bearer_auth("wrong"),
    ] {
        assert_eq!(read(request).await, (StatusCode::UNAUTHORIZED, refused.clone()));
    }
    for request in [
        get("/echo/a").bearer_auth("s3cret"),
        get("/echo/a").header("Authorization", "bearer s3cret"),
        get("/echo/a?_token=s3cret"),
        get("/echo?a&_token=s3cret"),
        get("/echo?_token=%73%33cret").body("a"),
    ] {
        assert_eq!(read(request).await, (StatusCode::OK, json!({"result": "a"})));
    }
    let post = server.anonymous(Method::POST, "/?_token=s3cret");
    assert_eq!(read(post.body(r#"["PING"]"#)).await.0, 200);
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let server = Server::start().await;
    for method in [Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let response = server.request(method, "/ping").send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.bytes().await.unwrap(), "");
    }
}

#[tokio::test]
async fn endpoints_that_are_none_are_refused() {
    let server = Server::start().await;
    for target in ["/pipeline/x", "/monitor/x", "/subscribe", "/psubscribe/"] {
        let (status, answer) = server.post(target, "[]").await;
        assert_eq!(status, 400, "{target}");
        assert!(answer["error"].as_str().unwrap().starts_with("ERR "));
    }
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    let server = Server::start().await;
    let deep = "[".repeat(100_000);
    for (target, body, error) in [
        ("/", "", "ERR empty command"),
        ("/", "[]", "ERR empty command"),
        ("/", "{", "ERR failed to parse command"),
        ("/", "{}", "ERR failed to parse command"),
        ("/", "\"PING\"", "ERR failed to parse command"),
        ("/", "[\"PING\"", "ERR failed to parse command"),
        ("/", "[\"PING\"]]", "ERR failed to parse command"),
        ("/", "[\"GET\",[\"k\"]]", "ERR failed to parse command: arguments"),
        ("/", "[\"GET\",{}]", "ERR failed to parse command: arguments"),
        ("/", &deep, "ERR failed to parse command"),
        ("/pipeline", "", "ERR failed to parse pipeline request"),
        ("/pipeline", "[]", "ERR empty pipeline request"),
        ("/pipeline", "[\"PING\"]", "ERR failed to parse pipeline request"),
        ("/pipeline", "[[{}]]", "ERR failed to parse pipeline request: arguments"),
        ("/multi-exec", "[]", "ERR empty pipeline request"),
        ("/multi-exec", "nonsense", "ERR failed to parse pipeline request"),
    ] {
        let (status, answer) = server.post(target, body.to_owned()).await;
        assert_eq!(status, 400, "{target} {body}");
        assert!(answer["error"].as_str().unwrap().starts_with(error), "{answer}");
    }
    let (status, _) = server.post("/", &b"[\"SET\",\"k\",\"\xff\"]"[..]).await;
    assert_eq!(status, 400);
    assert_eq!(server.result(json!(["PING"])).await, "PONG");
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::start_with(LocalRedisConfig::default().with_max_request_bytes(100)).await;
    let (status, _) = server.post("/set/k", "x".repeat(100)).await;
    assert_eq!(status, 200);
    for size in [101, 5_000_000] {
        let (status, answer) = server.post("/set/k", "y".repeat(size)).await;
        assert_eq!(status, 400);
        let text = format!("ERR max request size exceeded. Limit: 100 bytes, Actual: {size} bytes");
        assert_eq!(answer, json!({"error": text}));
    }
    assert_eq!(server.result(json!(["STRLEN", "k"])).await, 100);
}

#[tokio::test]
async fn large_values_pass() {
    let server = Server::start().await;
    let value = "v".repeat(10 * 1024 * 1024);
    let (status, _) = server.post("/set/large", value.clone()).await;
    assert_eq!(status, 200);
    assert_eq!(server.result(json!(["GET", "large"])).await, value);
}
