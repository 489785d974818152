use std::process::Stdio;

use axum_upstash::local::LocalConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
};

use crate::support::eventually;

/// A Redis with a password, on a TCP port.
pub(crate) struct ForeignRedis {
    port: u16,
    pub(crate) process: Child,
    _directory: tempfile::TempDir,
}

impl ForeignRedis {
    pub(crate) async fn start() -> Self {
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

    pub(crate) fn config(&self, credentials: &str, database: u8) -> LocalConfig {
        let url = format!("redis://{credentials}127.0.0.1:{}/{database}", self.port);
        LocalConfig::default().with_redis_url(url)
    }

    pub(crate) async fn close_connections(&self) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(b"AUTH p@ss\r\nCLIENT KILL TYPE normal SKIPME yes\r\nQUIT\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("+OK\r\n:16\r\n"), "{answer}");
    }
}
