//! Differences between Upstash and the Redis behind.

use serde_json::{Value, json};

use crate::{foreign_redis::ForeignRedis, support::Server};

fn words(line: &str) -> Value {
    json!(line.split(' ').collect::<Vec<_>>())
}

async fn run(server: &Server, line: &str) -> Value {
    server.result(words(line)).await
}

#[tokio::test]
async fn scan_tells_types() {
    let server = Server::start().await;
    run(&server, "SET s 1").await;
    run(&server, "HSET h a 1").await;
    run(&server, "XADD x 1 a 1").await;
    let reply = run(&server, "SCAN 0 COUNT 100 WITHTYPE").await;
    assert_eq!(reply[0], "0");
    let mut found: Vec<_> = reply[1].as_array().unwrap().chunks(2).map(|pair| json!(pair)).collect();
    found.sort_by_key(Value::to_string);
    assert_eq!(found, [json!(["h", "hash"]), json!(["s", "string"]), json!(["x", "stream"])]);
    assert_eq!(run(&server, "SCAN 0 withtype MATCH h").await, json!(["0", ["h", "hash"]]));
    assert_eq!(server.error(words("SCAN 0 TYPE hash WITHTYPE")).await, "ERR syntax error");
    assert_eq!(server.error(words("SCAN x WITHTYPE")).await, "ERR invalid cursor");
}

#[tokio::test]
async fn copying_onto_itself_and_unlinking_nothing_do_nothing() {
    let server = Server::start().await;
    run(&server, "SET k 1").await;
    for command in ["COPY k k", "COPY k k REPLACE", "COPY none none", "UNLINK"] {
        assert_eq!(run(&server, command).await, 0, "{command}");
    }
    assert_eq!(server.error(words("COPY k k NONSENSE")).await, "ERR syntax error");
    assert_eq!(run(&server, "COPY k l").await, 1);
    assert_eq!(run(&server, "UNLINK k l").await, 2);
}

#[tokio::test]
async fn ranks_are_limited() {
    let server = Server::start().await;
    run(&server, "ZADD z 1 a 2 b 3 c 4 d").await;
    assert_eq!(run(&server, "ZRANGE z 0 -1 LIMIT 1 2").await, json!(["b", "c"]));
    assert_eq!(run(&server, "ZRANGE z 0 -1 REV LIMIT 0 1 WITHSCORES").await, json!(["d", "4"]));
    assert_eq!(run(&server, "ZRANGE z 1 4 BYSCORE LIMIT 1 1").await, json!(["b"]));
    let error = server.error(words("ZRANGE z 0 -1 LIMIT x 1")).await;
    assert_eq!(error, "ERR value is not an integer or out of range");
}

