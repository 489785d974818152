//! `@upstash/redis` in front of the local Upstash, with values going both ways.

use std::collections::BTreeMap;

use axum_upstash::{
    local::LocalRedis,
    redis::{Json, PubSubEvent, Redis},
};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::node::{self, Conversation};

async fn upstash() -> (LocalRedis, Redis) {
    let local = LocalRedis::start().await.unwrap();
    let redis = Redis::new(local.url(), local.token()).unwrap();
    (local, redis)
}

#[tokio::test]
async fn values_written_by_rust_are_read_by_javascript_and_the_other_way_round() {
    let (local, redis) = upstash().await;
    for (prefix, encoding) in [("base64", json!("base64")), ("plain", json!(false))] {
        // Stored text, and the SDK's reading of it: it parses JSON if it can, and keeps integers exact.
        let from_rust = [
            ("text", "hello", json!("hello")),
            ("empty", "", json!("")),
            ("ok", "OK", json!("OK")),
            ("unicode", "zażółć 日本語 🦀", json!("zażółć 日本語 🦀")),
            ("control", "\"quoted\"\n\\\t\0", json!("\"quoted\"\n\\\t\0")),
            ("integer", "-42", json!(-42)),
            ("biggest", "9223372036854775807", json!("9223372036854775807")),
            ("object", r#"{"crab":"🦀","list":[1,null]}"#, json!({"crab": "🦀", "list": [1, null]})),
        ];
        for (name, text, _) in &from_rust {
            redis.set(format!("{prefix}:rust:{name}"), *text).await.unwrap();
        }
        let expected: BTreeMap<_, _> = from_rust.into_iter().map(|(name, _, expected)| (name, expected)).collect();
        let input = json!({"responseEncoding": encoding, "prefix": prefix, "fromRust": expected});

        let from_javascript = node::run("redis-values", &local, &input).await;
        for (name, value) in from_javascript.as_object().unwrap() {
            let key = format!("{prefix}:js:{name}");
            if let Some(text) = value.as_str() {
                assert_eq!(redis.get::<String>(&key).await.unwrap(), text, "{key}");
            } else {
                assert_eq!(redis.get::<Json<Value>>(&key).await.unwrap().0, *value, "{key}");
            }
        }
        let big: i64 = redis.get(format!("{prefix}:js:big")).await.unwrap();
        assert_eq!(big, 9_007_199_254_740_993_123);
        let hash: BTreeMap<String, String> = redis.hgetall(format!("{prefix}:js:hash")).await.unwrap();
        let fields = [("json", r#"{"a":1}"#), ("name", "日本語"), ("visits", "3")];
        assert_eq!(hash, fields.map(|(field, value)| (field.to_owned(), value.to_owned())).into());
        let queue = redis.cmd("LRANGE").key(format!("{prefix}:js:queue")).arg(0).arg(-1);
        assert_eq!(queue.query::<Vec<String>>().await.unwrap(), ["a", "ü", "3"]);
    }
}

#[tokio::test]
async fn an_error_in_a_pipeline_concerns_one_command() {
    let (local, redis) = upstash().await;
    let output = node::run("redis-pipeline", &local, &Value::Null).await;
    assert_eq!(output, json!({"count": 2}));
    assert_eq!(redis.get::<String>("pipeline:text").await.unwrap(), "not a number");
    assert_eq!(redis.get::<Json<Value>>("pipeline:object").await.unwrap().0, json!({"crab": "🦀"}));
}

#[tokio::test]
async fn a_transaction_runs_as_a_whole_or_is_discarded() {
    let (local, redis) = upstash().await;
    let output = node::run("redis-multi", &local, &Value::Null).await;
    assert_eq!(output, json!({"count": 7}));
    assert_eq!(redis.get::<String>("multi:name").await.unwrap(), "Zoë");
    assert_eq!(redis.get::<Option<String>>("multi:never").await.unwrap(), None);
}

#[tokio::test]
async fn scripts_run_by_text_and_by_hash() {
    let (local, redis) = upstash().await;
    let output = node::run("redis-scripts", &local, &Value::Null).await;
    assert_eq!(output, json!({"count": 5, "text": "abcd"}));
    assert_eq!(redis.get::<i64>("scripts:count").await.unwrap(), 5);
}

#[tokio::test]
async fn many_commands_at_once_travel_as_pipelines() {
    let (local, redis) = upstash().await;
    let output = node::run("redis-auto-pipeline", &local, &Value::Null).await;
    assert_eq!(output, json!({"many": 300, "requests": 3}));
    assert_eq!(local.requests(), 3);
    let last: Json<Value> = redis.get("auto:299").await.unwrap();
    assert_eq!(last.0, json!({"number": 299, "crab": "🦀"}));
}

#[tokio::test]
async fn documents_go_both_ways() {
    let (local, redis) = upstash().await;
    let document = r#"{"name":"Zoë 🦀","visits":3,"id":9223372036854775807}"#;
    redis.cmd("JSON.SET").key("json:rust").arg("$").arg(document).await.unwrap();
    let read = node::run("redis-json", &local, &Value::Null).await;
    let Json(own): Json<Value> = redis.cmd("JSON.GET").key("json:js").query().await.unwrap();
    assert_eq!(own, read);
    let text: String = redis.cmd("JSON.GET").key("json:rust").query().await.unwrap();
    assert_eq!(text, r#"{"name":"Zoë 🦀","visits":5,"id":9223372036854775807}"#);
}

#[tokio::test]
async fn messages_go_both_ways() {
    let (local, redis) = upstash().await;
    let mut javascript = Conversation::start("redis-pubsub", &local, "NONE", &Value::Null);
    assert_eq!(javascript.ask(&json!({"subscribe": "news"})).await, json!(1));
    assert_eq!(javascript.ask(&json!({"psubscribe": "room:*"})).await, json!(1));
    assert_eq!(redis.publish("news", "plain, with a comma").await.unwrap(), 1);
    assert_eq!(redis.publish("news", r#"{"crab":"🦀"}"#).await.unwrap(), 1);
    assert_eq!(redis.publish("room:1", "[1]").await.unwrap(), 1);
    let mut messages = javascript.ask(&json!({"messages": 3})).await;
    // The two subscriptions are two connections, so only the order on each is given.
    messages.as_array_mut().unwrap().sort_by_key(|message| message.get("pattern").is_some());
    assert_eq!(
        messages,
        json!([
            {"channel": "news", "message": "plain, with a comma"},
            {"channel": "news", "message": {"crab": "🦀"}},
            {"pattern": "room:*", "channel": "room:1", "message": [1]},
        ])
    );

    let mut ours = redis.subscribe(["from, js"]);
    assert!(matches!(ours.next().await.unwrap().unwrap(), PubSubEvent::Subscribed { .. }));
    assert_eq!(javascript.ask(&json!({"publish": ["from, js", "a,b"]})).await, json!(1));
    let PubSubEvent::Message(message) = ours.next().await.unwrap().unwrap() else { panic!("no message") };
    assert_eq!((&*message.channel, &message.payload[..]), ("from, js", &b"a,b"[..]));
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let (local, redis) = upstash().await;
    let output = node::run("redis-wrong-token", &local, &Value::Null).await;
    assert_eq!(output, json!({"refusals": 3}));
    assert_eq!(redis.get::<Option<String>>("unauthorized").await.unwrap(), None);
}
