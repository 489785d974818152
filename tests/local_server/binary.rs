//! The program `upstash-local`.

use std::{path::Path, process::Stdio};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::support::{DEADLINE, eventually};

fn program(directory: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upstash-local"));
    for name in ["UPSTASH_LOCAL_PORT", "UPSTASH_LOCAL_TOKEN", "REDIS_URL"] {
        command.env_remove(name);
    }
    command.env("TMPDIR", directory.path()).kill_on_drop(true);
    command
}

async fn start(directory: &TempDir) -> (Child, Vec<String>) {
    let mut program =
        program(directory).args(["--port", "0", "--only", "redis"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut printed = Vec::new();
    while printed.len() < 3 {
        printed.push(lines.next_line().await.unwrap().unwrap());
    }
    (program, printed)
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).unwrap().next().is_none()
}

#[tokio::test]
async fn prints_what_a_shell_can_read() {
    let directory = tempfile::tempdir().unwrap();
    let (_program, lines) = start(&directory).await;
    let url = lines[1].strip_prefix("export UPSTASH_REDIS_REST_URL=").unwrap();
    assert!(lines[0].starts_with('#') && lines[0].ends_with(url));
    assert_eq!(lines[2], "export UPSTASH_REDIS_REST_TOKEN=local");
    let request = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("{url}/ping"));
    let answer = request.bearer_auth("local").send().await.unwrap().text().await.unwrap();
    assert_eq!(answer, r#"{"result":"PONG"}"#);
}

/// As the official SDKs start the server of their development mode, and read what it says.
#[tokio::test]
async fn qstash_dev_is_ready_when_it_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut running = program(&directory).args(["dev", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    assert!(first.contains("running at http://127.0.0.1:"), "{first}");
    let (_, url) = first.rsplit_once(' ').unwrap();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), format!("export QSTASH_URL={url}"));
    let token = lines.next_line().await.unwrap().unwrap();
    let token = token.strip_prefix("export QSTASH_TOKEN=").unwrap();
    let request = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("{url}/v2/keys"));
    let keys: serde_json::Value = request.bearer_auth(token).send().await.unwrap().json().await.unwrap();
    let expected = ["current", "next"].map(|name| keys[name].as_str().unwrap().to_owned());
    for (name, key) in ["QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"].into_iter().zip(expected) {
        assert_eq!(lines.next_line().await.unwrap().unwrap(), format!("export {name}={key}"));
    }
    let port = url.rsplit_once(':').unwrap().1;
    let output = program(&directory).args(["dev", "--port", port]).output().await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1)
            && error.trim_end().ends_with(&format!("address already in use: 127.0.0.1:{port}")),
        "{error}"
    );
}

#[tokio::test]
async fn a_signal_ends_it_and_its_redis() {
    for signal in ["-INT", "-TERM"] {
        let directory = tempfile::tempdir().unwrap();
        let (mut program, _) = start(&directory).await;
        assert!(!is_empty(directory.path()));
        let id = program.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        assert_eq!(program.wait().await.unwrap().code(), Some(0));
        assert!(is_empty(directory.path()));
    }
}

#[tokio::test]
async fn its_redis_does_not_outlive_it() {
    let directory = tempfile::tempdir().unwrap();
    let (mut program, _) = start(&directory).await;
    let socket = std::fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path().join("redis.sock");
    let mut redis = tokio::net::UnixStream::connect(&socket).await.unwrap();
    program.kill().await.unwrap();
    let mut bytes = [0];
    let end = timeout(DEADLINE, redis.read(&mut bytes)).await.unwrap();
    assert_eq!(end.unwrap_or(0), 0);
    eventually(|| async { is_empty(directory.path()) }).await;
}

#[tokio::test]
async fn a_start_that_fails_gives_one_line_and_code_1() {
    let directory = tempfile::tempdir().unwrap();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (options, path, text) in [
        (["--port", &port], None, "cannot listen on 127.0.0.1:"),
        (["--port", "0"], Some("/nonexistent"), "apt install redis-server"),
        (["--redis-url", "http://localhost"], None, "invalid REDIS_URL"),
    ] {
        let mut program = program(&directory);
        program.args(options).args(["--only", "redis"]).env("UPSTASH_LOCAL_PORT", "0");
        path.map(|path| program.env("PATH", path));
        let output = program.output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(text) && error.lines().count() == 1, "{error}");
        assert!(output.stdout.is_empty() && is_empty(directory.path()));
    }
}
