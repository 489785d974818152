use axum_upstash::local::LocalRedisConfig;
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

    pub(crate) fn config(&self, credentials: &str, database: u8) -> LocalRedisConfig {
        let url = format!("redis://{credentials}127.0.0.1:{}/{database}", self.server.port());
        LocalRedisConfig::default().with_redis_url(url)
    }

    pub(crate) async fn close_connections(&self) {
        assert_eq!(self.ask("CLIENT KILL TYPE normal SKIPME yes").await, ":16\r\n");
    }

    /// Sends a command past every server, and gives the reply as it is.
    pub(crate) async fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.server.port())).await.unwrap();
        stream.write_all(format!("AUTH p@ss\r\n{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let reply = answer.strip_prefix("+OK\r\n").and_then(|rest| rest.strip_suffix("+OK\r\n"));
        reply.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}
