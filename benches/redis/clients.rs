use axum_upstash::{
    client::ReqwestTransport,
    redis::{Redis, ResponseFormat},
};
use redis::{AsyncCommands, IntoConnectionInfo, aio::MultiplexedConnection, io::tcp::TcpSettings};

/// A client that is compared.
#[derive(Clone)]
pub enum Client {
    Ours(Redis),
    Crate(MultiplexedConnection),
}

impl Client {
    pub const NAMES: [&str; 6] = [
        "ours",
        "ours over HTTP/1.1 only",
        "ours, RESP2",
        "ours, a request each",
        "ours over TCP",
        "redis crate over TCP",
    ];

    pub fn is_tcp(name: &str) -> bool {
        name.contains("TCP")
    }

    pub async fn new(name: &str, port: u16, token: &str) -> Self {
        let rest = Redis::builder(format!("http://127.0.0.1:{port}"), token);
        let tcp = format!("redis://127.0.0.1:{port}");
        Self::Ours(match name {
            "ours" => rest.build().unwrap(),
            "ours over HTTP/1.1 only" => {
                let client = ReqwestTransport::client_builder().http1_only().build().unwrap();
                rest.transport(ReqwestTransport::new(client)).build().unwrap()
            }
            "ours, RESP2" => rest.response_format(ResponseFormat::Resp2).build().unwrap(),
            "ours, a request each" => rest.auto_pipelining(false).build().unwrap(),
            "ours over TCP" => Redis::tcp(tcp).build().unwrap(),
            _ => {
                let settings = TcpSettings::default().set_nodelay(true);
                let info = tcp.into_connection_info().unwrap().set_tcp_settings(settings);
                let client = redis::Client::open(info).unwrap();
                let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
                return Self::Crate(client.get_multiplexed_async_connection_with_config(&config).await.unwrap());
            }
        })
    }

    pub async fn set(&self, key: &str) -> bool {
        match self {
            Self::Ours(redis) => redis.set(key, "0123456789").await.is_ok(),
            Self::Crate(connection) => connection.clone().set::<_, _, ()>(key, "0123456789").await.is_ok(),
        }
    }

    pub async fn get(&self, key: &str) -> bool {
        let value = match self {
            Self::Ours(redis) => redis.get::<Option<String>>(key).await.ok(),
            Self::Crate(connection) => connection.clone().get::<_, Option<String>>(key).await.ok(),
        };
        value.is_some_and(|value| value.is_none_or(|value| value == "0123456789"))
    }
}
