//! The server, in a process of its own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use axum::Router;
use axum_upstash::local::LocalQStash;

/// A local QStash: this program, started once more.
pub struct Server {
    child: Child,
    pub url: String,
}

impl Server {
    pub fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let url = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        Self { child, url }
    }

    /// The most memory that its process had, if the system tells it.
    pub fn peak_memory(&self) -> Option<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until the other side closes the input.
pub async fn serve() {
    let app = Router::new().fallback(|| async { "received" });
    let local = LocalQStash::builder().destination(crate::DESTINATION, app).start().await.unwrap();
    println!("{}", local.url());
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await.unwrap().unwrap();
}
