//! `JSON.*` in front of a Redis that has none.

use crate::support::Server;
use serde_json::{Value, json};

async fn with(document: &str) -> Server {
    let server = Server::start().await;
    assert_eq!(server.result(json!(["JSON.SET", "k", "$", document])).await, "OK");
    server
}

/// The text of the whole document.
async fn text(server: &Server) -> String {
    server.result(json!(["JSON.GET", "k"])).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_of_a_document_is_lost() {
    let document =
        r#"{"z":1,"a":[1.0,1e3,-0,18446744073709551616,[],{}],"":"\u0000\u001f\"\\\/é🦀","n":null,"t":true}"#;
    let server = with(document).await;
    // Numbers keep their text, members their order; only escapes are written in one way.
    let wanted = r#"{"z":1,"a":[1.0,1e3,-0,18446744073709551616,[],{}],"":"\u0000\u001f\"\\/é🦀","n":null,"t":true}"#;
    assert_eq!(text(&server).await, wanted);
    server.result(json!(["JSON.SET", "k", "$", r#" { "s" : "\ud83e\udd80\u00e9" , "s" : 2 , "t":"x"} "#])).await;
    assert_eq!(text(&server).await, r#"{"s":2,"t":"x"}"#);
}

#[tokio::test]
async fn paths_select_and_the_deepest_comes_first() {
    let server = with(
        r#"{"a":2,"nested":{"a":4,"b":null},"l":[{"p":5,"t":"x"},{"p":15,"t":"y"},{"q":1}],"x.y":{"z":[0,1,2,3,4]}}"#,
    )
    .await;
    for (path, wanted) in [
        ("$", None),
        ("$..a", Some(json!([4, 2]))),
        ("$.l[?(@.p>10)].t", Some(json!(["y"]))),
        ("$.l[?(@.p >= 5 && !(@.t == 'y'))].p", Some(json!([5]))),
        ("$.l[?(@.q || @.p == $.l[0].p)]", Some(json!([{"p": 5, "t": "x"}, {"q": 1}]))),
        ("$.l[-1].q", Some(json!([1]))),
        ("$['x.y'].z[1:4:2]", Some(json!([1, 3]))),
        ("$['x.y'].z[::-2]", Some(json!([4, 2, 0]))),
        ("$['x.y'].z[0,-1]", Some(json!([0, 4]))),
        ("$.nested.*", Some(json!([4, null]))),
        ("$.none", Some(json!([]))),
        (".nested.a", Some(json!(4))),
        ("l[1].p", Some(json!(15))),
    ] {
        let found = server.result(json!(["JSON.GET", "k", path])).await;
        let found: Value = serde_json::from_str(found.as_str().unwrap()).unwrap();
        if let Some(wanted) = wanted {
            assert_eq!(found, wanted, "{path}");
        }
    }
    assert_eq!(server.error(json!(["JSON.GET", "k", ".none"])).await, "ERR Path '$.none' does not exist");
    assert!(server.error(json!(["JSON.GET", "k", "$.["])).await.starts_with("ERR the path"));
}

#[tokio::test]
async fn values_are_set_where_they_can_be() {
    let server = Server::start().await;
    let set = async |path: &str, value: &str| server.run(json!(["JSON.SET", "k", path, value])).await.1;
    assert_eq!(set("$.a", "1").await, json!({"error": "ERR new objects must be created at the root"}));
    set("$", r#"{"a":{}}"#).await;
    assert_eq!(set("$.a.b", "[1]").await, json!({"result": "OK"}));
    // RedisJSON replies null, the service says that it is wrong.
    assert_eq!(set("$.x.y", "1").await, json!({"error": "ERR Path '$.x.y' does not exist"}));
    assert_eq!(set(".x.y", "1").await, json!({"error": "ERR Path '$.x.y' does not exist"}));
    assert_eq!(set("$.a.b.c", "1").await, json!({"result": null}));
    assert_eq!(set("$.a.b[7]", "1").await, json!({"error": "ERR array index out of range"}));
    assert_eq!(set("$.none.*", "1").await, json!({"error": "ERR wrong static path"}));
    let bad = set("$", "{secret").await;
    assert!(
        bad["error"].as_str().unwrap().starts_with("ERR the value is not JSON") && !bad.to_string().contains("secret")
    );
    assert_eq!(text(&server).await, r#"{"a":{"b":[1]}}"#);
    assert_eq!(server.result(json!(["JSON.MERGE", "k", "$.a", r#"{"b":null,"c":{"d":1,"e":null}}"#])).await, "OK");
    assert_eq!(text(&server).await, r#"{"a":{"c":{"d":1}}}"#);
    for (command, reply) in [
        (json!(["JSON.SET", "k", "$.x.y", "1", "XX"]), json!({"result": null})),
        (json!(["JSON.SET", "k", "$.x.y", "1", "NX"]), json!({"error": "ERR Path '$.x.y' does not exist"})),
        (json!(["JSON.SET", "other", "$.x", "1", "XX"]), json!({"result": null})),
        (json!(["JSON.MERGE", "k", "$.x.y", "1"]), json!({"result": null})),
        (json!(["JSON.MSET", "k", "$.x.y", "1"]), json!({"result": "OK"})),
        (json!(["JSON.MSET", "k", "$.a", "1", "k", "$.x[0]", "2"]), json!({"error": "ERR array index out of range"})),
        (
            json!(["JSON.MSET", "k", "$.a", "1", "other", "$.x", "2"]),
            json!({"error": "ERR new objects must be created at the root"}),
        ),
    ] {
        assert_eq!(server.run(command.clone()).await.1, reply, "{command}");
    }
    assert_eq!(text(&server).await, r#"{"a":{"c":{"d":1}}}"#);
}

#[tokio::test]
async fn sums_of_integers_are_exact() {
    let server = with(r#"{"n":9007199254740993,"m":[-1,"x",1.5]}"#).await;
    for (command, path, number, wanted) in [
        ("JSON.NUMINCRBY", "$.n", "1", "[9007199254740994]"),
        ("JSON.NUMINCRBY", "$.n", "-9007199254740995", "[-1]"),
        ("JSON.NUMINCRBY", "$.n", "9223372036854775807", "[9223372036854775806]"),
        ("JSON.NUMINCRBY", "$.n", "1000", "[9.223372036854776e18]"),
        ("JSON.NUMMULTBY", "$.n", "0", "[0.0]"),
        ("JSON.NUMMULTBY", "$.m[0]", "-3037000499", "[3037000499]"),
        ("JSON.NUMMULTBY", "$.m[0]", "-3037000499", "[-9223372030926249001]"),
        ("JSON.NUMINCRBY", "$.m[*]", "1", "[-9223372030926249000,null,2.5]"),
    ] {
        let sum = server.result(json!([command, "k", path, number])).await;
        assert_eq!(sum, wanted, "{command} {path} {number}");
    }
    let beyond = server.error(json!(["JSON.NUMMULTBY", "k", "$.m[2]", "1e999"])).await;
    assert!(beyond.starts_with("ERR "), "{beyond}");
}

#[tokio::test]
async fn floats_are_written_as_redis_does() {
    let server = with("0").await;
    for (number, wanted) in [
        ("0.5", "0.5"),
        ("100.0", "100.0"),
        ("1e15", "1000000000000000.0"),
        ("1e16", "1e16"),
        ("12345678901234567.0", "1.2345678901234568e16"),
        ("1e-5", "0.00001"),
        ("1e-6", "1e-6"),
        ("-1.5e-7", "-1.5e-7"),
        ("1e300", "1e300"),
        ("5e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e308"),
    ] {
        server.result(json!(["JSON.SET", "k", "$", "1"])).await;
        let product = server.result(json!(["JSON.NUMMULTBY", "k", "$", number])).await;
        assert_eq!(product, format!("[{wanted}]"), "{number}");
    }
}

#[tokio::test]
async fn commands_run_one_at_a_time_and_in_transactions() {
    let server = with(r#"{"n":0}"#).await;
    let increment = || server.run(json!(["JSON.NUMINCRBY", "k", "$.n", 1]));
    futures_util::future::join_all((0..50).map(|_| increment())).await;
    assert_eq!(text(&server).await, r#"{"n":50}"#);
    let commands = json!([["JSON.SET", "k", "$.n", "nonsense"], ["JSON.NUMINCRBY", "k", "$.n", 1], ["TYPE", "k"]]);
    let (status, answer) = server.post("/multi-exec", commands.to_string()).await;
    assert_eq!(status, 200);
    assert!(answer[0]["error"].as_str().unwrap().starts_with("ERR the value is not JSON"));
    assert_eq!((&answer[1]["result"], &answer[2]["result"]), (&json!("[51]"), &json!("ReJSON-RL")));
    let (status, _) = server.post("/multi-exec", json!([["JSON.DEL", "k"], ["JSON.SET", "k"]]).to_string()).await;
    assert_eq!(status, 400);
    assert_eq!(text(&server).await, r#"{"n":51}"#);
}

#[tokio::test]
async fn a_document_is_a_key_like_any_other_and_of_its_own_type() {
    let server = with("[1]").await;
    assert_eq!(server.result(json!(["COPY", "k", "copy"])).await, 1);
    assert_eq!(server.result(json!(["EXPIRE", "k", 100])).await, 1);
    server.result(json!(["JSON.ARRAPPEND", "k", "$", "2"])).await;
    assert!(server.result(json!(["TTL", "k"])).await.as_i64().unwrap() > 0);
    assert_eq!(server.result(json!(["JSON.GET", "copy"])).await, "[1]");
    assert_eq!(server.result(json!(["RENAME", "copy", "moved"])).await, "OK");
    assert_eq!(server.result(json!(["TYPE", "moved"])).await, "ReJSON-RL");
    assert!(server.error(json!(["GET", "k"])).await.starts_with("WRONGTYPE"));
    server.result(json!(["HSET", "hash", "f", "v"])).await;
    assert_eq!(server.result(json!(["TYPE", "hash"])).await, "hash");
    for command in [json!(["JSON.GET", "hash"]), json!(["JSON.SET", "hash", "$", "1"]), json!(["JSON.DEL", "hash"])] {
        assert!(server.error(command).await.starts_with("WRONGTYPE"));
    }
    assert_eq!(server.result(json!(["JSON.MGET", "k", "hash", "none", "$[0]"])).await, json!(["[1]", null, null]));
    assert_eq!(server.result(json!(["JSON.DEL", "k", "$"])).await, 1);
    assert_eq!(server.result(json!(["EXISTS", "k"])).await, 0);
}

#[tokio::test]
async fn arguments_are_checked_as_redis_does() {
    let server = with("{}").await;
    for (command, error) in [
        (json!(["JSON.SET", "k", "$"]), "ERR wrong number of arguments for 'json.set' command"),
        (json!(["json.mset", "k", "$", "1", "x"]), "ERR wrong number of arguments for 'json.mset' command"),
        (json!(["JSON.SET", "k", "$", "1", "YY"]), "ERR syntax error"),
        (json!(["JSON.TOGGLE", "k"]), "ERR wrong number of arguments for 'json.toggle' command"),
        (json!(["JSON.GET", "k", "INDENT"]), "ERR wrong number of arguments for 'json.get' command"),
        (json!(["JSON.GET", "k", "FORMAT", "JSON"]), "ERR FORMAT argument is not supported on RESP2"),
        (json!(["JSON.DEBUG", "MEMORY"]), "ERR wrong number of arguments for 'json.debug' command"),
        (json!(["JSON.ARRPOP", "k", "$", "x"]), "ERR value is not an integer or out of range"),
        (json!(["JSON.NUMINCRBY", "k", "$", "\"1\""]), "ERR the value is not a number"),
        (json!(["JSON.STRAPPEND", "k", "$", "1"]), "ERR the value is not a JSON string"),
        (
            json!(["JSON.ARRAPPEND", "none", "$", "1"]),
            "ERR could not perform this operation on a key that doesn't exist",
        ),
    ] {
        assert_eq!(server.error(command).await, error);
    }
    assert!(server.error(json!(["JSON.NONE", "k"])).await.starts_with("ERR unknown command"));
    assert_eq!(server.result(json!(["JSON.DEBUG", "help"])).await.as_array().unwrap().len(), 2);
}
