//! A Redis of the server's own that ends unexpectedly, and what the program says about it.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Stdio, time::Duration};

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::support::DEADLINE;

/// The running program, and its URL.
struct Program {
    child: Child,
    url: String,
    http: Client,
    _directory: TempDir,
}

impl Program {
    async fn start(path: Option<&Path>, options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_upstash-local"));
        for name in ["UPSTASH_LOCAL_PORT", "UPSTASH_LOCAL_TOKEN", "REDIS_URL", "RUST_LOG"] {
            command.env_remove(name);
        }
        if let Some(path) = path {
            let others = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{others}", path.display()));
        }
        let mut child = command
            .args(["--port", "0", "--only", "redis"])
            .args(options)
            .env("TMPDIR", directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.next_line().await.unwrap().unwrap();
        let line = lines.next_line().await.unwrap().unwrap();
        let url = line.strip_prefix("export UPSTASH_REDIS_REST_URL=").unwrap().to_owned();
        Self { child, url, http: Client::builder().no_proxy().build().unwrap(), _directory: directory }
    }

    async fn run(&self, command: Value) -> Option<(u16, Value)> {
        let request = self.http.post(&self.url).bearer_auth("local").json(&command).timeout(DEADLINE);
        let response = request.send().await.ok()?;
        Some((response.status().as_u16(), response.json().await.ok()?))
    }

    /// Kills its Redis, as a system that runs out of memory does.
    async fn kill_redis(&self) {
        let (_, info) = self.run(json!(["INFO", "server"])).await.unwrap();
        let info = info["result"].as_str().unwrap();
        let id = info.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap();
        assert!(Command::new("kill").args(["-9", id]).status().await.unwrap().success());
    }

    async fn until_it_answers(&self) {
        let deadline = Instant::now() + DEADLINE;
        while self.run(json!(["PING"])).await.is_none_or(|(status, _)| status != 200) {
            assert!(Instant::now() < deadline, "Redis was not started again");
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn errors(mut self) -> String {
        let _ = self.child.start_kill();
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).await.unwrap();
        text
    }
}

#[tokio::test]
async fn a_redis_that_dies_is_started_again_and_named_once() {
    let program = Program::start(None, &[]).await;
    program.run(json!(["SET", "k", "v"])).await.unwrap();
    program.kill_redis().await;
    program.until_it_answers().await;
    assert_eq!(program.run(json!(["GET", "k"])).await.unwrap().1, json!({"result": null}));
    let text = program.errors().await;
    let started_again: Vec<_> = text.lines().filter(|line| line.contains("starting it again, empty")).collect();
    assert_eq!(started_again.len(), 1, "{text}");
    assert!(text.lines().count() <= 3, "{text}");
}

#[tokio::test]
async fn a_redis_that_cannot_be_started_again_ends_the_program() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("redis-server");
    let marker = directory.path().join("started");
    let path = std::env::var("PATH").unwrap();
    let text = format!(
        "#!/bin/sh\nif [ -e '{marker}' ]; then echo 'no more memory'; exit 3; fi\ntouch '{marker}'\nPATH='{path}' exec redis-server \"$@\"\n",
        marker = marker.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();

    let mut program = Program::start(Some(directory.path()), &[]).await;
    program.kill_redis().await;
    let status = timeout(DEADLINE, program.child.wait()).await.expect("the program goes on without a Redis").unwrap();
    assert_eq!(status.code(), Some(1));
    let text = program.errors().await;
    assert!(text.lines().last().unwrap().starts_with("upstash-local: "), "{text}");
    assert!(text.contains("no more memory"), "{text}");
    assert!(text.lines().count() < 12, "{text}");
}

#[tokio::test]
async fn an_outage_of_a_shared_redis_is_logged_once() {
    let mut redis = crate::redis_server::RedisServer::start();
    let program = Program::start(None, &["--redis-url", &redis.url()]).await;
    redis.stop();
    for _ in 0..50 {
        assert_eq!(program.run(json!(["PING"])).await.unwrap().0, 500);
    }
    redis.restart();
    program.until_it_answers().await;
    redis.stop();
    assert_eq!(program.run(json!(["PING"])).await.unwrap().0, 500);
    let text = program.errors().await;
    let named = |part: &str| text.lines().filter(|line| line.contains(part)).count();
    assert_eq!((named("does not answer"), named("answers again")), (2, 1), "{text}");
    // The start names the things that are shared with other databases.
    assert_eq!(named("shared"), 1, "{text}");
}

/// The memory that 200 values of 10 MB would need in one answer.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_small_pipeline_does_not_fill_the_memory() {
    let program = Program::start(None, &[]).await;
    let half = "x".repeat(4 << 20);
    for _ in 0..2 {
        assert_eq!(program.run(json!(["APPEND", "k", half])).await.unwrap().0, 200);
    }
    let commands = vec![json!(["GET", "k"]); 200];
    let request = program.http.post(format!("{}/pipeline", program.url)).bearer_auth("local").json(&commands);
    let body = request.send().await.unwrap().bytes().await.unwrap();
    assert!(body.len() < 120 << 20, "{} bytes", body.len());
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.child.id().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 600 * 1024, "{} MiB", kib / 1024);
    assert_eq!(program.run(json!(["PING"])).await.unwrap().0, 200);
    // Redis, too, kept few replies at a time.
    let (_, info) = program.run(json!(["INFO", "memory"])).await.unwrap();
    let info = info["result"].as_str().unwrap();
    let peak = info.lines().find_map(|line| line.strip_prefix("used_memory_peak:")).unwrap();
    assert!(peak.parse::<u64>().unwrap() < 500 << 20, "{peak}");
}
