use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use axum_upstash::local::{LocalQStash, LocalQStashBuilder, LocalRedisConfig};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// The token that is known to all.
pub(crate) const DEFAULT_TOKEN: &str = "local";

/// Serves Upstash Redis, QStash, Vector and Kafka on this machine, and prints the variables that clients read.
///
/// Redis: without a Redis URL it starts a redis-server or valkey-server of its own, which keeps nothing on disk. If that one
/// ends, it is started again, empty.
///
/// With a Redis URL, clients see the database of that URL. Some things in Redis have no database, and are shared with
/// all programs that use it: channels and their messages (PUBLISH, SUBSCRIBE, PUBSUB), libraries of functions, INFO.
/// A script can go to another database with SELECT, if the Redis user of the URL may: give it an ACL user without
/// `select` and `migrate`.
///
/// QStash: it has the accounts of the official development server, whose tokens are public knowledge, and delivers to this
/// machine alone, unless `--rewrite` or `--allow-network` says otherwise. It keeps everything in memory.
///
/// Vector: its index takes vectors of the dimension that is set, and texts, of which it makes vectors by hashing: they are near
/// to each other if they share words. It searches exactly, and keeps everything in memory.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The products to serve: all, if none is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Product>,
    #[command(flatten)]
    pub(crate) qstash: QStashOptions,
    #[command(flatten)]
    pub(crate) vector: VectorOptions,
    #[command(flatten)]
    pub(crate) kafka: KafkaOptions,
    /// The port of Redis; 0 takes any free one.
    #[arg(long, env = "UPSTASH_LOCAL_PORT", default_value_t = 8079)]
    pub(crate) port: u16,
    /// The IP address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// The token that clients must send.
    #[arg(long, env = "UPSTASH_LOCAL_TOKEN", default_value = DEFAULT_TOKEN, hide_env_values = true)]
    pub(crate) token: String,
    /// A running Redis: `redis://user:password@host:port/database` or `unix:///path`.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub(crate) redis_url: Option<String>,
    /// A second token, for clients that may only read.
    #[arg(long, env = "UPSTASH_LOCAL_READ_ONLY_TOKEN", hide_env_values = true)]
    pub(crate) read_only_token: Option<String>,
    /// The size in bytes beyond which requests, and the reply to one command, are refused.
    #[arg(long)]
    pub(crate) max_request_bytes: Option<usize>,
    /// The size in bytes of all replies to a pipeline, beyond which the next ones are refused.
    #[arg(long)]
    pub(crate) max_pipeline_reply_bytes: Option<usize>,
    /// The number of commands beyond which pipelines are refused.
    #[arg(long)]
    pub(crate) max_pipeline_commands: Option<usize>,
    /// The number of subscriptions beyond which more are refused.
    #[arg(long)]
    pub(crate) max_streams: Option<usize>,
    /// How many connections to Redis requests share.
    #[arg(long)]
    pub(crate) max_connections: Option<usize>,
    /// The number of commands after which all are refused, as when a plan's daily limit is reached.
    #[arg(long)]
    pub(crate) daily_commands: Option<u64>,
    /// The number of commands after which all are refused, as when the requests of a plan are used up.
    #[arg(long)]
    pub(crate) max_requests: Option<u64>,
}

