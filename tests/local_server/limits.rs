//! What tokens allow, and what the plan does.

use crate::support::{Server, read};
use axum_upstash::local::LocalRedisConfig;
use reqwest::Method;
use serde_json::{Value, json};

async fn as_reader(server: &Server, target: &str, body: Value) -> (u16, Value) {
    let request = server.anonymous(Method::POST, target).bearer_auth(server.upstash.read_only_token());
    let (status, answer) = read(request.json(&body)).await;
    (status.as_u16(), answer)
}

#[tokio::test]
async fn the_read_only_token_reads_and_does_no_more() {
    let server = Server::start().await;
    server.result(json!(["HSET", "h", "f", "v"])).await;
    for command in [
        json!(["hget", "h", "f"]),
        json!(["HTTL", "h", "FIELDS", 1, "f"]),
        json!(["PING"]),
        json!(["EVAL_RO", "return 1", 0]),
        json!(["EXISTS", "h"]),
        json!(["OBJECT", "ENCODING", "h"]),
    ] {
        assert_eq!(as_reader(&server, "/", command.clone()).await.0, 200, "{command}");
    }
    for name in ["SET", "del", "SCAN", "KEYS", "EVAL", "FLUSHALL", "PUBLISH", "NONE", "HEXPIRE", "JSON.SET"] {
        let (status, answer) = as_reader(&server, "/", json!([name, "h"])).await;
        let wanted = format!("NOPERM this user has no permissions to run the '{}' command", name.to_lowercase());
        assert_eq!((status, &answer["error"]), (400, &json!(wanted)));
    }
    let (status, answer) = as_reader(&server, "/pipeline", json!([["DEL", "h"], ["HLEN", "h"]])).await;
    assert_eq!((status, &answer[1]), (200, &json!({"result": 1})));
    assert!(answer[0]["error"].as_str().unwrap().starts_with("NOPERM"));
    let (status, _) = as_reader(&server, "/multi-exec", json!([["HLEN", "h"], ["DEL", "h"]])).await;
    assert_eq!(status, 400);
    assert_eq!(as_reader(&server, "/monitor", json!([])).await.0, 400);
    assert_eq!(server.result(json!(["HLEN", "h"])).await, 1);
}

#[tokio::test]
async fn long_keys_are_refused_and_long_values_are_not() {
    let server = Server::start().await;
    let long = "k".repeat(32 * 1024 + 1);
    let error = server.error(json!(["SET", long, "v"])).await;
    assert_eq!(error, "ERR max key size exceeded. Limit: 32768 bytes, Actual: 32769 bytes");
    assert_eq!(server.result(json!(["SET", &long[1..], long])).await, "OK");
}

#[tokio::test]
async fn a_reply_counts_as_a_request_does() {
    let server = Server::start_with(LocalRedisConfig::default().with_max_request_bytes(1000)).await;
    for _ in 0..3 {
        server.result(json!(["APPEND", "k", "x".repeat(500)])).await;
    }
    let error = server.error(json!(["GET", "k"])).await;
    assert_eq!(error, "ERR max request size exceeded. Limit: 1000 bytes, Actual: 1500 bytes");
    assert_eq!(server.result(json!(["STRLEN", "k"])).await, 1500);
}

#[tokio::test]
async fn pipelines_and_days_have_limits_where_they_are_set() {
    let config = LocalRedisConfig::default().with_max_pipeline_commands(2).with_daily_commands(3);
    let server = Server::start_with(config).await;
    let three = json!([["PING"], ["PING"], ["PING"]]);
    assert_eq!(server.post("/pipeline", three.to_string()).await.0, 400);
    server.pipeline(json!([["PING"], ["PING"]])).await;
    server.result(json!(["PING"])).await;
    let error = server.error(json!(["PING"])).await;
    assert!(error.starts_with("ERR max daily request limit exceeded"), "{error}");
}

