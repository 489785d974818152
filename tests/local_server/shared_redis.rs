//! A Redis whose other databases belong to other programs.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::{foreign_redis::ForeignRedis, support::Server};

const PASSWORD: &str = ":p%40ss@";

#[tokio::test]
async fn a_monitor_shows_the_commands_of_its_database_only() {
    let redis = ForeignRedis::start();
    let ours = Server::start_with(redis.config(PASSWORD, 1)).await;
    let theirs = Server::start_with(redis.config(PASSWORD, 0)).await;
    // Both are connected, so that no later line is a SELECT.
    ours.result(json!(["SET", "before", "x"])).await;
    theirs.result(json!(["SET", "before", "x"])).await;
    let mut monitor = ours.request(Method::POST, "/monitor").timeout(Duration::from_secs(60)).send().await.unwrap();
    let mut text = String::new();
    theirs.result(json!(["SET", "secret", "of another program"])).await;
    ours.result(json!(["EVAL", "return redis.call('SET', KEYS[1], 'from a script')", 1, "k"])).await;
    ours.result(json!(["SET", "last", "x"])).await;
    while !text.contains("last") {
        let chunk = timeout(Duration::from_secs(20), monitor.chunk()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(!text.contains("another program"), "{text}");
    assert!(text.contains("from a script"), "{text}");
    // The database of the client is 0, whichever it is in Redis, and no address of another client is shown.
    for line in text.lines().filter(|line| line.starts_with("data: ") && line.contains('[')) {
        assert!(line.contains(" [0 0.0.0.0:0] ") || line.contains(" [0 lua] "), "{line}");
    }
}

#[tokio::test]
async fn nothing_of_the_whole_server_is_changed_or_shown() {
    let redis = ForeignRedis::start();
    let ours = Server::start_with(redis.config(PASSWORD, 1)).await;
    let own = Server::start().await;
    for line in [
        "FUNCTION FLUSH",
        "function flush async",
        "FUNCTION DUMP",
        "FUNCTION RESTORE x",
        "FUNCTION KILL",
        "SCRIPT FLUSH",
        "SCRIPT KILL",
        "CONFIG SET notify-keyspace-events KEA",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let error = ours.error(json!(words)).await;
        assert!(error.starts_with(&format!("ERR Command is not available: '{}'. ", words[0])), "{line}: {error}");
        assert!(error.contains("shared"), "{error}");
        let (_, answer) = own.run(json!(words)).await;
        let refused = answer["error"].as_str().is_some_and(|error| error.contains("not available"));
        assert!(!refused, "{line} in a Redis of its own: {answer}");
    }
    for line in [
        "ACL LIST",
        "ACL USERS",
        "ACL GETUSER default",
        "ACL LOG",
        "SLOWLOG GET",
        "SLOWLOG RESET",
        "LATENCY DOCTOR",
        "MEMORY STATS",
        "MEMORY PURGE",
        "LASTSAVE",
        "ROLE",
        "LOLWUT",
        "CONFIG RESETSTAT",
        "COMMANDLOG GET 1 slow",
        "PFDEBUG GETREG k",
        "RESTORE-ASKING k 0 x",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        for server in [&ours, &own] {
            let error = server.error(json!(words)).await;
            assert!(error.starts_with(&format!("ERR Command is not available: '{}'. ", words[0])), "{line}: {error}");
        }
    }
    // Each names one library, one script or nothing of others.
    let library = "#!lua name=ours\nredis.register_function('ours', function() return 1 end)";
    assert_eq!(ours.result(json!(["FUNCTION", "LOAD", library])).await, "ours");
    assert_eq!(ours.result(json!(["FCALL", "ours", 0])).await, 1);
    assert_eq!(ours.result(json!(["FUNCTION", "DELETE", "ours"])).await, "OK");
    assert_eq!(
        ours.result(json!(["CONFIG", "GET", "notify-keyspace-events"])).await,
        json!(["notify-keyspace-events", ""])
    );
}

/// Redis hangs up on these two, because browsers can be made to send them.
#[tokio::test]
async fn lines_of_http_are_unknown_commands() {
    let server = Server::start().await;
    for name in ["POST", "post", "Host:", "host:"] {
        let error = server.error(json!([name, "/"])).await;
        assert!(error.starts_with("ERR "), "{error}");
        let answer = server.pipeline(json!([[name], ["PING"]])).await;
        assert_eq!(answer[1], json!({"result": "PONG"}), "{answer}");
    }
}

#[tokio::test]
async fn a_script_cannot_leave_a_redis_of_our_own() {
    let server = Server::start().await;
    for script in ["return redis.call('SELECT', 1)", "return redis.call('MIGRATE', '127.0.0.1', 1, 'k', 0, 100)"] {
        server.result(json!(["SET", "k", "v"])).await;
        assert!(server.error(json!(["EVAL", script, 0])).await.starts_with("ERR "), "{script}");
    }
}
