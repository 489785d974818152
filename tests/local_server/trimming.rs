//! Streams that are trimmed roughly: Upstash leaves an excess of fewer than a hundred entries alone.

use serde_json::{Value, json};

use crate::support::Server;

fn words(line: &str) -> Value {
    json!(line.split(' ').collect::<Vec<_>>())
}

async fn run(server: &Server, line: &str) -> Value {
    server.result(words(line)).await
}

/// Makes a stream of entries with the IDs 1, 2, 3….
async fn fill(server: &Server, key: &str, entries: u32, size: usize) {
    let script = "redis.call('DEL', KEYS[1])
        for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], i, 'f', ('x'):rep(ARGV[2])) end";
    server.result(json!(["EVAL", script, 1, key, entries, size])).await;
}

#[tokio::test]
async fn an_excess_of_a_hundred_is_trimmed_and_less_is_left() {
    let server = Server::start().await;
    // Redis has fewer large entries in a node, and would trim some of them.
    for size in [1, 2000] {
        for (entries, command, removed) in [
            (1000, "XTRIM ~ MAXLEN ~ 30", 970),
            (130, "XTRIM ~ MAXLEN ~ 30", 100),
            (129, "XTRIM ~ MAXLEN ~ 30", 0),
            (120, "xtrim ~ maxlen ~ 30", 0),
            (120, "XTRIM ~ MAXLEN ~ 9223372036854775807", 0),
            (120, "XTRIM ~ MAXLEN ~ 0 LIMIT 0", 120),
            (1000, "XTRIM ~ MINID ~ 501", 500),
            (120, "XTRIM ~ MINID ~ 101-0", 100),
            (120, "XTRIM ~ MINID ~ 100", 0),
            (120, "XTRIM ~ MINID ~ 0", 0),
            (120, "XTRIM ~ MINID ~ 18446744073709551615", 120),
            (120, "XTRIM ~ MAXLEN = 30", 90),
            (120, "XTRIM ~ MAXLEN 30", 90),
        ] {
            fill(&server, "~", entries, size).await;
            assert_eq!(run(&server, command).await, removed, "{command}");
            assert_eq!(run(&server, "XLEN ~").await, i64::from(entries) - removed, "{command}");
        }
    }
}

#[tokio::test]
async fn adding_trims_by_the_same_rule() {
    let server = Server::start().await;
    for (entries, command, left) in [
        (120, "XADD ~ MAXLEN ~ 30 121 a 1", 121),
        (129, "XADD ~ MAXLEN ~ 30 130 a 1", 30),
        (1000, "XADD ~ NOMKSTREAM MAXLEN ~ 30 1001 a 1", 30),
        (100, "XADD ~ MINID ~ 101 101 a 1", 1),
        (99, "XADD ~ MINID ~ 100 100 a 1", 100),
        (120, "XADD ~ MAXLEN = 30 121 a 1", 30),
    ] {
        fill(&server, "~", entries, 1).await;
        assert_eq!(run(&server, command).await, format!("{}-0", entries + 1), "{command}");
        assert_eq!(run(&server, "XLEN ~").await, left, "{command}");
    }
    assert_eq!(run(&server, "XADD none NOMKSTREAM MAXLEN ~ 30 1 a 1").await, Value::Null);
    let (status, answer) = server.post("/multi-exec", json!([words("XADD new MAXLEN ~ 1 7 a 1")]).to_string()).await;
    assert_eq!((status.as_u16(), answer), (200, json!([{"result": "7-0"}])));
}

#[tokio::test]
async fn bad_arguments_get_the_errors_of_redis() {
    let server = Server::start().await;
    fill(&server, "s", 5, 1).await;
    run(&server, "SET string 1").await;
    let invalid_id = "ERR Invalid stream ID specified as stream command argument";
    for (command, error) in [
        ("XTRIM string MAXLEN ~ 3", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("XADD string MAXLEN ~ 3 * a 1", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("XTRIM s MAXLEN ~ -1", "ERR The MAXLEN argument must be >= 0."),
        ("XTRIM s MAXLEN ~ x", "ERR value is not an integer or out of range"),
        ("XTRIM s MAXLEN ~ 3 4", "ERR syntax error"),
        ("XTRIM s MAXLEN ~ 3 LIMIT x", "ERR value is not an integer or out of range"),
        ("XTRIM s MINID ~ x", invalid_id),
        ("XADD s MINID ~ 1 x a 1", invalid_id),
        ("XADD s MAXLEN ~ 3 1 a 1", "ERR The ID specified in XADD is equal or smaller than the target stream top item"),
        ("XADD s MAXLEN ~ 3 9 a", "ERR wrong number of arguments for 'xadd' command"),
    ] {
        assert_eq!(server.error(words(command)).await, error, "{command}");
    }
    assert_eq!(run(&server, "XLEN s").await, 5);
}
