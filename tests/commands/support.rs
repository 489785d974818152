use crate::redis_server::RedisServer;
use axum_upstash::{
    local::LocalRedis,
    redis::{Call, Redis, ResponseFormat},
};
use std::sync::atomic::{AtomicU64, Ordering};

/// The words that a call sends, and the expected ones, separated by one space, an empty one as `\"\"`.
pub type Form = (String, &'static str);

/// The wire form of `call`, beside the one that is wanted.
#[allow(clippy::needless_pass_by_value, reason = "a call is made for it")]
pub fn form<T>(call: Call<'_, T>, wanted: &'static str) -> Form {
    let words = call.command().iter().map(|word| match word {
        [] => "\"\"".to_owned(),
        word => String::from_utf8_lossy(word).into_owned(),
    });
    (words.collect::<Vec<_>>().join(" "), wanted)
}

/// A Redis by one way of reaching it.
pub struct Stage {
    pub redis: Redis,
    /// The name of the transport, for messages.
    pub name: &'static str,
    _behind: Behind,
}

/// Values that must live as long as the stage.
#[allow(dead_code, reason = "it is only held")]
enum Behind {
    Local(Box<LocalRedis>),
    Server(RedisServer),
}

impl Stage {
    /// Every way there is, each with an empty Redis of its own.
    pub async fn all() -> Vec<Self> {
        let local = LocalRedis::start().await.unwrap();
        let redis = Redis::new(local.url(), local.token()).unwrap();
        let server = RedisServer::start();
        let tcp = Redis::tcp(server.url()).build().unwrap();
        let other = LocalRedis::start().await.unwrap();
        let builder = Redis::builder(other.url(), other.token()).response_format(ResponseFormat::Resp2);
        let resp2 = builder.build().unwrap();
        vec![
            Self { redis: resp2, name: "REST with RESP2", _behind: Behind::Local(Box::new(other)) },
            Self { redis, name: "REST", _behind: Behind::Local(Box::new(local)) },
            Self { redis: tcp, name: "TCP", _behind: Behind::Server(server) },
        ]
    }

    /// A key that no other test has.
    pub fn key(&self, name: &str) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        format!("{name}:{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether the Redis at hand, or what stands before it, knows a command that not every Redis has.
    pub async fn knows(&self, name: &str) -> bool {
        match self.redis.cmd(name).await {
            Ok(_) => true,
            Err(error) => {
                let text = error.message().to_lowercase();
                !text.contains("unknown command") && !text.contains("not available") && !text.contains("not supported")
            }
        }
    }
}
