use axum_upstash::local::LocalConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::redis_server::RedisServer;

/// A Redis with a password, on a TCP port.
pub(crate) struct ForeignRedis {
    pub(crate) server: RedisServer,
}

impl ForeignRedis {
    pub(crate) fn start() -> Self {
        Self { server: RedisServer::with(&["--requirepass", "p@ss"]) }
    }

    pub(crate) fn config(&self, credentials: &str, database: u8) -> LocalConfig {
        let url = format!("redis://{credentials}127.0.0.1:{}/{database}", self.server.port());
        LocalConfig::default().with_redis_url(url)
    }

    pub(crate) async fn close_connections(&self) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.server.port())).await.unwrap();
        stream.write_all(b"AUTH p@ss\r\nCLIENT KILL TYPE normal SKIPME yes\r\nQUIT\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("+OK\r\n:16\r\n"), "{answer}");
    }
}
