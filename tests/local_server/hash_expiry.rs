//! Hash fields that expire, even on a Redis without the commands.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    foreign_redis::ForeignRedis,
    support::{Server, eventually},
};

const FAR: u64 = 4_102_444_800;

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

fn words(line: &str) -> Value {
    json!(line.split(' ').collect::<Vec<_>>())
}

async fn run(server: &Server, line: &str) -> Value {
    server.result(words(line)).await
}

/// Lets the field expire and waits until it has.
async fn expire(server: &Server, key: &str, field: &str) {
    let soon = (unix_ms() + 30).to_string();
    let command = json!(["HPEXPIREAT", key, soon, "FIELDS", 1, field]);
    assert!([json!([1]), json!([2])].contains(&server.result(command).await));
    eventually(|| async { server.result(json!(["HEXISTS", key, field])).await == 0 }).await;
}

#[tokio::test]
async fn a_deadline_is_set_asked_for_and_taken_back() {
    let server = Server::start().await;
    run(&server, "HSET h a 1 b 2").await;
    assert_eq!(run(&server, "HTTL h FIELDS 3 a b c").await, json!([-1, -1, -2]));
    assert_eq!(run(&server, &format!("HEXPIREAT h {FAR} FIELDS 2 a c")).await, json!([1, -2]));
    assert_eq!(run(&server, "hexpiretime h fields 3 a b c").await, json!([FAR, -1, -2]));
    assert_eq!(run(&server, "HPEXPIRETIME h FIELDS 1 a").await, json!([FAR * 1000]));
    assert_eq!(run(&server, "HEXPIRE h 100 FIELDS 1 b").await, json!([1]));
    let ttl = run(&server, "HTTL h FIELDS 1 b").await[0].as_u64().unwrap();
    assert!((80..=100).contains(&ttl), "{ttl}");
    assert_eq!(run(&server, "HPEXPIRE h 100000 FIELDS 1 b").await, json!([1]));
    let ttl = run(&server, "HPTTL h FIELDS 1 b").await[0].as_u64().unwrap();
    assert!((80_000..=100_000).contains(&ttl), "{ttl}");
    assert_eq!(run(&server, "HPERSIST h FIELDS 3 a b c").await, json!([1, 1, -2]));
    assert_eq!(run(&server, "HPERSIST h FIELDS 1 a").await, json!([-1]));
    assert_eq!(run(&server, "HTTL h FIELDS 2 a b").await, json!([-1, -1]));
    assert_eq!(run(&server, "HLEN h").await, 2);
}

#[tokio::test]
async fn conditions_compare_with_the_deadline_before() {
    let server = Server::start().await;
    run(&server, "HSET h a 1").await;
    for (time, condition, reply) in [
        (FAR, "XX", 0),
        (FAR, "GT", 0),
        (FAR, "NX", 1),
        (FAR + 9, "nx", 0),
        (FAR, "GT", 0),
        (FAR, "LT", 0),
        (FAR + 1, "gt", 1),
        (FAR, "LT", 1),
        (FAR + 2, "XX", 1),
    ] {
        let command = format!("HEXPIREAT h {time} {condition} FIELDS 1 a");
        assert_eq!(run(&server, &command).await, json!([reply]), "{command}");
    }
    run(&server, "HPERSIST h FIELDS 1 a").await;
    assert_eq!(run(&server, "HEXPIREAT h 1 LT FIELDS 1 a").await, json!([2]));
}

#[tokio::test]
async fn a_time_that_has_passed_deletes() {
    let server = Server::start().await;
    run(&server, "HSET h a 1 b 2").await;
    assert_eq!(run(&server, "HEXPIREAT h 1 FIELDS 1 a").await, json!([2]));
    assert_eq!(run(&server, "HGETALL h").await, json!(["b", "2"]));
    assert_eq!(run(&server, "HEXPIRE h 0 FIELDS 1 b").await, json!([2]));
    assert_eq!(run(&server, "EXISTS h").await, 0);
    assert_eq!(run(&server, "HEXPIRE h 5 FIELDS 2 a b").await, json!([-2, -2]));
}

