//! What a reply looks like.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{Server, sync_token};

#[tokio::test]
async fn integers_keep_64_bits() {
    let server = Server::start().await;
    for number in [i64::MIN, -1, 0, (1 << 53) + 1, i64::MAX] {
        server.result(json!(["SET", "n", number])).await;
        assert_eq!(server.result(json!(["INCRBY", "n", 0])).await, number);
    }
}

#[tokio::test]
async fn base64_covers_strings_at_any_depth() {
    let server = Server::start().await;
    let script = "return {'a', {1, {'', 'OK'}}, false, redis.status_reply('OK')}";
    let eval = json!(["EVAL", script, 0]);
    assert_eq!(server.base64("/", &eval).await, json!({"result": ["YQ==", [1, ["", "T0s="]], null, "T0s="]}));
    let commands = json!([["SET", "k", "OK"], ["GET", "k"], ["GET"], ["PING"]]);
    for endpoint in ["/pipeline", "/multi-exec"] {
        let commands = match endpoint {
            "/pipeline" => commands.clone(),
            _ => json!([["SET", "k", "OK"], ["GET", "k"], ["LPOP", "k"], ["PING"]]),
        };
        let answer = server.base64(endpoint, &commands).await;
        assert_eq!(answer[0], json!({"result": "OK"}));
        assert_eq!(answer[1], json!({"result": "T0s="}));
        let error = answer[2]["error"].as_str().unwrap();
        assert!(error.starts_with("ERR wrong number") || error.starts_with("WRONGTYPE"));
        assert_eq!(answer[3], json!({"result": "UE9ORw=="}));
    }
}

#[tokio::test]
async fn plain_text_marks_each_byte_that_is_not_utf8() {
    let server = Server::start().await;
    server.post("/set/raw", &b"a\xff\xe2\x82b"[..]).await;
    let text = server.result(json!(["GET", "raw"])).await;
    assert_eq!(text, "a\u{fffd}\u{fffd}\u{fffd}b");
}

#[tokio::test]
async fn errors_inside_a_result_are_text() {
    let server = Server::start().await;
    let script = "return {1, redis.error_reply('MINE inside')}";
    let result = server.result(json!(["EVAL", script, 0])).await;
    assert_eq!(result, json!([1, "MINE inside"]));
}

#[tokio::test]
async fn every_reply_has_a_sync_token_of_its_own() {
    let server = Server::start().await;
    let requests = (0..20).map(|number| {
        let target = if number % 2 == 0 { "/ping" } else { "/nosuch" };
        let request = server.request(Method::GET, target);
        async move { sync_token(&request.send().await.unwrap()) }
    });
    let mut tokens = join_all(requests).await;
    let anonymous = server.anonymous(Method::GET, "/ping").send().await.unwrap();
    tokens.push(sync_token(&anonymous));
    assert_eq!(server.upstash.requests(), 21);
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 21);
}