/// What can be started apart.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves QStash alone, as the official `qstash dev` does.
    Dev {
        /// The port to listen on.
        #[arg(long, short, env = "QSTASH_DEV_PORT", default_value_t = 8080)]
        port: u16,
        /// The IP address to listen on.
        #[arg(long, default_value = "127.0.0.1")]
        host: IpAddr,
        #[command(flatten)]
        qstash: DeliveryOptions,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Product {
    Redis,
    Qstash,
    Vector,
    Kafka,
}

#[derive(Debug, Args)]
pub(crate) struct QStashOptions {
    /// The port of QStash; 0 takes any free one.
    #[arg(long, env = "QSTASH_DEV_PORT", default_value_t = 8080)]
    pub(crate) qstash_port: u16,
    #[command(flatten)]
    pub(crate) delivery: DeliveryOptions,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DeliveryOptions {
    /// Delivers what is for one origin to another: `https://app.example.com=http://127.0.0.1:3000`.
    #[arg(long, value_name = "FROM=TO")]
    pub(crate) rewrite: Vec<String>,
    /// Delivers to other machines as well. Any program that reaches this server can then send requests through it.
    #[arg(long)]
    pub(crate) allow_network: bool,
    /// How many times as fast delays, retries and schedules go.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) time_scale: f64,
    /// The retries beyond which messages are refused.
    #[arg(long)]
    pub(crate) max_retries: Option<u32>,
    /// The number of messages on a day after which all are refused.
    #[arg(long)]
    pub(crate) daily_messages: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct KafkaOptions {
    /// The port of Kafka over REST; 0 takes any free one.
    #[arg(long, env = "UPSTASH_LOCAL_KAFKA_PORT", default_value_t = 8092)]
    pub(crate) kafka_port: u16,
    /// A topic, with 1 partition or as many as follow it: `orders:3`. Others are made when they are first produced to.
    #[arg(long, value_name = "NAME[:PARTITIONS]")]
    pub(crate) kafka_topic: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct VectorOptions {
    /// The port of Vector; 0 takes any free one.
    #[arg(long, env = "UPSTASH_LOCAL_VECTOR_PORT", default_value_t = 8090)]
    pub(crate) vector_port: u16,
    /// The dimension of its index.
    #[arg(long, default_value_t = 384)]
    pub(crate) vector_dimension: usize,
    /// A JSON file of more indexes, each under a path of its name: `[{"name": "articles", "dimension_count": 768}]`, with the
    /// fields of the Developer API.
    #[arg(long, value_name = "FILE")]
    pub(crate) vector_indexes: Option<PathBuf>,
    /// The time in milliseconds after which queries find what was written.
    #[arg(long, default_value_t = 0)]
    pub(crate) vector_delay_ms: u64,
    /// A service that makes vectors of texts, with the embeddings API of OpenAI: `http://127.0.0.1:11434/v1/embeddings`.
    #[arg(long, value_name = "URL", requires = "embeddings_model")]
    pub(crate) embeddings_url: Option<String>,
    /// The model of that service.
    #[arg(long, value_name = "NAME", requires = "embeddings_url")]
    pub(crate) embeddings_model: Option<String>,
    /// The key of that service.
    #[arg(long, env = "EMBEDDINGS_API_KEY", hide_env_values = true)]
    pub(crate) embeddings_key: Option<String>,
    /// The number of queries on a day after which all are refused.
    #[arg(long)]
    pub(crate) daily_queries: Option<u64>,
    /// The number of updates of vectors on a day after which all are refused.
    #[arg(long)]
    pub(crate) daily_updates: Option<u64>,
}

impl DeliveryOptions {
    pub(crate) fn builder(&self, address: SocketAddr) -> Result<LocalQStashBuilder, String> {
        let mut builder = LocalQStash::builder().address(address).time_scale(self.time_scale);
        for rewrite in &self.rewrite {
            let (from, to) = rewrite.split_once('=').ok_or("--rewrite is FROM=TO, two URLs")?;
            builder = builder.rewrite(from, to);
        }
        if self.allow_network {
            builder = builder.allow_network();
        }
        if let Some(retries) = self.max_retries {
            builder = builder.max_retries(retries);
        }
        if let Some(messages) = self.daily_messages {
            builder = builder.daily_messages(messages);
        }
        Ok(builder)
    }
}

impl Options {
    pub(crate) fn serves(&self, product: Product) -> bool {
        self.only.is_empty() || self.only.contains(&product)
    }

    pub(crate) fn config(&self) -> LocalRedisConfig {
        let config = LocalRedisConfig::default()
            .with_address(SocketAddr::new(self.host, self.port))
            .with_token(self.token.as_str());
        // A variable that is set to nothing is not set.
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let config = optional(config, given(&self.redis_url), LocalRedisConfig::with_redis_url);
        let config = optional(config, given(&self.read_only_token), LocalRedisConfig::with_read_only_token);
        let config = optional(config, self.max_request_bytes, LocalRedisConfig::with_max_request_bytes);
        let config = optional(config, self.max_pipeline_commands, LocalRedisConfig::with_max_pipeline_commands);
        let config = optional(config, self.max_streams, LocalRedisConfig::with_max_streams);
        let config = optional(config, self.max_connections, LocalRedisConfig::with_max_connections);
        let config = optional(config, self.max_pipeline_reply_bytes, LocalRedisConfig::with_max_pipeline_reply_bytes);
        let config = optional(config, self.max_requests, LocalRedisConfig::with_max_requests);
        optional(config, self.daily_commands, LocalRedisConfig::with_daily_commands)
    }
}

fn optional<T>(
    config: LocalRedisConfig,
    value: Option<T>,
    set: impl FnOnce(LocalRedisConfig, T) -> LocalRedisConfig,
) -> LocalRedisConfig {
    match value {
        Some(value) => set(config, value),
        None => config,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Options;

    #[test]
    fn options_are_consistent() {
        Options::command().debug_assert();
    }
}
