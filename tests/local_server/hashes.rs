//! Commands for hashes, by the rules of newer versions of Redis.

use serde_json::{Value, json};

use crate::support::Server;

fn words(line: &str) -> Value {
    json!(line.split(' ').collect::<Vec<_>>())
}

async fn run(server: &Server, line: &str) -> Value {
    server.result(words(line)).await
}

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

#[tokio::test]
async fn a_document_is_no_hash() {
    let server = Server::start().await;
    run(&server, r#"JSON.SET k $ {"a":1}"#).await;
    for command in [
        "HGETALL k",
        "HGET k a",
        "HMGET k a",
        "HSET k a 1",
        "HMSET k a 1",
        "HSETNX k a 1",
        "HDEL k a",
        "HLEN k",
        "HKEYS k",
        "HVALS k",
        "HEXISTS k a",
        "HSTRLEN k a",
        "HSCAN k 0",
        "HSCAN k 0 NOVALUES",
        "HRANDFIELD k",
        "HINCRBY k a 1",
        "HINCRBYFLOAT k a 1",
        "HEXPIRE k 1 FIELDS 1 a",
        "HTTL k FIELDS 1 a",
        "HPERSIST k FIELDS 1 a",
        "HGETDEL k FIELDS 1 a",
        "HGETEX k FIELDS 1 a",
        "HSETEX k FIELDS 1 a 1",
    ] {
        assert_eq!(server.error(words(command)).await, WRONG_TYPE, "{command}");
    }
    // The pipeline knows it at once, and hashes stay hashes.
    let commands = json!([["JSON.SET", "new", "$", "1"], ["HGETALL", "new"], ["HSET", "h", "a", 1], ["HLEN", "h"]]);
    let answers = server.pipeline(commands).await;
    assert_eq!(answers, json!([{"result": "OK"}, {"error": WRONG_TYPE}, {"result": 1}, {"result": 1}]));
    assert_eq!(run(&server, "JSON.GET k").await, r#"{"a":1}"#);
}

#[tokio::test]
async fn fields_are_scanned_without_their_values() {
    let server = Server::start().await;
    run(&server, "HSET h a 1 b 2").await;
    let scanned = async |command: &str| {
        let reply = run(&server, command).await;
        let mut fields: Vec<_> =
            reply[1].as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect();
        fields.sort();
        (reply[0].clone(), fields)
    };
    for with_deadline in [false, true] {
        if with_deadline {
            run(&server, "HEXPIRE h 100 FIELDS 1 a").await;
        }
        for (command, fields) in [
            ("HSCAN h 0 NOVALUES", vec!["a", "b"]),
            ("hscan h 0 count 5 novalues", vec!["a", "b"]),
            ("HSCAN h 0 NOVALUES MATCH b novalues", vec!["b"]),
            ("HSCAN h 0 NOVALUES MATCH b", vec!["b"]),
            ("HSCAN none 0 NOVALUES", vec![]),
            ("HSCAN h 0 MATCH NOVALUES", vec![]),
            ("HSCAN h 0", vec!["1", "2", "a", "b"]),
        ] {
            let fields = fields.into_iter().map(str::to_owned).collect();
            assert_eq!(scanned(command).await, (json!("0"), fields), "{command}");
        }
    }
    run(&server, "SET string 1").await;
    assert_eq!(server.error(words("HSCAN string 0 NOVALUES")).await, WRONG_TYPE);
    assert_eq!(server.error(words("HSCAN h x NOVALUES")).await, "ERR invalid cursor");
}

#[tokio::test]
async fn errors_come_in_the_order_of_redis() {
    let server = Server::start().await;
    run(&server, "SET string 1").await;
    run(&server, "HSET h a 1").await;
    let arity = "ERR wrong number of arguments for 'hsetex' command";
    for (command, error) in [
        ("HSETEX string FIELDS 1 a 1", WRONG_TYPE),
        ("HSETEX string EX x FIELDS 1 a 1", "ERR value is not an integer or out of range"),
        ("HSETEX string NX FIELDS 1 a 1", "ERR unknown argument: NX"),
        ("HSETEX string FNX FXX FIELDS 1 a 1", "ERR Only one of FXX or FNX arguments can be specified"),
        ("HSETEX string EX -1 FIELDS 1 a 1", "ERR invalid expire time, must be >= 0"),
        ("HSETEX string FIELDS 0 a 1", "ERR invalid number of fields"),
        ("HSETEX h FIELDS 3000000000 a 1", "ERR invalid number of fields"),
        ("HSETEX h EX 5 FIELDS", arity),
        ("HSETEX h EX 5 FXX FIELDS 0", arity),
        ("HSETEX h FIELDS 1 a 1 EX 5", arity),
        ("HGETEX h EX 5 a", "ERR wrong number of arguments for 'hgetex' command"),
        ("HGETEX string EX 5 a", WRONG_TYPE),
        ("HGETEX h EX 5 a b", "ERR Mandatory argument FIELDS is missing or not at the right position"),
    ] {
        assert_eq!(server.error(words(command)).await, error, "{command}");
    }
}

#[tokio::test]
async fn a_moment_within_a_second_is_that_second() {
    let server = Server::start().await;
    run(&server, "HSET h a 1").await;
    run(&server, "HPEXPIREAT h 4102444800999 FIELDS 1 a").await;
    assert_eq!(run(&server, "HEXPIRETIME h FIELDS 1 a").await, json!([4_102_444_800_u64]));
    assert_eq!(run(&server, "HPEXPIRETIME h FIELDS 1 a").await, json!([4_102_444_800_999_u64]));
}