#[tokio::test]
async fn stored_ranks_are_limited() {
    let server = Server::start().await;
    run(&server, "ZADD z 1 a 2 b 3 c 4 d").await;
    for (ends, stored) in [
        ("0 2 LIMIT 1 1", vec!["b"]),
        ("0 -1 LIMIT 1 2", vec!["b", "c"]),
        ("-3 -2 LIMIT 1 9", vec!["c"]),
        ("-9 9 LIMIT 0 -1", vec!["a", "b", "c", "d"]),
        ("0 -1 REV LIMIT 0 1", vec!["d"]),
        ("0 -1 LIMIT 1 2 rev", vec!["b", "c"]),
        ("0 -1 LIMIT 0 0", vec![]),
        ("0 -1 LIMIT -1 2", vec![]),
        ("0 -1 LIMIT 4 2", vec![]),
        ("0 -5 LIMIT 0 2", vec![]),
        ("1 4 BYSCORE LIMIT 1 1", vec!["b"]),
    ] {
        run(&server, "ZADD d 9 old").await;
        assert_eq!(run(&server, &format!("ZRANGESTORE d z {ends}")).await, stored.len(), "{ends}");
        assert_eq!(run(&server, "ZRANGE d 0 -1").await, json!(stored), "{ends}");
    }
    let error = server.error(words("ZRANGESTORE d z 0 -1 LIMIT x 1")).await;
    assert_eq!(error, "ERR value is not an integer or out of range");
    run(&server, "SET string 1").await;
    let error = server.error(words("ZRANGESTORE d string 0 -1 LIMIT 0 1")).await;
    assert_eq!(error, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

#[tokio::test]
async fn what_connections_are_told_is_answered_here() {
    let server = Server::start().await;
    assert_eq!(run(&server, "COMMAND").await, json!([]));
    assert_eq!(run(&server, "CLIENT SETINFO LIB-NAME x").await, "OK");
    let answer = server.base64("/multi-exec", &json!([["CLIENT", "SETINFO", "LIB-VER", "1"]])).await;
    assert_eq!(answer, json!([{"result": "OK"}]));
    assert!(server.error(words("CLIENT SETNAME x")).await.starts_with("ERR Command is not available: 'CLIENT'."));
}

#[tokio::test]
async fn bits_are_combined() {
    let server = Server::start().await;
    let bytes = |text: &'static str| json!({ "result": text });
    // 01101100, 01101010 01111010, 01000001.
    for (key, value) in [("x", "l"), ("y", "jz"), ("z", "A")] {
        server.result(json!(["SET", key, value])).await;
    }
    for (command, length, result) in [
        ("BITOP DIFF d x y", 2, "BAA="),
        ("BITOP diff1 d x y", 2, "Ano="),
        ("BITOP ANDOR d x y none", 2, "aAA="),
        ("BITOP ONE d x y z", 2, "B3o="),
        ("BITOP ONE d x", 1, "bA=="),
    ] {
        assert_eq!(run(&server, command).await, length, "{command}");
        assert_eq!(server.base64("/", &json!(["GET", "d"])).await, bytes(result), "{command}");
    }
    assert_eq!(run(&server, "BITOP DIFF d none1 none2").await, 0);
    assert_eq!(run(&server, "EXISTS d").await, 0);
    assert_eq!(run(&server, "BITOP OR d x y").await, 2);
    let long = "a".repeat(100_000);
    server.result(json!(["SET", "long", long])).await;
    assert_eq!(run(&server, "BITOP ONE d long x").await, 100_000);
    assert_eq!(run(&server, "GETRANGE d 99990 -1").await, "a".repeat(10));
    for (command, error) in [
        ("BITOP DIFF d x", "ERR BITOP DIFF must be called with at least two source keys."),
        ("BITOP ONE d", "ERR wrong number of arguments for 'bitop' command"),
        ("BITOP NONE d x", "ERR syntax error"),
    ] {
        assert_eq!(server.error(words(command)).await, error, "{command}");
    }
    run(&server, "LPUSH list 1").await;
    let error = server.error(words("BITOP ONE d x list")).await;
    assert_eq!(error, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

#[tokio::test]
async fn functions_may_lock_keys() {
    let server = Server::start().await;
    let code = "#!lua name=locks\n\
        local FLAGS = { 'no-writes', 'allow-key-locking' }\n\
        redis.register_function{function_name='get', callback=function(keys) return redis.call('GET', keys[1]) end, \
        flags=FLAGS}\n\
        redis.register_function('broken', function() return redis.call('SET') .. nosuch end)\n\
        redis.register_function{function_name='set', callback=function(keys, args) return redis.call('SET', keys[1], \
        args[1]) end, flags={'allow-key-locking'}, description='sets'}\n";
    for _ in 0..2 {
        assert_eq!(server.result(json!(["FUNCTION", "LOAD", "REPLACE", code])).await, "locks");
    }
    assert_eq!(run(&server, "FCALL set 1 k v").await, "OK");
    assert_eq!(run(&server, "FCALL get 1 k").await, "v");
    assert_eq!(run(&server, "FCALL_RO get 1 k").await, "v");
    let list = server.result(json!(["FUNCTION", "LIST", "WITHCODE"])).await.to_string();
    assert!(list.contains(&json!(code).to_string()), "{list}");
    assert!(list.contains(r#"["name","set","description","sets","flags",[]]"#), "{list}");
    let error = server.error(words("FCALL broken 0")).await;
    assert!(error.contains(":4:") || error.contains("@user_function:4"), "{error}");
    let bad = "#!lua name=bad\nredis.register_function{function_name='f', callback=function() end, \
        flags={'allow-key-locking', 'nosuch'}}";
    let error = server.error(json!(["FUNCTION", "LOAD", bad])).await;
    assert!(error.ends_with("unknown flag given"), "{error}");
}

#[tokio::test]
async fn a_function_may_be_called_read_only_until_it_writes() {
    let server = Server::start().await;
    let code = "#!lua name=plain\n\
        redis.register_function('get', function(keys) return redis.call('GET', keys[1]) end)\n\
        redis.register_function('set', function(keys, args) return redis.call('SET', keys[1], args[1]) end)\n\
        redis.register_function('tell', function(keys, args) return redis.call('PUBLISH', keys[1], args[1]) end)\n";
    let writes = "ERR Write commands are not allowed from read-only scripts.";
    for _ in 0..2 {
        server.result(json!(["FUNCTION", "LOAD", code])).await;
        run(&server, "SET k 1").await;
        assert_eq!(run(&server, "FCALL_RO get 1 k").await, "1");
        for command in ["FCALL_RO set 1 k 2", "fcall_ro tell 1 k 2"] {
            let error = server.error(words(command)).await;
            assert!(error.starts_with(writes), "{error}");
        }
        let pipeline = json!([
            ["FCALL_RO", "get", 1, "k"],
            ["SET", "k", 2],
            ["FCALL_RO", "get", 1, "k"],
            ["FCALL_RO", "set", 1, "k", 3],
            ["SET", "k", 4],
            ["GET", "k"],
        ]);
        let answer = server.pipeline(pipeline).await;
        assert_eq!(answer[0], json!({"result": "1"}));
        assert_eq!(answer[2], json!({"result": "2"}));
        assert!(answer[3]["error"].as_str().unwrap().starts_with(writes));
        assert_eq!(answer[5], json!({"result": "4"}));
        assert!(server.error(words("FCALL_RO nosuch 0")).await.contains("Function not found"));
        // The user for it goes with its Redis.
        server.upstash.restart_redis().await.unwrap();
    }
}

#[tokio::test]
async fn no_user_is_made_in_a_redis_of_somebody_else() {
    let redis = ForeignRedis::start();
    let server = Server::start_with(redis.config(":p%40ss@", 0)).await;
    let code = "#!lua name=plain\nredis.register_function('get', function(keys) return redis.call('GET', keys[1]) end)";
    server.result(json!(["FUNCTION", "LOAD", code])).await;
    let error = server.error(words("FCALL_RO get 1 k")).await;
    assert!(error.contains("only in a Redis that it started itself"), "{error}");
    assert_eq!(run(&server, "FCALL get 1 k").await, Value::Null);
    assert_eq!(redis.ask("ACL USERS").await, "*1\r\n$7\r\ndefault\r\n");
}
