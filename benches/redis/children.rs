//! The servers, each in a process of its own.

use axum_upstash::local::{LocalRedis, LocalRedisConfig};
use axum_upstash_bench_support::{Server, wait_for_end_of_input};
use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A redis-server on a free port.
pub struct RedisServer {
    child: Child,
    port: u16,
}

impl RedisServer {
    pub async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is needed");
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(tokio::time::Instant::now() < deadline, "redis-server did not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { child, port }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `upstash-local` before that Redis: this program, started once more.
pub struct LocalServer {
    _server: Server,
    pub url: String,
    pub token: String,
}

impl LocalServer {
    pub async fn start(redis_url: &str) -> Self {
        let server = Server::start(&["serve", redis_url], 2);
        let (url, token) = (server.line(0).to_owned(), server.line(1).to_owned());
        Self { _server: server, url, token }
    }
}

/// Serves until the other side closes the input.
pub async fn serve(redis_url: &str) {
    let local = LocalRedis::start_with(LocalRedisConfig::default().with_redis_url(redis_url)).await.unwrap();
    println!("{}\n{}", local.url(), local.token());
    tokio::task::spawn_blocking(wait_for_end_of_input).await.unwrap();
    local.shutdown().await;
}
