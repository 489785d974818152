//! The replies of `JSON.*` to a path that matches nothing, or something of another kind: those of Redis 8.

use serde_json::{Value, json};

use crate::support::Server;

const DOCUMENT: &str = r#"{"n":1,"s":"abc","t":true,"a":[1,"x",[2],{"n":5},null,1],"e":[],"o":{"n":2}}"#;
const NO_KEY: &str = "ERR could not perform this operation on a key that doesn't exist";

/// Runs each command on a fresh document, as `[command, key, path, …]`.
async fn check(cases: Vec<(Value, Value)>) {
    let server = Server::start().await;
    for (command, reply) in cases {
        server.result(json!(["JSON.SET", "k", "$", DOCUMENT])).await;
        assert_eq!(server.run(command.clone()).await.1, reply, "{command}");
    }
}

fn error(text: &str) -> Value {
    json!({ "error": text })
}

fn result(reply: impl Into<Value>) -> Value {
    let reply: Value = reply.into();
    json!({ "result": reply })
}

#[tokio::test]
async fn a_path_of_the_older_kind_must_match_what_the_command_is_for() {
    let mut cases = Vec::new();
    for (name, arguments, path, text) in [
        ("ARRAPPEND", vec!["1"], ".n", "ERR Path '.n' does not exist or not an array"),
        ("ARRINSERT", vec!["0", "1"], ".n", "ERR Path '$.n' does not exist or not an array"),
        ("ARRINSERT", vec!["0", "1"], "none", "ERR Path '$.none' does not exist or not an array"),
        ("ARRPOP", vec![], ".n", "ERR Path '$.n' does not exist or not an array"),
        ("ARRTRIM", vec!["0", "1"], ".none", "ERR Path '$.none' does not exist or not an array"),
        ("ARRLEN", vec![], ".n", "ERR Path '.n' does not exist or not an array"),
        ("ARRLEN", vec![], ".none", "ERR Path '.none' does not exist"),
        ("ARRLEN", vec![], ".*", "ERR Path '.*' does not exist or not an array"),
        ("ARRINDEX", vec!["1"], ".none", "ERR Path '$.none' does not exist"),
        ("ARRINDEX", vec!["1"], ".s", "WRONGTYPE wrong type of path value - expected array but found string"),
        ("NUMINCRBY", vec!["1"], ".s", "ERR Path '$.s' does not exist or does not contains a number"),
        ("NUMMULTBY", vec!["1"], ".none", "ERR Path '$.none' does not exist or does not contains a number"),
        ("TOGGLE", vec![], ".n", "ERR Path '$.n' does not exist or not a bool"),
        ("STRAPPEND", vec!["\"q\""], ".n", "ERR Path '$.n' does not exist or not a string"),
        ("STRLEN", vec![], ".none", "ERR Path '$.none' does not exist"),
        ("STRLEN", vec![], ".n", "WRONGTYPE wrong type of path value - expected string but found integer"),
        ("OBJLEN", vec![], ".a", "WRONGTYPE wrong type of path value - expected object but found array"),
        ("OBJKEYS", vec![], ".a", "ERR Path '$.a' does not exist or not an object"),
        ("RESP", vec![], ".none", "ERR Path '$.none' does not exist"),
    ] {
        cases.push((json!([vec![&*format!("JSON.{name}"), "k", path], arguments].concat()), error(text)));
    }
    for (name, path, reply) in [
        ("TYPE", ".none", Value::Null),
        ("TYPE", ".*", json!("integer")),
        ("OBJKEYS", ".none", Value::Null),
        ("OBJLEN", ".none", Value::Null),
        ("ARRPOP", ".e", Value::Null),
        ("DEL", ".none", json!(0)),
        ("CLEAR", ".none", json!(0)),
    ] {
        cases.push((json!([format!("JSON.{name}"), "k", path]), result(reply)));
    }
    check(cases).await;
}

