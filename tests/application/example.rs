//! The example as its comment says, and as two processes on one Redis.

use crate::times::now_ms;
use axum_upstash::local::LocalRedis;
use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

fn example() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| crate::programs::example("app"))
}

/// A running `examples/app.rs`, stopped when dropped.
struct App {
    process: Child,
    url: String,
}

impl App {
    fn start(variables: &[(&str, String)]) -> Self {
        let mut command = Command::new(example());
        for (name, _) in std::env::vars().filter(|(name, _)| name.contains("UPSTASH") || name.contains("QSTASH")) {
            command.env_remove(name);
        }
        command.env("PORT", "0").env("PUBLIC_URL", "http://127.0.0.1:3000").env_remove("SESSION_SECRET");
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the example prints its address").to_owned();
        Self { process, url }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The lines to try of the example's comment, each with what its output contains.
fn lines_to_try() -> Vec<(String, Vec<String>)> {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for line in include_str!("../../examples/app.rs").lines() {
        if let Some(command) = line.strip_prefix("//!     $ ") {
            lines.push((command.to_owned(), Vec::new()));
        } else if let (Some(wanted), Some((_, last))) = (line.strip_prefix("//!     > "), lines.last_mut()) {
            last.push(wanted.to_owned());
        }
    }
    lines
}

/// The example's limit counts in windows of ten seconds; what a test counts must not fall into two of them.
fn window() -> u64 {
    now_ms() / 10_000
}

fn early_in_a_window() -> u64 {
    let into = now_ms() % 10_000;
    if into > 6_000 {
        let begun = window();
        while window() == begun {
            std::thread::park_timeout(std::time::Duration::from_millis(10_000 - into));
        }
    }
    window()
}

fn try_the_lines(app: &App) {
    let folder = tempfile::tempdir().unwrap();
    early_in_a_window();
    let lines = lines_to_try();
    assert!(lines.len() > 15, "only {} lines were found", lines.len());
    for (line, wanted) in lines {
        let command = line.replace("http://127.0.0.1:3000", &app.url);
        let output = Command::new("sh").arg("-c").arg(&command).current_dir(folder.path()).output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        for wanted in wanted {
            assert!(output.contains(&wanted), "{line}\ndoes not print\n{wanted}\nbut\n{output}");
        }
    }
}

#[test]
fn every_line_to_try_works_as_printed_in_memory() {
    try_the_lines(&App::start(&[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_to_try_works_as_printed_with_a_local_upstash() {
    let local = LocalRedis::start().await.unwrap();
    let app = App::start(&local.environment());
    tokio::task::spawn_blocking(move || try_the_lines(&app)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_the_limit_the_sessions_and_the_cache() {
    let local = LocalRedis::start().await.unwrap();
    let apps = [App::start(&local.environment()), App::start(&local.environment())];
    let client = reqwest::Client::new();
    let get = |app: &App, path: &str| client.get(format!("{}{path}", app.url)).send();

    // A cached response made by one is a hit on the other, behind one name as with a load balancer in front.
    let prices = |app: &App| client.get(format!("{}/prices", app.url)).header("host", "shop.test").send();
    let made = prices(&apps[0]).await.unwrap();
    let hit = prices(&apps[1]).await.unwrap();
    assert!(hit.headers()["cache-status"].to_str().unwrap().contains("; hit; ttl="));
    assert_eq!(made.text().await.unwrap(), hit.text().await.unwrap());

    // A login on one is seen by the other.
    let login = client.post(format!("{}/login", apps[0].url)).body("user=ferris");
    let login = login.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let me = client.get(format!("{}/me", apps[1].url)).header("cookie", cookie).send().await.unwrap();
    assert_eq!(me.text().await.unwrap(), r#"{"logins":1,"user":"ferris"}"#);

    // Of 30 in parallel within one window of 10, ten pass.
    let begun = tokio::task::spawn_blocking(early_in_a_window).await.unwrap();
    let requests: Vec<_> = (0..30).map(|index| tokio::spawn(get(&apps[index % 2], "/"))).collect();
    let mut passed = 0;
    for request in requests {
        passed += u32::from(request.await.unwrap().unwrap().status() == 200);
    }
    assert_eq!(window(), begun, "the machine was too slow for one window");
    assert_eq!(passed, 10);
}