#[tokio::test]
async fn no_command_shows_what_has_expired_or_where_deadlines_are() {
    let server = Server::start().await;
    run(&server, "HSET h a 1 b 2 gone 3").await;
    run(&server, &format!("HEXPIREAT h {FAR} FIELDS 1 a")).await;
    expire(&server, "h", "gone").await;
    assert_eq!(run(&server, "HLEN h").await, 2);
    assert_eq!(run(&server, "HGET h gone").await, Value::Null);
    assert_eq!(run(&server, "HMGET h a gone b").await, json!(["1", null, "2"]));
    assert_eq!(run(&server, "HSTRLEN h gone").await, 0);
    let mut all = run(&server, "HGETALL h").await.as_array().unwrap().clone();
    assert_eq!(all.len(), 4);
    all.sort_by_key(Value::to_string);
    assert_eq!(all, ["1", "2", "a", "b"]);
    for (command, expected) in [("HKEYS h", ["a", "b"]), ("HVALS h", ["1", "2"])] {
        let mut reply = run(&server, command).await.as_array().unwrap().clone();
        reply.sort_by_key(Value::to_string);
        assert_eq!(reply, expected, "{command}");
    }
    let scanned = run(&server, "HSCAN h 0 COUNT 100").await;
    assert_eq!(scanned[0], "0");
    assert_eq!(scanned[1].as_array().unwrap().len(), 4);
    for _ in 0..20 {
        let field = run(&server, "HRANDFIELD h").await;
        assert!(field == "a" || field == "b", "{field}");
        for (command, length) in [
            ("HRANDFIELD h 0", 0),
            ("HRANDFIELD h 1", 1),
            ("HRANDFIELD h 2", 2),
            ("HRANDFIELD h 9 WITHVALUES", 4),
            ("HRANDFIELD h 1 WITHVALUES", 2),
            ("HRANDFIELD h -5", 5),
            ("HRANDFIELD h -5 WITHVALUES", 10),
        ] {
            let reply = run(&server, command).await;
            let reply = reply.as_array().unwrap();
            assert_eq!(reply.len(), length, "{command}");
            assert!(reply.iter().all(|item| ["a", "b", "1", "2"].contains(&item.as_str().unwrap())), "{reply:?}");
        }
    }
}

#[tokio::test]
async fn a_hash_of_which_everything_expired_is_gone() {
    let server = Server::start().await;
    for command in ["EXISTS h", "DEL h", "TOUCH h", "HLEN h", "EXPIRE h 10", "RENAMENX x h"] {
        run(&server, "HSET h a 1").await;
        run(&server, "SET x 1").await;
        let soon = unix_ms() + 20;
        run(&server, &format!("HPEXPIREAT h {soon} FIELDS 1 a")).await;
        eventually(|| async { unix_ms() > soon + 1 }).await;
        let expected = i32::from(command.starts_with("RENAMENX"));
        // A Redis with the commands deletes in its own time.
        eventually(|| async { run(&server, command).await == expected }).await;
        run(&server, "DEL h").await;
    }
    assert_eq!(run(&server, "TYPE h").await, "none");
}

#[tokio::test]
async fn writing_a_field_anew_takes_its_deadline_away() {
    let server = Server::start().await;
    let deadline = |field: &'static str| {
        let server = &server;
        async move { server.result(json!(["HEXPIRETIME", "h", "FIELDS", 1, field])).await[0].clone() }
    };
    run(&server, "HSET h set 1 mset 1 incr 1 float 1 nx 1 del 1").await;
    run(&server, &format!("HEXPIREAT h {FAR} FIELDS 6 set mset incr float nx del")).await;
    assert_eq!(run(&server, "HSET h set 2 new 1").await, 1);
    assert_eq!(run(&server, "HMSET h mset 2").await, "OK");
    assert_eq!(run(&server, "HINCRBY h incr 1").await, 2);
    assert_eq!(run(&server, "HINCRBYFLOAT h float 0.5").await, "1.5");
    assert_eq!(run(&server, "HSETNX h nx 2").await, 0);
    assert_eq!(run(&server, "HDEL h del").await, 1);
    assert_eq!(run(&server, "HSET h del 1").await, 1);
    for field in ["set", "mset", "new", "del"] {
        assert_eq!(deadline(field).await, -1, "{field}");
    }
    for field in ["incr", "float", "nx"] {
        assert_eq!(deadline(field).await, FAR, "{field}");
    }
}

#[tokio::test]
async fn deadlines_go_where_their_hash_goes() {
    let server = Server::start().await;
    run(&server, "HSET h a 1").await;
    run(&server, &format!("HEXPIREAT h {FAR} FIELDS 1 a")).await;
    run(&server, "RENAME h moved").await;
    assert_eq!(run(&server, "COPY moved copied").await, 1);
    run(&server, "DEL moved").await;
    assert_eq!(run(&server, "HEXPIRETIME copied FIELDS 1 a").await, json!([FAR]));
    assert_eq!(run(&server, "HEXPIRETIME moved FIELDS 1 a").await, json!([-2]));
    assert_eq!(run(&server, "TTL copied").await, -1);
}