#[tokio::test]
async fn a_pipeline_bounds_each_reply_and_their_sum() {
    let config = LocalRedisConfig::default().with_max_request_bytes(1000).with_max_pipeline_reply_bytes(2500);
    let server = Server::start_with(config).await;
    server.result(json!(["SET", "small", "x".repeat(900)])).await;
    for _ in 0..2 {
        server.result(json!(["APPEND", "large", "x".repeat(600)])).await;
    }
    server.result(json!(["RPUSH", "list", "x".repeat(400), "x".repeat(400)])).await;
    let get = |key: &str| json!(["GET", key]);
    let commands = json!([
        get("large"),
        get("small"),
        ["LRANGE", "list", 0, -1],
        get("small"),
        ["INCR", "n"],
        ["SET", "k", "v"],
        ["LRANGE", "list", 0, 0],
        ["NOT", "A", "COMMAND"]
    ]);
    let text = "ERR max request size exceeded.";
    for target in ["/pipeline", "/multi-exec"] {
        let mut commands = commands.as_array().unwrap().clone();
        if target == "/multi-exec" {
            commands.pop();
        }
        let (status, answer) = server.post(target, json!(commands).to_string()).await;
        assert_eq!(status, 200, "{target}: {answer}");
        assert_eq!(answer[0], json!({"error": format!("{text} Limit: 1000 bytes, Actual: 1200 bytes")}), "{target}");
        assert_eq!(answer[1]["result"].as_str().unwrap().len(), 900);
        assert_eq!(answer[2]["result"].as_array().unwrap().len(), 2);
        // 900 + 800 + 900 bytes are more than the sum may be; 900 + 800 + 400 are not.
        assert_eq!(answer[3], json!({"error": format!("{text} Limit: 2500 bytes, Actual: 2600 bytes")}), "{target}");
        assert!(answer[4]["result"].is_u64() && answer[5] == json!({"result": "OK"}), "{answer}");
        assert_eq!(answer[6]["result"][0].as_str().unwrap().len(), 400);
    }
    assert_eq!(server.result(json!(["GET", "n"])).await, "2");
}

#[tokio::test]
async fn a_month_has_a_limit_if_one_is_set() {
    let server = Server::start_with(LocalRedisConfig::default().with_max_requests(2)).await;
    server.pipeline(json!([["PING"], ["PING"]])).await;
    let error = server.error(json!(["PING"])).await;
    assert_eq!(
        error,
        "ERR max requests limit exceeded. Limit: 2, Usage: 2. See https://upstash.com/docs/redis/troubleshooting/max_requests_limit for details"
    );
}

/// A reply is not only long strings: a status has a text, and many small values take memory.
#[tokio::test]
async fn no_kind_of_reply_is_beyond_the_limits() {
    let config = LocalRedisConfig::default().with_max_request_bytes(10_000).with_max_pipeline_reply_bytes(20_000);
    let server = Server::start_with(config).await;
    let text = "ERR max request size exceeded. Limit: ";
    for script in [
        "return redis.status_reply(string.rep('x', 15000))",
        "return redis.error_reply(string.rep('x', 15000))",
        "return {redis.status_reply(string.rep('x', 15000))}",
        "local t = {} for i = 1, 5000 do t[i] = '' end return t",
        "local t = {} for i = 1, 5000 do t[i] = i end return t",
        "local t = {} for i = 1, 5000 do t[i] = {} end return t",
    ] {
        let error = server.error(json!(["EVAL", script, 0])).await;
        assert!(error.starts_with(&format!("{text}10000 bytes")), "{script}: {error}");
    }
    let status = json!(["EVAL", "return redis.status_reply(string.rep('x', 9000))", 0]);
    let answer = server.pipeline(json!([status, status, status, ["PING"]])).await;
    assert_eq!(answer[1]["result"].as_str().unwrap().len(), 9000);
    assert!(answer[2]["error"].as_str().unwrap().starts_with(&format!("{text}20000 bytes")), "{answer}");
    assert_eq!(answer[3], json!({"result": "PONG"}));
}
