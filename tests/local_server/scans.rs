//! `SCAN`, which goes on until it has found as many keys as were asked for.

use serde_json::{Value, json};

use crate::support::Server;

fn words(line: &str) -> Value {
    json!(line.split(' ').collect::<Vec<_>>())
}

/// A server with keys that are hard to find: one of each kind among two thousand others.
async fn crowded() -> Server {
    let server = Server::start().await;
    let fill = "for i = 1, 2000 do redis.call('SET', 'other' .. i, i) end";
    server.result(json!(["EVAL", fill, 0])).await;
    let rare =
        json!([["HSET", "rare:hash", "f", 1], ["JSON.SET", "rare:json", "$", "{}"], ["ZADD", "rare:zset", 1, "m"]]);
    server.pipeline(rare).await;
    server
}

/// The keys of one reply, in order.
async fn keys(server: &Server, line: &str) -> Vec<String> {
    let reply = server.result(words(line)).await;
    let mut keys: Vec<_> = reply[1].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn one_call_finds_what_there_is() {
    let server = crowded().await;
    for (line, expected) in [
        ("SCAN 0 MATCH rare:hash COUNT 1", vec!["rare:hash"]),
        ("SCAN 0 TYPE zset COUNT 1", vec!["rare:zset"]),
        ("SCAN 0 TYPE ZSET", vec!["rare:zset"]),
        ("SCAN 0 MATCH rare:*", vec!["rare:hash", "rare:json", "rare:zset"]),
        ("SCAN 0 MATCH rare:* TYPE zset", vec!["rare:zset"]),
        ("SCAN 0 MATCH rare:zset COUNT 1 WITHTYPE", vec!["rare:zset", "zset"]),
        ("SCAN 0 MATCH none", vec![]),
    ] {
        assert_eq!(keys(&server, line).await, expected, "{line}");
    }
    let whole = server.result(words("SCAN 0 MATCH none COUNT 1")).await;
    assert_eq!(whole, json!(["0", []]));
}

#[tokio::test]
async fn a_walk_gives_every_key_once_and_as_many_as_it_was_asked_for() {
    let server = crowded().await;
    for (command, count) in [("COUNT 100", 100), ("COUNT 100 MATCH other*", 100), ("", 10)] {
        let (mut cursor, mut found) = ("0".to_owned(), Vec::new());
        loop {
            let line = format!("SCAN {cursor} {command}");
            let reply = server.result(words(line.trim_end())).await;
            let keys = reply[1].as_array().unwrap();
            found.extend(keys.iter().map(|key| key.as_str().unwrap().to_owned()));
            cursor = reply[0].as_str().unwrap().to_owned();
            if cursor == "0" {
                break;
            }
            // Redis never divides keys that share a slot of its table.
            assert!((count..count + 10).contains(&keys.len()), "{line} gave {} keys", keys.len());
        }
        found.sort();
        found.dedup();
        assert_eq!(found.len(), if command.contains("MATCH") { 2000 } else { 2003 }, "{command}");
    }
}

#[tokio::test]
async fn documents_are_of_their_own_type() {
    let server = crowded().await;
    for (line, expected) in [
        ("SCAN 0 TYPE hash", vec!["rare:hash"]),
        ("SCAN 0 TYPE ReJSON-RL", vec!["rare:json"]),
        ("SCAN 0 TYPE rejson-rl COUNT 1", vec!["rare:json"]),
        ("SCAN 0 MATCH rare:json WITHTYPE", vec!["ReJSON-RL", "rare:json"]),
    ] {
        assert_eq!(keys(&server, line).await, expected, "{line}");
    }
}

#[tokio::test]
async fn bad_arguments_get_the_errors_of_redis() {
    let server = Server::start().await;
    for (line, error) in [
        ("SCAN", "ERR wrong number of arguments for 'scan' command"),
        ("SCAN x", "ERR invalid cursor"),
        ("SCAN 0 COUNT 0", "ERR syntax error"),
        ("SCAN 0 COUNT x", "ERR value is not an integer or out of range"),
        ("SCAN 0 MATCH", "ERR syntax error"),
        ("SCAN 0 BAD x", "ERR syntax error"),
    ] {
        assert_eq!(server.error(words(line)).await, error, "{line}");
    }
}

#[tokio::test]
async fn a_call_that_finds_nothing_comes_back_before_the_end() {
    let server = Server::start().await;
    let fill = "for i = 1, 150000 do redis.call('SET', 'other' .. i, i) end redis.call('SET', 'rare', 1)";
    server.result(json!(["EVAL", fill, 0])).await;
    for options in ["MATCH rare", "MATCH rare COUNT 7", "MATCH rare COUNT 1000", "MATCH rare COUNT 1000 WITHTYPE"] {
        let (mut cursor, mut calls, mut found) = ("0".to_owned(), 0, Vec::new());
        loop {
            let reply = server.result(words(&format!("SCAN {cursor} {options}"))).await;
            found.extend(reply[1].as_array().unwrap().iter().cloned());
            cursor = reply[0].as_str().unwrap().to_owned();
            calls += 1;
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(found.first(), Some(&json!("rare")), "{options}");
        assert!((2..=4).contains(&calls), "{options}: {calls} calls");
    }
    // A client that asks for more at a time gets it.
    let reply = server.result(words("SCAN 0 MATCH none COUNT 1000000")).await;
    assert_eq!(reply, json!(["0", []]));
}
