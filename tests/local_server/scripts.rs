//! Scripts with the flag `allow-key-locking`.

use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn scripts_with_key_locking_run_in_every_form() {
    let server = Server::start().await;
    let script = "#!lua flags=allow-key-locking\nreturn redis.call('INCR', KEYS[1])";
    let plain_sha = "#!lua flags=no-writes,allow-key-locking\nreturn {KEYS[1], ARGV[1]}";
    assert_eq!(server.result(json!(["EVAL", script, 1, "n"])).await, 1);

    let sha = server.result(json!(["SCRIPT", "LOAD", plain_sha])).await;
    // sha1sum of the text above: clients compute it themselves.
    assert_eq!(sha, "191349a16936eeef1cfc229a5a57af28cd537653");
    for name in ["EVALSHA", "EVALSHA_RO"] {
        let result = server.result(json!([name, sha, 1, "k", "v"])).await;
        assert_eq!(result, json!(["k", "v"]));
    }
    let commands = json!([
        ["EVAL_RO", plain_sha, 1, "k", "v"],
        ["SCRIPT", "LOAD", script],
        ["SCRIPT", "EXISTS", sha, "0000000000000000000000000000000000000000"],
        ["EVALSHA", sha, 1, "k", "v"],
    ]);
    for endpoint in ["/pipeline", "/multi-exec"] {
        let (status, answer) = server.post(endpoint, commands.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer[0], json!({"result": ["k", "v"]}));
        let loaded = &answer[1]["result"];
        assert_eq!(answer[2], json!({"result": [1, 0]}));
        assert_eq!(answer[3], json!({"result": ["k", "v"]}));
        let before = server.result(json!(["GET", "n"])).await;
        let before: i64 = before.as_str().unwrap().parse().unwrap();
        let after = server.result(json!(["EVALSHA", loaded, 1, "n"])).await;
        assert_eq!(after, before + 1);
    }
}

#[tokio::test]
async fn a_script_that_redis_forgot_is_a_noscript() {
    let server = Server::start().await;
    let script = "#!lua flags=allow-key-locking\nreturn 1";
    let sha = server.result(json!(["SCRIPT", "LOAD", script])).await;
    server.result(json!(["SCRIPT", "FLUSH"])).await;
    let no_script = "NOSCRIPT No matching script. Please use EVAL.";
    assert_eq!(server.error(json!(["EVALSHA", sha, 0])).await, no_script);
    assert_eq!(server.error(json!(["EVALSHA", "abc", 0])).await, no_script);

    server.result(json!(["EVAL", script, 0])).await;
    assert_eq!(server.result(json!(["EVALSHA", sha, 0])).await, 1);
    server.upstash.restart_redis().await.unwrap();
    assert_eq!(server.error(json!(["EVALSHA", sha, 0])).await, no_script);
}

#[tokio::test]
async fn errors_in_a_script_keep_their_line() {
    let server = Server::start().await;
    let script = "#!lua flags=allow-key-locking\n\nreturn nosuch.field";
    let error = server.error(json!(["EVAL", script, 0])).await;
    assert!(error.contains("user_script:3:"), "{error}");
}
