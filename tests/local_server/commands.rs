//! Pipelines, transactions, and commands that are not offered.

use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn a_pipeline_goes_on_after_errors() {
    let server = Server::start().await;
    let answer = server
        .pipeline(json!([["SET", "k", "v"], ["LPUSH", "k", "v"], [], ["MONITOR"], ["NOSUCH"], ["GET", "k"],]))
        .await;
    let items = answer.as_array().unwrap();
    assert_eq!(items.len(), 6);
    assert_eq!(items[0], json!({"result": "OK"}));
    for (index, start) in [
        (1, "WRONGTYPE "),
        (2, "ERR empty pipeline command"),
        (3, "ERR Command is not available: 'MONITOR'. "),
        (4, "ERR unknown command 'NOSUCH'"),
    ] {
        let error = items[index]["error"].as_str().unwrap();
        assert!(error.starts_with(start), "{error}");
    }
    assert_eq!(items[5], json!({"result": "v"}));
}

#[tokio::test]
async fn a_pipeline_may_be_long() {
    let server = Server::start().await;
    let long: Vec<_> = (0..10_000).map(|n| json!(["ECHO", n])).collect();
    let answer = server.pipeline(long.clone().into()).await;
    let items = answer.as_array().unwrap();
    assert_eq!(items.len(), 10_000);
    assert!((0..).zip(items).all(|(n, item)| *item == json!({"result": n.to_string()})));

    let too_long = [long, vec![json!(["PING"])]].concat();
    let (status, answer) = server.post("/pipeline", json!(too_long).to_string()).await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains("10000"));
}

#[tokio::test]
async fn a_transaction_is_executed_whole() {
    let server = Server::start().await;
    let commands = json!([["SET", "k", "v"], ["LPUSH", "k", "x"], ["SELECT", "0"], ["GET", "k"]]);
    let (status, answer) = server.post("/multi-exec", commands.to_string()).await;
    assert_eq!(status, 200);
    assert_eq!(answer[0], json!({"result": "OK"}));
    assert!(answer[1]["error"].as_str().unwrap().starts_with("WRONGTYPE "));
    assert_eq!(answer[2], json!({"result": "OK"}));
    assert_eq!(answer[3], json!({"result": "v"}));
    assert_eq!(answer.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_transaction_is_discarded_whole() {
    let server = Server::start().await;
    for (command, start) in [
        (json!(["NOSUCH"]), "EXECABORT "),
        (json!(["GET"]), "EXECABORT "),
        (json!(["MONITOR"]), "ERR Command is not available: 'MONITOR'. "),
        (json!([]), "ERR empty pipeline command"),
        (json!([["nested"]]), "ERR failed to parse pipeline request"),
    ] {
        let commands = json!([["SET", "never", 1], command]);
        let (status, answer) = server.post("/multi-exec", commands.to_string()).await;
        assert_eq!(status, 400);
        let error = answer["error"].as_str().unwrap();
        assert!(error.starts_with(start), "{error}");
        assert_eq!(server.result(json!(["EXISTS", "never"])).await, 0);
    }
}

#[tokio::test]
async fn refuses_commands_that_are_not_offered() {
    let server = Server::start().await;
    for line in [
        "SUBSCRIBE c",
        "psubscribe c",
        "SSUBSCRIBE c",
        "UNSUBSCRIBE",
        "MONITOR",
        "BLPOP k 0",
        "BRPOP k 0",
        "BRPOPLPUSH a b 0",
        "BLMOVE a b LEFT LEFT 0",
        "BLMPOP 0 1 k LEFT",
        "BZPOPMIN k 0",
        "BZPOPMAX k 0",
        "BZMPOP 0 1 k MIN",
        "XREAD BLOCK 0 STREAMS s $",
        "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
        "MULTI",
        "EXEC",
        "WATCH k",
        "UNWATCH",
        "DISCARD",
        "SELECT 1",
        "HELLO 3",
        "AUTH x",
        "QUIT",
        "RESET",
        "CLIENT REPLY OFF",
        "SHUTDOWN",
        "REPLICAOF NO ONE",
        "SLAVEOF NO ONE",
        "DEBUG SLEEP 0",
        "SYNC",
        "PSYNC ? -1",
        "CLUSTER INFO",
        "CONFIG GET",
        "CONFIG REWRITE",
        "CONFIG SET maxmemory 1",
        "FAILOVER",
        "SAVE",
        "BGSAVE",
        "BGREWRITEAOF",
        "MODULE LIST",
        "SCRIPT DEBUG YES",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let start = format!("ERR Command is not available: '{}'. ", words[0]);
        let error = server.error(json!(words)).await;
        assert!(error.starts_with(&start), "{error}");
        let answer = server.pipeline(json!([words, ["PING"]])).await;
        assert!(answer[0]["error"].as_str().unwrap().starts_with(&start));
        assert_eq!(answer[1], json!({"result": "PONG"}));
    }
    let set = json!(["CONFIG", "SET", "notify-keyspace-events", "KEA"]);
    assert_eq!(server.result(set).await, "OK");
    // The only setting that there is, in the order in which Redis gives the letters.
    for (pattern, letters) in [("*", true), ("Notify-Keyspace-Events", true), ("notify-*", true), ("maxmemory*", false)]
    {
        let found = server.result(json!(["CONFIG", "GET", pattern])).await;
        let wanted = if letters { json!(["notify-keyspace-events", "AKE"]) } else { json!([]) };
        assert_eq!(found, wanted, "{pattern}");
    }
    assert_eq!(server.result(json!(["SELECT", 0])).await, "OK");
}
