//! The local Upstash over real HTTP, in front of a real Redis.
#![cfg(feature = "local")]

use std::{process::Stdio, time::Duration};

use axum_upstash::local::{LocalConfig, LocalError, LocalUpstash};
use futures_util::future::join_all;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

const DEADLINE: Duration = Duration::from_secs(20);
const OUTAGE: &str = "ERR the Redis behind this server is not reachable";

struct Server {
    upstash: LocalUpstash,
    http: Client,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(LocalConfig::default()).await
    }

    async fn start_with(config: LocalConfig) -> Self {
        Self {
            upstash: LocalUpstash::start_with(config).await.unwrap(),
            http: Client::builder().no_proxy().build().unwrap(),
        }
    }

    fn request(&self, method: Method, target: &str) -> RequestBuilder {
        self.anonymous(method, target).bearer_auth(self.upstash.token())
    }

    fn anonymous(&self, method: Method, target: &str) -> RequestBuilder {
        let url = format!("{}{target}", self.upstash.url());
        self.http.request(method, url).timeout(DEADLINE)
    }

    async fn post(&self, target: &str, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        read(self.request(Method::POST, target).body(body)).await
    }

    async fn base64(&self, target: &str, body: &Value) -> Value {
        let request = self.request(Method::POST, target).json(body);
        let (status, answer) = read(request.header("Upstash-Encoding", "base64")).await;
        assert_eq!(status, 200);
        answer
    }

    async fn run(&self, command: Value) -> (StatusCode, Value) {
        self.post("/", command.to_string()).await
    }

    async fn result(&self, command: Value) -> Value {
        let (status, answer) = self.run(command.clone()).await;
        assert_eq!(status, 200, "{command} gave {answer}");
        answer["result"].clone()
    }

    async fn error(&self, command: Value) -> String {
        let (status, answer) = self.run(command.clone()).await;
        assert_eq!(status, 400, "{command} gave {answer}");
        answer["error"].as_str().unwrap().to_owned()
    }

    async fn pipeline(&self, commands: Value) -> Value {
        let (status, answer) = self.post("/pipeline", commands.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

/// A Redis with a password, on a TCP port.
struct ForeignRedis {
    port: u16,
    process: Child,
    _directory: tempfile::TempDir,
}

impl ForeignRedis {
    async fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let directory = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--requirepass", "p@ss", "--save", ""])
            .arg("--dir")
            .arg(directory.path())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        eventually(|| async move { TcpStream::connect(("127.0.0.1", port)).await.is_ok() }).await;
        Self { port, process, _directory: directory }
    }

    fn config(&self, credentials: &str, database: u8) -> LocalConfig {
        let url = format!("redis://{credentials}127.0.0.1:{}/{database}", self.port);
        LocalConfig::default().with_redis_url(url)
    }

    async fn close_connections(&self) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(b"AUTH p@ss\r\nCLIENT KILL TYPE normal SKIPME yes\r\nQUIT\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("+OK\r\n:16\r\n"), "{answer}");
    }
}

async fn read(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    (response.status(), response.json().await.unwrap())
}

fn sync_token(response: &Response) -> String {
    let token = &response.headers()["upstash-sync-token"];
    token.to_str().unwrap().to_owned()
}

async fn eventually<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < deadline, "the condition never came true");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn takes_a_command_in_every_form() {
    let server = Server::start().await;
    for method in [Method::GET, Method::POST, Method::PUT] {
        let request = server.request(method, "/set/a%2Fb/%C3%A9%20+/EX/100");
        assert_eq!(read(request).await, (StatusCode::OK, json!({"result": "OK"})));
        assert_eq!(server.result(json!(["GET", "a/b"])).await, "é +");
    }
    server.post("/set/body", "1&2=3").await;
    assert_eq!(server.result(json!(["GET", "body"])).await, "1&2=3");

    server.post("/set/query?EX=100&NX", "value").await;
    assert_eq!(server.result(json!(["GET", "query"])).await, "value");
    assert_eq!(server.result(json!(["TTL", "query"])).await, 100);

    let request = server.request(Method::GET, "/set/empty?%20&EX=10");
    assert_eq!(read(request).await.0, 200);
    assert_eq!(server.result(json!(["GET", "empty"])).await, " ");

    let head = server.request(Method::HEAD, "/set/head/1").send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(server.result(json!(["get", "head"])).await, "1");
    server.upstash.shutdown().await;
}

