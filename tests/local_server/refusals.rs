//! Commands that would block, leave the database, or change the Redis itself.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    foreign_redis::ForeignRedis,
    support::{Server, read},
};

/// Sends a command in every form that there is; each must be refused at once.
async fn assert_refused(server: &Server, words: &[&str]) {
    let start = format!("ERR Command is not available: '{}'. ", words[0]);
    let path: String = words.iter().map(|word| format!("/{}", word.replace('\0', "%00").replace(' ', "%20"))).collect();
    let all = async {
        let pipeline = server.pipeline(json!([words, ["PING"]])).await;
        assert_eq!(pipeline[1], json!({"result": "PONG"}), "{words:?}");
        let transaction = server.post("/multi-exec", json!([["PING"], words]).to_string()).await.1;
        let get = read(server.request(Method::GET, &path)).await.1;
        [json!({"error": server.error(json!(words)).await}), pipeline[0].clone(), transaction, get]
    };
    let answers: [Value; 4] = timeout(Duration::from_secs(5), all).await.unwrap();
    for answer in answers {
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.starts_with(&start), "{words:?} gave {answer}");
    }
}

#[tokio::test]
async fn a_nul_hides_nothing() {
    let server = Server::start().await;
    for words in [
        &["MULTI\0"] as &[&str],
        &["MULTI\x001"],
        &["GET\0", "k"],
        &["\0"],
        &["ACL\0", "LIST"],
        &["SCRIPT", "DEBUG\0", "NO"],
        &["ACL", "SETUSER\0", "default"],
        &["OBJECT", "HELP\0x"],
        &["XREAD", "BLOCK\0", "1500", "STREAMS", "s", "$"],
        &["XREAD", "COUNT", "1", "block\0x", "1500", "STREAMS", "s", "$"],
        &["XREAD", "COUNT\0", "1", "STREAMS", "s", "$"],
        &["XREAD", "STREAMS\0", "s", "0"],
        &["XREADGROUP", "GROUP", "g", "c", "BLOCK\0", "1500", "STREAMS", "s", ">"],
        &["COPY", "a", "b", "DB\0", "1"],
    ] {
        assert_refused(&server, words).await;
    }
}

#[tokio::test]
async fn a_nul_is_data_like_any_other() {
    let server = Server::start().await;
    assert_eq!(server.result(json!(["SET", "k\0", "v\0"])).await, "OK");
    assert_eq!(server.result(json!(["GET", "k\0"])).await, "v\0");
    assert_eq!(server.result(json!(["COPY", "k\0", "DB\0"])).await, 1);
    assert_eq!(server.result(json!(["XGROUP", "CREATE", "s\0", "g\0", "$", "MKSTREAM"])).await, "OK");
    let read = json!(["XREADGROUP", "GROUP", "g\0", "c\0", "STREAMS", "s\0", ">"]);
    assert_eq!(server.result(read).await, Value::Null);
}

#[tokio::test]
async fn commands_cannot_leave_the_database_or_change_the_redis() {
    let server = Server::start().await;
    for line in [
        "SWAPDB 0 1",
        "move k 1",
        "COPY a b DB 1",
        "copy a b replace db 0",
        "MIGRATE 127.0.0.1 1 k 0 100",
        "ACL SETUSER default resetpass >x",
        "acl deluser x",
        "ACL LOAD",
        "ACL SAVE",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        assert_refused(&server, &words).await;
    }
    let error = server.error(json!(["ACL", "DELUSER", "x"])).await;
    assert!(error.contains("not supported by this server yet"), "{error}");
    assert_eq!(server.result(json!(["ACL", "WHOAMI"])).await, "default");
    server.result(json!(["SET", "DB", "v"])).await;
    assert_eq!(server.result(json!(["COPY", "DB", "b", "REPLACE"])).await, 1);
}

#[tokio::test]
async fn flushall_keeps_to_the_database_of_the_url() {
    let redis = ForeignRedis::start();
    let zero = Server::start_with(redis.config(":p%40ss@", 0)).await;
    let three = Server::start_with(redis.config(":p%40ss@", 3)).await;
    for (flushed, other) in [(&three, &zero), (&zero, &three)] {
        for words in [json!(["FLUSHALL"]), json!(["flushall", "ASYNC"]), json!(["FLUSHALL", "SYNC"])] {
            for server in [flushed, other] {
                server.result(json!(["SET", "k", "v"])).await;
            }
            assert_eq!(flushed.result(words).await, "OK");
            assert_eq!(flushed.result(json!(["EXISTS", "k"])).await, 0);
            assert_eq!(other.result(json!(["EXISTS", "k"])).await, 1);
        }
    }
    let own = Server::start().await;
    own.result(json!(["SET", "k", "v"])).await;
    assert_eq!(own.result(json!(["FLUSHALL"])).await, "OK");
    assert_eq!(own.result(json!(["DBSIZE"])).await, 0);
}