#[tokio::test]
async fn a_missing_key_is_nothing_or_an_error() {
    let mut cases = Vec::new();
    for name in ["ARRLEN", "OBJKEYS", "STRLEN", "ARRPOP", "TOGGLE", "CLEAR"] {
        cases.push((json!([format!("JSON.{name}"), "none", "$"]), error(NO_KEY)));
    }
    for name in ["ARRLEN", "OBJKEYS", "OBJLEN", "STRLEN", "TYPE", "RESP", "GET"] {
        cases.push((json!([format!("JSON.{name}"), "none", "."]), result(Value::Null)));
    }
    for name in ["TYPE", "RESP", "GET"] {
        cases.push((json!([format!("JSON.{name}"), "none", "$"]), result(Value::Null)));
    }
    cases.push((json!(["JSON.OBJLEN", "none", "$"]), error("ERR Path '$' does not exist or not an object")));
    cases.push((json!(["JSON.ARRINDEX", "none", "$", "1"]), error("ERR Path '$' does not exist")));
    cases.push((json!(["JSON.DEL", "none", "$"]), result(json!(0))));
    check(cases).await;
}

#[tokio::test]
async fn indexes_beyond_an_array_are_its_ends() {
    let mut cases = Vec::new();
    for (ends, reply) in [(vec!["99"], 5), (vec!["-99", "99"], 0), (vec!["1"], 5), (vec!["1", "-1"], -1)] {
        let command = [vec!["JSON.ARRINDEX", "k", "$.a", "1"], ends].concat();
        cases.push((json!(command), result(json!([reply]))));
    }
    for (ends, reply) in [(["0", "-99"], 1), (["-99", "99"], 6), (["99", "100"], 0), (["3", "1"], 0)] {
        let command = [&["JSON.ARRTRIM", "k", "$.a"][..], &ends].concat();
        cases.push((json!(command), result(json!([reply]))));
    }
    for (index, reply) in [("99", "1"), ("-99", "1"), ("1", "\"x\"")] {
        cases.push((json!(["JSON.ARRPOP", "k", "$.a", index]), result(json!([reply]))));
    }
    check(cases).await;
}

#[tokio::test]
async fn deleted_is_counted_with_all_that_is_in_it() {
    let server = Server::start().await;
    for (document, path, deleted, left) in [
        (r#"{"o":{"o":{"o":1}}}"#, "$..o", 1, "{}"),
        (r#"{"o":{"o":1},"x":{"o":2}}"#, "$..o", 2, r#"{"x":{}}"#),
        ("[1,1,[1]]", "$..*", 3, "[]"),
    ] {
        server.result(json!(["JSON.SET", "k", "$", document])).await;
        assert_eq!(server.result(json!(["JSON.DEL", "k", path])).await, deleted, "{document} {path}");
        assert_eq!(server.result(json!(["JSON.GET", "k"])).await, left, "{document} {path}");
    }
}

#[tokio::test]
async fn options_may_come_after_paths() {
    let laid_out = result(json!("[\n {\n  \"n\":2\n }\n]"));
    check(vec![
        (json!(["JSON.GET", "k", "INDENT", " ", "NEWLINE", "\n", "$.o"]), laid_out.clone()),
        (json!(["JSON.GET", "k", "$.o", "indent", " ", "newline", "\n"]), laid_out),
        (json!(["JSON.GET", "k", "$.n", "NOESCAPE"]), result(json!("[1]"))),
        (json!(["JSON.GET", "k", ".[\"o\"].n"]), result(json!("2"))),
    ])
    .await;
}

#[tokio::test]
async fn what_is_not_quite_json_is_refused() {
    let server = Server::start().await;
    for value in ["\"\\ud800\"", "1E400", &"[".repeat(200), "[1,]", "{'a':1}", ""] {
        let text = server.error(json!(["JSON.SET", "k", "$", value])).await;
        assert!(text.starts_with("ERR the value is not JSON, at line"), "{value}: {text}");
    }
}