#[tokio::test]
async fn more_fields_than_lua_takes_at_once() {
    let server = Server::start().await;
    run(&server, "HSET h a 1").await;
    run(&server, &format!("HEXPIREAT h {FAR} FIELDS 1 a")).await;
    let fields: Vec<_> = (0..9001).map(|n| format!("f{n}")).collect();
    let command = |name: &str, items: Vec<&str>| json!([[name, "h"].to_vec(), items].concat());
    let pairs = fields.iter().flat_map(|field| [field.as_str(), field.as_str()]).collect();
    assert_eq!(server.result(command("HSET", pairs)).await, 9001);
    assert_eq!(run(&server, "HLEN h").await, 9002);
    let names: Vec<_> = fields.iter().map(String::as_str).chain(["none"]).collect();
    let values = server.result(command("HMGET", names.clone())).await;
    assert_eq!(values.as_array().unwrap().len(), 9002);
    assert_eq!((&values[0], &values[9000], &values[9001]), (&json!("f0"), &json!("f9000"), &Value::Null));
    assert_eq!(server.result(command("HDEL", names)).await, 9001);
    assert_eq!(run(&server, "HGETALL h").await, json!(["a", "1"]));
}

#[tokio::test]
async fn bad_arguments_get_the_errors_of_redis() {
    let server = Server::start().await;
    run(&server, "SET string 1").await;
    run(&server, "HSET h a 1").await;
    let mismatch = "ERR The `numfields` parameter must match the number of arguments";
    let no_fields = "ERR Mandatory argument FIELDS is missing or not at the right position";
    for (command, error) in [
        ("HEXPIRE h 5 FIELDS 1", "ERR wrong number of arguments for 'hexpire' command"),
        ("hpersist h FIELDS 1", "ERR wrong number of arguments for 'hpersist' command"),
        ("HEXPIRE h 5 FIELDS 2 a", mismatch),
        ("HTTL h FIELDS 1 a b", mismatch),
        ("HEXPIRE h 5 FIELDS 0 a", "ERR Parameter `numFields` should be greater than 0"),
        ("HTTL h FIELDS x a", "ERR Number of fields must be a positive integer"),
        ("HEXPIRE h 5 YY FIELDS 1 a", no_fields),
        ("HGETDEL h FIELD 1 a", no_fields),
        ("HGETEX h EX 5 FIELD 1 a", no_fields),
        ("HEXPIRE h x FIELDS 1 a", "ERR value is not an integer or out of range"),
        ("HEXPIRE h -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0"),
        ("HEXPIRE h 9223372036854775807 FIELDS 1 a", "ERR invalid expire time in 'hexpire' command"),
        ("HPEXPIRE h 9007199254740991 FIELDS 1 a", "ERR invalid expire time in 'hpexpire' command"),
        ("HGETEX h EX 5 FIELDS", "ERR wrong number of arguments for 'hgetex' command"),
        ("HGETEX h EX 5 FIELDS 1", mismatch),
        ("HSETEX h EX 9007199254741 FIELDS 1 a 1", "ERR invalid expire time in 'hsetex' command"),
        (
            "HSETEX h EX 1 KEEPTTL FIELDS 1 a 1",
            "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
        ),
        ("HSETEX h FNX FXX FIELDS 1 a 1", "ERR Only one of FXX or FNX arguments can be specified"),
        ("HSETEX h FIELDS 2 a 1", "ERR wrong number of arguments for 'hsetex' command"),
        ("HSETEX h YY FIELDS 1 a 1", "ERR unknown argument: YY"),
        ("HEXPIRE string 5 FIELDS 1 a", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("HTTL string FIELDS 2 a", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("HGETALL string", "WRONGTYPE Operation against a key holding the wrong kind of value"),
    ] {
        assert_eq!(server.error(words(command)).await, error, "{command}");
    }
    // The same once ordinary commands are scripts.
    run(&server, "HEXPIRE h 100 FIELDS 1 a").await;
    for (command, error) in [
        ("HGET h", "ERR wrong number of arguments for 'hget' command"),
        ("HSET h a", "ERR wrong number of arguments for 'hset' command"),
        ("HGETALL string", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("HRANDFIELD h x", "ERR value is not an integer or out of range"),
        ("HRANDFIELD h 1 y", "ERR syntax error"),
        ("HSCAN h x", "ERR invalid cursor"),
        ("HSCAN h 0 COUNT", "ERR syntax error"),
    ] {
        assert_eq!(server.error(words(command)).await, error, "{command}");
    }
    run(&server, "HSET h word w").await;
    assert_eq!(server.error(words("HINCRBY h word 1")).await, "ERR hash value is not an integer");
}

#[tokio::test]
async fn values_are_taken_with_their_deadlines() {
    let server = Server::start().await;
    run(&server, "HSET h a 1 b 2 c 3").await;
    assert_eq!(run(&server, "HGETEX h FIELDS 2 a none").await, json!(["1", null]));
    assert_eq!(run(&server, &format!("HGETEX h EXAT {FAR} FIELDS 2 a none")).await, json!(["1", null]));
    assert_eq!(run(&server, "HEXPIRETIME h FIELDS 1 a").await, json!([FAR]));
    assert_eq!(run(&server, "HGETEX h FIELDS 1 a").await, json!(["1"]));
    assert_eq!(run(&server, "HEXPIRETIME h FIELDS 1 a").await, json!([FAR]));
    assert_eq!(run(&server, "HGETEX h PERSIST FIELDS 2 a b").await, json!(["1", "2"]));
    assert_eq!(run(&server, "HTTL h FIELDS 1 a").await, json!([-1]));
    assert_eq!(run(&server, "HGETEX h PXAT 1 FIELDS 1 b").await, json!(["2"]));
    assert_eq!(run(&server, "HEXISTS h b").await, 0);
    run(&server, &format!("HEXPIREAT h {FAR} FIELDS 1 a")).await;
    assert_eq!(run(&server, "HGETDEL h FIELDS 3 a b c").await, json!(["1", null, "3"]));
    assert_eq!(run(&server, "EXISTS h").await, 0);
    assert_eq!(run(&server, "HGETDEL h FIELDS 2 a b").await, json!([null, null]));
}

#[tokio::test]
async fn values_are_set_with_their_deadlines() {
    let server = Server::start().await;
    let deadlines = "HEXPIRETIME h FIELDS 2 a b";
    assert_eq!(run(&server, "HSETEX h FXX FIELDS 1 a 1").await, 0);
    assert_eq!(run(&server, &format!("HSETEX h FNX EXAT {FAR} FIELDS 2 a 1 b 2")).await, 1);
    assert_eq!(run(&server, deadlines).await, json!([FAR, FAR]));
    assert_eq!(run(&server, "HSETEX h FNX FIELDS 2 c 1 b 3").await, 0);
    assert_eq!(run(&server, "HMGET h a b c").await, json!(["1", "2", null]));
    assert_eq!(run(&server, "HSETEX h KEEPTTL FXX FIELDS 1 a 5").await, 1);
    assert_eq!(run(&server, "HSETEX h FIELDS 1 b 6").await, 1);
    assert_eq!(run(&server, deadlines).await, json!([FAR, -1]));
    assert_eq!(run(&server, "HMGET h a b").await, json!(["5", "6"]));
    assert_eq!(run(&server, "HSETEX h PXAT 1 FIELDS 2 a 1 b 2").await, 1);
    assert_eq!(run(&server, "EXISTS h").await, 0);
}

#[tokio::test]
async fn pipelines_and_transactions_know_deadlines_at_once() {
    let server = Server::start().await;
    let commands = json!([
        ["HSET", "h", "a", 1, "b", 2],
        ["HEXPIREAT", "h", FAR, "FIELDS", 1, "a"],
        ["HEXPIRE", "h", "x", "FIELDS", 1, "a"],
        ["HLEN", "h"],
        ["HDEL", "h", "b"],
        ["HGETALL", "h"],
        ["DEL", "h"],
    ]);
    for endpoint in ["/pipeline", "/multi-exec"] {
        let (status, answer) = server.post(endpoint, commands.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        let expected = json!([
            {"result": 2},
            {"result": [1]},
            {"error": "ERR value is not an integer or out of range"},
            {"result": 2},
            {"result": 1},
            {"result": ["a", "1"]},
            {"result": 1},
        ]);
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn deadlines_outlive_the_server_where_redis_does() {
    let redis = ForeignRedis::start();
    let server = Server::start_with(redis.config(":p%40ss@", 0)).await;
    run(&server, "HSET h a 1").await;
    run(&server, &format!("HEXPIREAT h {FAR} FIELDS 1 a")).await;
    server.upstash.shutdown().await;
    let server = Server::start_with(redis.config(":p%40ss@", 0)).await;
    assert_eq!(run(&server, "HGETALL h").await, json!(["a", "1"]));
    assert_eq!(run(&server, "HEXPIRETIME h FIELDS 1 a").await, json!([FAR]));
}
