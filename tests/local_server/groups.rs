//! Groups of consumers: entries that are deleted with their references, and groups that keep nothing.

use serde_json::{Value, json};

use crate::support::Server;

fn words(line: &str) -> Value {
    json!(line.split(' ').collect::<Vec<_>>())
}

async fn run(server: &Server, line: &str) -> Value {
    server.result(words(line)).await
}

/// The IDs in a stream.
async fn ids(server: &Server, key: &str) -> Vec<String> {
    let entries = server.result(json!(["XRANGE", key, "-", "+"])).await;
    entries.as_array().unwrap().iter().map(|entry| entry[0].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn reading_without_ack_leaves_no_consumer() {
    let server = Server::start().await;
    run(&server, "XADD s 1-1 a 1").await;
    run(&server, "XGROUP CREATE s g 0").await;
    let read = run(&server, "XREADGROUP GROUP g new NOACK STREAMS s >").await;
    assert_eq!(read, json!([["s", [["1-1", ["a", "1"]]]]]));
    assert_eq!(run(&server, "XINFO CONSUMERS s g").await, json!([]));
    assert_eq!(run(&server, "XREADGROUP GROUP g new NOACK STREAMS s >").await, Value::Null);

    run(&server, "XADD s 1-2 a 1").await;
    run(&server, "XREADGROUP GROUP g old STREAMS s >").await;
    run(&server, "XADD s 1-3 a 1").await;
    run(&server, "XREADGROUP GROUP g old NOACK STREAMS s >").await;
    assert_eq!(run(&server, "XPENDING s g").await[0], 1);
    let error = server.error(words("XREADGROUP GROUP none c NOACK STREAMS s >")).await;
    assert!(error.starts_with("NOGROUP No such key 's' or consumer group 'none'"), "{error}");
    assert!(!error.contains("script"), "{error}");
}

#[tokio::test]
async fn a_group_that_is_missing_has_no_consumers() {
    let server = Server::start().await;
    run(&server, "XADD s 1 a 1").await;
    assert_eq!(run(&server, "XINFO CONSUMERS s none").await, json!([]));
    assert_eq!(server.error(words("XINFO CONSUMERS none g")).await, "ERR no such key");
    assert_eq!(server.error(words("XPENDING s none")).await, "NOGROUP No such key 's' or consumer group 'none'");
}

#[tokio::test]
async fn entries_are_deleted_with_their_references() {
    let server = Server::start().await;
    for id in 1..=5 {
        run(&server, &format!("XADD s {id} a 1")).await;
    }
    for group in ["g1", "g2"] {
        run(&server, &format!("XGROUP CREATE s {group} 0")).await;
    }
    // The first group has yet to read 4 and 5, the second to acknowledge all five.
    run(&server, "XREADGROUP GROUP g1 c COUNT 3 STREAMS s >").await;
    run(&server, "XREADGROUP GROUP g2 c STREAMS s >").await;
    assert_eq!(run(&server, "XDELEX s IDS 2 9 1").await, json!([-1, 1]));
    assert_eq!(run(&server, "XPENDING s g1").await[0], 3);
    assert_eq!(run(&server, "XDELEX s DELREF IDS 2 1 2").await, json!([-1, 1]));
    assert_eq!(run(&server, "XPENDING s g1").await[0], 1);
    assert_eq!(run(&server, "XPENDING s g2").await[0], 3);

    assert_eq!(run(&server, "XACK s g2 3 4").await, 2);
    assert_eq!(run(&server, "XDELEX s ACKED IDS 3 3 4 5").await, json!([2, 2, 2]));
    // Also if it is yet to come: a group has not read it.
    assert_eq!(run(&server, "XDELEX s ACKED IDS 2 2 9").await, json!([-1, 2]));
    assert_eq!(run(&server, "XACKDEL s g1 acked IDS 2 3 4").await, json!([1, -1]));
    assert_eq!(ids(&server, "s").await, ["4-0", "5-0"]);
    assert_eq!(run(&server, "XACKDEL s g2 DELREF IDS 2 5 9").await, json!([1, -1]));
    assert_eq!(ids(&server, "s").await, ["4-0"]);
    run(&server, "XREADGROUP GROUP g1 c STREAMS s >").await;
    assert_eq!(run(&server, "XACKDEL s g1 KEEPREF IDS 1 4-0").await, json!([1]));
    assert_eq!(ids(&server, "s").await, [""; 0]);

    assert_eq!(run(&server, "XACKDEL s none IDS 1 4").await, json!([-1]));
    assert_eq!(run(&server, "XACKDEL s none IDS 1 x").await, json!([-1]));
    assert_eq!(run(&server, "XDELEX none IDS 2 4 5").await, json!([-1, -1]));
    run(&server, "SET string 1").await;
    for (command, error) in [
        ("XDELEX string IDS 1 1", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("XDELEX string IDS 0 1", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("XACKDEL string g IDS 2 1", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("XDELEX none IDS 0 1", "ERR Number of IDs must be a positive integer"),
        ("XDELEX s IDS 1", "ERR wrong number of arguments for 'xdelex' command"),
        ("XACKDEL s g IDS 1", "ERR wrong number of arguments for 'xackdel' command"),
        ("XDELEX s IDS 2 1", "ERR The `numids` parameter must match the number of arguments"),
        ("XDELEX s IDS 1 1 2", "ERR syntax error"),
        ("XACKDEL s g1 IDS 2 1 x", "ERR Invalid stream ID specified as stream command argument"),
        ("XDELEX s IDS 1 x", "ERR Invalid stream ID specified as stream command argument"),
    ] {
        assert_eq!(server.error(words(command)).await, error, "{command}");
    }
}

#[tokio::test]
async fn an_entry_that_was_acknowledged_before_is_deleted() {
    let server = Server::start().await;
    for id in 1..=4 {
        run(&server, &format!("XADD s {id} a 1")).await;
    }
    for group in ["g1", "g2"] {
        run(&server, &format!("XGROUP CREATE s {group} 0")).await;
        run(&server, &format!("XREADGROUP GROUP {group} c COUNT 3 STREAMS s >")).await;
    }
    assert_eq!(run(&server, "XACK s g1 1 2 3").await, 3);
    assert_eq!(run(&server, "XACK s g2 3").await, 1);
    assert_eq!(run(&server, "XACKDEL s g1 IDS 2 1 9").await, json!([1, -1]));
    assert_eq!(run(&server, "XACKDEL s g1 IDS 1 1").await, json!([-1]));
    // The other group still needs the second, and the first group has not read the fourth.
    assert_eq!(run(&server, "XACKDEL s g1 ACKED IDS 3 2 3 4").await, json!([2, 1, -1]));
    assert_eq!(ids(&server, "s").await, ["2-0", "4-0"]);
    // Redis takes the last list of several.
    assert_eq!(run(&server, "XDELEX s IDS 1 2 IDS 2 4 5").await, json!([1, -1]));
}

#[tokio::test]
async fn ids_beyond_what_lua_counts_are_compared() {
    let server = Server::start().await;
    run(&server, "XADD s 9007199254740993-9007199254740992 a 1").await;
    run(&server, "XADD s 9007199254740993-9007199254740993 a 1").await;
    run(&server, "XGROUP CREATE s g 9007199254740993-9007199254740992").await;
    let command = "XDELEX s ACKED IDS 2 9007199254740993-9007199254740993 9007199254740993-9007199254740992";
    assert_eq!(run(&server, command).await, json!([2, 1]));
}

/// Redis does not keep whether a group has acknowledged an entry, or never had it.
#[tokio::test]
async fn an_entry_before_the_beginning_of_a_group_counts_as_acknowledged() {
    let server = Server::start().await;
    for id in 1..=3 {
        run(&server, &format!("XADD s {id} a 1")).await;
    }
    run(&server, "XGROUP CREATE s other 0").await;
    run(&server, "XGROUP CREATE s g $").await;
    run(&server, "XADD s 4 a 1").await;
    assert_eq!(run(&server, "XACKDEL s g IDS 3 1 4 1").await, json!([1, -1, -1]));
    // The other group has not read it.
    assert_eq!(run(&server, "XACKDEL s g ACKED IDS 1 2").await, json!([2]));
    assert_eq!(ids(&server, "s").await, ["2-0", "3-0", "4-0"]);
    // Claimed by force, an entry is pending, and is acknowledged first.
    run(&server, "XCLAIM s g c 0 3 FORCE").await;
    assert_eq!(run(&server, "XACKDEL s g ACKED IDS 2 3 3").await, json!([2, 2]));
    assert_eq!(run(&server, "XPENDING s g").await[0], 0);
}