#[tokio::test]
async fn a_body_in_the_path_form_is_bytes() {
    let server = Server::start().await;
    let bytes: Vec<u8> = (0..=255).collect();
    server.post("/set/%FF%00", bytes.clone()).await;
    let request = server.request(Method::GET, "/get/%ff%00");
    let (_, answer) = read(request.header("Upstash-Encoding", "base64")).await;
    let text = answer["result"].as_str().unwrap();
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    assert_eq!(STANDARD.decode(text).unwrap(), bytes);
}

#[tokio::test]
async fn json_scalars_are_sent_as_their_text() {
    let server = Server::start().await;
    let (_, answer) = server
        .post("/pipeline", r#"[["ECHO",1.50],["ECHO",1e+21],["ECHO",9223372036854775807],["ECHO",true],["ECHO",null]]"#)
        .await;
    assert_eq!(
        answer,
        json!([
            {"result": "1.50"},
            {"result": "1e+21"},
            {"result": "9223372036854775807"},
            {"result": "true"},
            {"result": "null"},
        ])
    );
}

#[tokio::test]
async fn integers_keep_64_bits() {
    let server = Server::start().await;
    for number in [i64::MIN, -1, 0, (1 << 53) + 1, i64::MAX] {
        server.result(json!(["SET", "n", number])).await;
        assert_eq!(server.result(json!(["INCRBY", "n", 0])).await, number);
    }
}

#[tokio::test]
async fn base64_covers_strings_at_any_depth() {
    let server = Server::start().await;
    let script = "return {'a', {1, {'', 'OK'}}, false, redis.status_reply('OK')}";
    let eval = json!(["EVAL", script, 0]);
    assert_eq!(server.base64("/", &eval).await, json!({"result": ["YQ==", [1, ["", "T0s="]], null, "T0s="]}));
    let commands = json!([["SET", "k", "OK"], ["GET", "k"], ["GET"], ["PING"]]);
    for endpoint in ["/pipeline", "/multi-exec"] {
        let commands = match endpoint {
            "/pipeline" => commands.clone(),
            _ => json!([["SET", "k", "OK"], ["GET", "k"], ["LPOP", "k"], ["PING"]]),
        };
        let answer = server.base64(endpoint, &commands).await;
        assert_eq!(answer[0], json!({"result": "OK"}));
        assert_eq!(answer[1], json!({"result": "T0s="}));
        let error = answer[2]["error"].as_str().unwrap();
        assert!(error.starts_with("ERR wrong number") || error.starts_with("WRONGTYPE"));
        assert_eq!(answer[3], json!({"result": "UE9ORw=="}));
    }
}

#[tokio::test]
async fn plain_text_marks_each_byte_that_is_not_utf8() {
    let server = Server::start().await;
    server.post("/set/raw", &b"a\xff\xe2\x82b"[..]).await;
    let text = server.result(json!(["GET", "raw"])).await;
    assert_eq!(text, "a\u{fffd}\u{fffd}\u{fffd}b");
}

#[tokio::test]
async fn errors_inside_a_result_are_text() {
    let server = Server::start().await;
    let script = "return {1, redis.error_reply('MINE inside')}";
    let result = server.result(json!(["EVAL", script, 0])).await;
    assert_eq!(result, json!([1, "MINE inside"]));
}

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
    assert!((0..).zip(items).all(|(n, item)| item["result"] == n.to_string()));

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
async fn the_token_comes_in_the_header_or_in_the_query() {
    let server = Server::start_with(LocalConfig::default().with_token("s3cret")).await;
    let get = |target: &'static str| server.anonymous(Method::GET, target);
    let refused = json!({"error": "WRONGPASS invalid or missing auth token"});
    for request in [
        get("/ping"),
        get("/ping?_token="),
        get("/ping?_token=s3cre"),
        get("/ping").bearer_auth("S3cret"),
        get("/ping").header("Authorization", "s3cret"),
        get("/ping").header("Authorization", "Basic s3cret"),
        get("/ping?_token=s3cret").bearer_auth("wrong"),
    ] {
        assert_eq!(read(request).await, (StatusCode::UNAUTHORIZED, refused.clone()));
    }
    for request in [
        get("/echo/a").bearer_auth("s3cret"),
        get("/echo/a").header("Authorization", "bearer s3cret"),
        get("/echo/a?_token=s3cret"),
        get("/echo?a&_token=s3cret"),
        get("/echo?_token=%73%33cret").body("a"),
    ] {
        assert_eq!(read(request).await, (StatusCode::OK, json!({"result": "a"})));
    }
    let post = server.anonymous(Method::POST, "/?_token=s3cret");
    assert_eq!(read(post.body(r#"["PING"]"#)).await.0, 200);
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let server = Server::start().await;
    for method in [Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let response = server.request(method, "/ping").send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.bytes().await.unwrap(), "");
    }
}

#[tokio::test]
async fn every_reply_has_a_sync_token_of_its_own() {
    let server = Server::start().await;
    let requests = (0..20).map(|number| {
        let target = if number % 2 == 0 { "/ping" } else { "/nosuch" };
        let request = server.request(Method::GET, target);
        async move { sync_token(&request.send().await.unwrap()) }
    });
    let mut tokens = join_all(requests).await;
    let anonymous = server.anonymous(Method::GET, "/ping").send().await.unwrap();
    tokens.push(sync_token(&anonymous));
    assert_eq!(server.upstash.requests(), 21);
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 21);
}

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
        "CONFIG GET *",
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
    assert_eq!(server.result(json!(["SELECT", 0])).await, "OK");
}

#[tokio::test]
async fn says_what_is_not_supported_yet() {
    let server = Server::start().await;
    for target in ["/subscribe/c", "/psubscribe/c*", "/monitor", "/pipeline/x"] {
        let (status, answer) = server.post(target, "[]").await;
        assert_eq!(status, 400);
        assert!(answer["error"].as_str().unwrap().starts_with("ERR "));
    }
    for (format, status) in [("json", 200), ("resp2", 400), ("xml", 400)] {
        let request = server.request(Method::GET, "/ping");
        let request = request.header("Upstash-Response-Format", format);
        assert_eq!(read(request).await.0, status, "{format}");
    }
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    let server = Server::start().await;
    let deep = "[".repeat(100_000);
    for (target, body, error) in [
        ("/", "", "ERR empty command"),
        ("/", "[]", "ERR empty command"),
        ("/", "{", "ERR failed to parse command"),
        ("/", "{}", "ERR failed to parse command"),
        ("/", "\"PING\"", "ERR failed to parse command"),
        ("/", "[\"PING\"", "ERR failed to parse command"),
        ("/", "[\"PING\"]]", "ERR failed to parse command"),
        ("/", "[\"GET\",[\"k\"]]", "ERR failed to parse command: arguments"),
        ("/", "[\"GET\",{}]", "ERR failed to parse command: arguments"),
        ("/", &deep, "ERR failed to parse command"),
        ("/pipeline", "", "ERR failed to parse pipeline request"),
        ("/pipeline", "[]", "ERR empty pipeline request"),
        ("/pipeline", "[\"PING\"]", "ERR failed to parse pipeline request"),
        ("/pipeline", "[[{}]]", "ERR failed to parse pipeline request: arguments"),
        ("/multi-exec", "[]", "ERR empty pipeline request"),
        ("/multi-exec", "nonsense", "ERR failed to parse pipeline request"),
    ] {
        let (status, answer) = server.post(target, body.to_owned()).await;
        assert_eq!(status, 400, "{target} {body}");
        assert!(answer["error"].as_str().unwrap().starts_with(error), "{answer}");
    }
    let (status, _) = server.post("/", &b"[\"SET\",\"k\",\"\xff\"]"[..]).await;
    assert_eq!(status, 400);
    assert_eq!(server.result(json!(["PING"])).await, "PONG");
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::start_with(LocalConfig::default().with_max_request_bytes(100)).await;
    let (status, _) = server.post("/set/k", "x".repeat(100)).await;
    assert_eq!(status, 200);
    for size in [101, 5_000_000] {
        let (status, answer) = server.post("/set/k", "y".repeat(size)).await;
        assert_eq!(status, 400);
        let text = format!("ERR max request size exceeded. Limit: 100 bytes, Actual: {size} bytes");
        assert_eq!(answer, json!({"error": text}));
    }
    assert_eq!(server.result(json!(["STRLEN", "k"])).await, 100);
}

#[tokio::test]
async fn large_values_pass() {
    let server = Server::start().await;
    let value = "v".repeat(10 * 1024 * 1024);
    let (status, _) = server.post("/set/large", value.clone()).await;
    assert_eq!(status, 200);
    assert_eq!(server.result(json!(["GET", "large"])).await, value);
}

#[tokio::test]
async fn an_outage_ends_when_redis_is_back() {
    let server = Server::start().await;
    server.result(json!(["SET", "k", "v"])).await;
    server.upstash.stop_redis().await.unwrap();
    server.upstash.stop_redis().await.unwrap();
    let down = json!({"error": OUTAGE});
    for target in ["/", "/pipeline", "/multi-exec"] {
        let body = if target == "/" { r#"["PING"]"# } else { r#"[["PING"]]"# };
        let answer = server.post(target, body).await;
        assert_eq!(answer, (StatusCode::INTERNAL_SERVER_ERROR, down.clone()));
    }
    server.upstash.restart_redis().await.unwrap();
    assert_eq!(server.result(json!(["GET", "k"])).await, Value::Null);
    server.upstash.restart_redis().await.unwrap();
    assert_eq!(server.result(json!(["PING"])).await, "PONG");
}

#[tokio::test]
async fn connections_that_redis_closed_are_not_used_again() {
    let redis = ForeignRedis::start().await;
    let server = Server::start_with(redis.config("default:p%40ss@", 0)).await;
    for _ in 0..10 {
        join_all((0..16).map(|_| server.result(json!(["PING"])))).await;
        redis.close_connections().await;
        assert_eq!(server.result(json!(["PING"])).await, "PONG");
    }
}

#[tokio::test]
async fn many_requests_at_once() {
    let server = Server::start().await;
    let requests = (0..64).map(|number| {
        let server = &server;
        async move {
            let key = format!("key{number}");
            let set = json!([["SET", key, number], ["INCR", "all"]]);
            let endpoint = if number % 2 == 0 { "/pipeline" } else { "/multi-exec" };
            assert_eq!(server.post(endpoint, set.to_string()).await.0, 200);
            server.result(json!(["GET", key])).await
        }
    });
    let values = join_all(requests).await;
    assert!((0..).zip(&values).all(|(number, value)| *value == number.to_string()));
    assert_eq!(server.result(json!(["GET", "all"])).await, "64");
    assert_eq!(server.upstash.requests(), 129);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_reply_behind() {
    let server = Server::start().await;
    let (address, token) = (server.upstash.address(), server.upstash.token());
    for round in 0..20 {
        // Busy for long enough that the client is gone before the reply is there.
        let script =
            format!("for i = 1, 3000000 do local _ = i * i end redis.call('INCR', 'ran') return 'stale{round}'");
        let body = json!(["EVAL", script, 0]).to_string();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        drop(stream);
        let echoes = (0..4).map(|n| server.result(json!(["ECHO", format!("{round}-{n}")])));
        for (n, echo) in join_all(echoes).await.into_iter().enumerate() {
            assert_eq!(echo, format!("{round}-{n}"));
        }
    }
    eventually(|| async { server.result(json!(["GET", "ran"])).await != Value::Null }).await;
}

#[tokio::test]
async fn one_http_connection_serves_many_requests() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.upstash.address()).await.unwrap();
    let request = format!("GET /ping?_token={} HTTP/1.1\r\nhost: x\r\n\r\n", server.upstash.token());
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with(r#"{"result":"PONG"}"#) {
            let mut bytes = [0; 1024];
            let read = timeout(DEADLINE, stream.read(&mut bytes)).await.unwrap().unwrap();
            assert_ne!(read, 0);
            answer.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
    }
    // An idle connection does not hold up the end, and is closed by it.
    timeout(Duration::from_secs(4), server.upstash.shutdown()).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn dropping_the_server_stops_it() {
    let server = Server::start().await;
    let address = server.upstash.address();
    assert_eq!(server.result(json!(["PING"])).await, "PONG");
    drop(server);
    eventually(|| async { TcpStream::connect(address).await.is_err() }).await;
}

#[tokio::test]
async fn speaks_to_a_redis_that_it_did_not_start() {
    let mut redis = ForeignRedis::start().await;
    for credentials in ["", ":wrong@", "nobody:p%40ss@"] {
        let error = LocalUpstash::start_with(redis.config(credentials, 0)).await.unwrap_err();
        assert!(matches!(error, LocalError::RedisUnreachable { .. }), "{error}");
        assert!(!error.to_string().contains("p%40ss"));
    }
    let zero = Server::start_with(redis.config(":p%40ss@", 0)).await;
    let three = Server::start_with(redis.config("default:p%40ss@", 3)).await;
    // Database 0 of a client is the one in the URL, and stays so on every connection of the pool.
    for _ in 0..3 {
        assert_eq!(three.result(json!(["SELECT", "0"])).await, "OK");
        assert_eq!(three.result(json!(["SET", "only-in-3", 1])).await, "OK");
    }
    assert_eq!(zero.result(json!(["EXISTS", "only-in-3"])).await, 0);
    assert_eq!(three.result(json!(["EXISTS", "only-in-3"])).await, 1);

    let error = zero.upstash.stop_redis().await.unwrap_err();
    assert!(matches!(error, LocalError::RedisNotOwned));
    let error = zero.upstash.restart_redis().await.unwrap_err();
    assert!(matches!(error, LocalError::RedisNotOwned));

    redis.process.kill().await.unwrap();
    eventually(|| async { zero.run(json!(["PING"])).await.0 == 500 }).await;
}

#[tokio::test]
async fn start_errors_say_what_to_change() {
    let start = LocalUpstash::start_with;
    for url in ["", "http://x", "rediss://x", "redis://:hunter2@x?y"] {
        let error = start(LocalConfig::default().with_redis_url(url)).await.unwrap_err();
        assert!(matches!(error, LocalError::InvalidRedisUrl { .. }), "{url}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    for token in ["", "two words", "é"] {
        let error = start(LocalConfig::default().with_token(token)).await.unwrap_err();
        assert!(matches!(error, LocalError::InvalidToken), "{token}");
    }
    let nowhere = LocalConfig::default().with_redis_url("unix:///nonexistent/redis.sock");
    let error = start(nowhere).await.unwrap_err();
    assert!(error.to_string().contains("/nonexistent/redis.sock"));

    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = start(LocalConfig::default().with_address(address)).await.unwrap_err();
    assert!(error.to_string().contains(&address.to_string()));
}

#[tokio::test]
async fn the_environment_is_what_clients_read() {
    let server = Server::start().await;
    let upstash = &server.upstash;
    assert_eq!(upstash.url(), format!("http://{}", upstash.address()));
    assert_eq!(
        upstash.environment(),
        [
            ("UPSTASH_REDIS_REST_URL", upstash.url().to_owned()),
            ("UPSTASH_REDIS_REST_TOKEN", upstash.token().to_owned()),
        ]
    );
    assert!(!format!("{upstash:?}").contains(upstash.token()));
    let other = Server::start().await;
    assert_ne!(upstash.token(), other.upstash.token());
}
