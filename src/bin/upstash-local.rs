//! `upstash-local`: a local Upstash for development, from the command line.

use std::{
    ffi::OsString,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use axum_upstash::local::{
    LocalError, LocalKafka, LocalQStash, LocalQStashBuilder, LocalRedis, LocalRedisConfig, LocalVector,
    LocalVectorLimits,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

const DEFAULT_TOKEN: &str = "local";

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
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// The products to serve: all, if none is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Product>,
    #[command(flatten)]
    qstash: QStashOptions,
    #[command(flatten)]
    vector: VectorOptions,
    #[command(flatten)]
    kafka: KafkaOptions,
    /// The port of Redis; 0 takes any free one.
    #[arg(long, env = "UPSTASH_LOCAL_PORT", default_value_t = 8079)]
    port: u16,
    /// The IP address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The token that clients must send.
    #[arg(long, env = "UPSTASH_LOCAL_TOKEN", default_value = DEFAULT_TOKEN, hide_env_values = true)]
    token: String,
    /// A running Redis: `redis://user:password@host:port/database` or `unix:///path`.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// A second token, for clients that may only read.
    #[arg(long, env = "UPSTASH_LOCAL_READ_ONLY_TOKEN", hide_env_values = true)]
    read_only_token: Option<String>,
    /// The size in bytes beyond which requests, and the reply to one command, are refused.
    #[arg(long)]
    max_request_bytes: Option<usize>,
    /// The size in bytes of all replies to a pipeline, beyond which the next ones are refused.
    #[arg(long)]
    max_pipeline_reply_bytes: Option<usize>,
    /// The number of commands beyond which pipelines are refused.
    #[arg(long)]
    max_pipeline_commands: Option<usize>,
    /// The number of subscriptions beyond which more are refused.
    #[arg(long)]
    max_streams: Option<usize>,
    /// How many connections to Redis requests share.
    #[arg(long)]
    max_connections: Option<usize>,
    /// The number of commands after which all are refused, as when a plan's daily limit is reached.
    #[arg(long)]
    daily_commands: Option<u64>,
    /// The number of commands after which all are refused, as when the requests of a plan are used up.
    #[arg(long)]
    max_requests: Option<u64>,
}

/// What can be started apart.
#[derive(Debug, Subcommand)]
enum Command {
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
enum Product {
    Redis,
    Qstash,
    Vector,
    Kafka,
}

#[derive(Debug, Args)]
struct QStashOptions {
    /// The port of QStash; 0 takes any free one.
    #[arg(long, env = "QSTASH_DEV_PORT", default_value_t = 8080)]
    qstash_port: u16,
    #[command(flatten)]
    delivery: DeliveryOptions,
}

#[derive(Debug, Clone, Args)]
struct DeliveryOptions {
    /// Delivers what is for one origin to another: `https://app.example.com=http://127.0.0.1:3000`.
    #[arg(long, value_name = "FROM=TO")]
    rewrite: Vec<String>,
    /// Delivers to other machines as well. Any program that reaches this server can then send requests through it.
    #[arg(long)]
    allow_network: bool,
    /// How many times as fast delays, retries and schedules go.
    #[arg(long, default_value_t = 1.0)]
    time_scale: f64,
    /// The retries beyond which messages are refused.
    #[arg(long)]
    max_retries: Option<u32>,
    /// The number of messages on a day after which all are refused.
    #[arg(long)]
    daily_messages: Option<u64>,
}

#[derive(Debug, Args)]
struct KafkaOptions {
    /// The port of Kafka over REST; 0 takes any free one.
    #[arg(long, env = "UPSTASH_LOCAL_KAFKA_PORT", default_value_t = 8092)]
    kafka_port: u16,
    /// A topic, with 1 partition or as many as follow it: `orders:3`. Others are made when they are first produced to.
    #[arg(long, value_name = "NAME[:PARTITIONS]")]
    kafka_topic: Vec<String>,
}

#[derive(Debug, Args)]
struct VectorOptions {
    /// The port of Vector; 0 takes any free one.
    #[arg(long, env = "UPSTASH_LOCAL_VECTOR_PORT", default_value_t = 8090)]
    vector_port: u16,
    /// The dimension of its index.
    #[arg(long, default_value_t = 384)]
    vector_dimension: usize,
    /// A JSON file of more indexes, each under a path of its name: `[{"name": "articles", "dimension_count": 768}]`, with the
    /// fields of the Developer API.
    #[arg(long, value_name = "FILE")]
    vector_indexes: Option<PathBuf>,
    /// The time in milliseconds after which queries find what was written.
    #[arg(long, default_value_t = 0)]
    vector_delay_ms: u64,
    /// A service that makes vectors of texts, with the embeddings API of OpenAI: `http://127.0.0.1:11434/v1/embeddings`.
    #[arg(long, value_name = "URL", requires = "embeddings_model")]
    embeddings_url: Option<String>,
    /// The model of that service.
    #[arg(long, value_name = "NAME", requires = "embeddings_url")]
    embeddings_model: Option<String>,
    /// The key of that service.
    #[arg(long, env = "EMBEDDINGS_API_KEY", hide_env_values = true)]
    embeddings_key: Option<String>,
    /// The number of queries on a day after which all are refused.
    #[arg(long)]
    daily_queries: Option<u64>,
    /// The number of updates of vectors on a day after which all are refused.
    #[arg(long)]
    daily_updates: Option<u64>,
}

impl DeliveryOptions {
    fn builder(&self, address: SocketAddr) -> Result<LocalQStashBuilder, String> {
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
    fn serves(&self, product: Product) -> bool {
        self.only.is_empty() || self.only.contains(&product)
    }

    fn config(&self) -> LocalRedisConfig {
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

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(Options::parse_from(std::env::args_os().map(with_two_hyphens))).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "upstash-local: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The official program takes `-port` as well.
fn with_two_hyphens(argument: OsString) -> OsString {
    if argument == "-port" { "--port".into() } else { argument }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    // Before the start: a signal that comes during it must not leave a Redis behind.
    let stop = stop_signal()?;
    tokio::pin!(stop);
    if let Some(Command::Dev { port, host, qstash }) = &options.command {
        let qstash = start_qstash(qstash, SocketAddr::new(*host, *port)).await?;
        // The line that the official SDKs wait for.
        announce(&format!("# QStash is running at {}", qstash.url()), &qstash.environment())?;
        stop.await;
        qstash.shutdown().await;
        return Ok(());
    }
    let qstash = if options.serves(Product::Qstash) {
        let address = SocketAddr::new(options.host, options.qstash.qstash_port);
        Some(start_qstash(&options.qstash.delivery, address).await?)
    } else {
        None
    };
    let vector = if options.serves(Product::Vector) { Some(start_vector(&options).await?) } else { None };
    let kafka = if options.serves(Product::Kafka) { Some(start_kafka(&options).await?) } else { None };
    let redis = if options.serves(Product::Redis) {
        tokio::select! {
            () = &mut stop => return Ok(()),
            started = start_redis(&options) => Some(started?),
        }
    } else {
        None
    };
    if let Some(redis) = &redis {
        announce(&format!("# upstash-local listens on {}", redis.url()), &redis.environment())?;
    }
    if let Some(qstash) = &qstash {
        announce(&format!("# QStash is running at {}", qstash.url()), &qstash.environment())?;
    }
    if let Some(vector) = &vector {
        announce(&format!("# Vector is running at {}", vector.url()), &vector.environment())?;
    }
    if let Some(kafka) = &kafka {
        announce(&format!("# Kafka is running at {}", kafka.url()), &kafka.environment())?;
    }
    let given_up = async {
        match &redis {
            Some(redis) => redis.redis_failed().await,
            None => std::future::pending().await,
        }
    };
    let failure = tokio::select! {
        () = &mut stop => None,
        error = given_up => Some(error),
    };
    if let Some(qstash) = qstash {
        qstash.shutdown().await;
    }
    if let Some(vector) = vector {
        vector.shutdown().await;
    }
    if let Some(kafka) = kafka {
        kafka.shutdown().await;
    }
    if let Some(redis) = redis {
        redis.shutdown().await;
    }
    match failure {
        Some(error) => Err(format!("its Redis was given up: {error}").into()),
        None => Ok(()),
    }
}

async fn start_redis(options: &Options) -> Result<LocalRedis, LocalError> {
    if !options.host.is_loopback() && options.token == DEFAULT_TOKEN {
        tracing::warn!("other machines can reach this server, and its token is the default one: set --token");
    }
    let upstash = LocalRedis::start_with(options.config()).await?;
    if upstash.redis_is_shared() {
        tracing::warn!(
            "the Redis of the URL is shared: channels, functions, INFO and what scripts SELECT are not kept to its \
             database; see --help"
        );
    }
    Ok(upstash)
}

async fn start_kafka(options: &Options) -> Result<LocalKafka, Box<dyn std::error::Error>> {
    if !options.host.is_loopback() && options.token == DEFAULT_TOKEN {
        tracing::warn!("other machines can reach Kafka here, and its password is the default one: set --token");
    }
    let address = SocketAddr::new(options.host, options.kafka.kafka_port);
    let mut builder = LocalKafka::builder().address(address).user(DEFAULT_TOKEN, options.token.as_str());
    for topic in &options.kafka.kafka_topic {
        let (name, partitions) = match topic.rsplit_once(':') {
            Some((name, partitions)) => {
                (name, partitions.parse().map_err(|_| "--kafka-topic is NAME or NAME:PARTITIONS")?)
            }
            None => (topic.as_str(), 1),
        };
        builder = builder.topic(name, partitions);
    }
    Ok(builder.start().await?)
}

async fn start_vector(options: &Options) -> Result<LocalVector, Box<dyn std::error::Error>> {
    let settings = &options.vector;
    if !options.host.is_loopback() && options.token == DEFAULT_TOKEN {
        tracing::warn!("other machines can reach Vector here, and its token is the default one: set --token");
    }
    let defaults = LocalVectorLimits::default();
    let limits = LocalVectorLimits {
        request_bytes: options.max_request_bytes.unwrap_or(defaults.request_bytes),
        daily_queries: settings.daily_queries,
        daily_updates: settings.daily_updates,
        ..defaults
    };
    let mut builder = LocalVector::builder()
        .address(SocketAddr::new(options.host, settings.vector_port))
        .token(options.token.as_str())
        .dimension(settings.vector_dimension)
        .indexing_delay(Duration::from_millis(settings.vector_delay_ms))
        .limits(limits);
    if let Some(file) = &settings.vector_indexes {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        builder = builder.indexes_from_json(&text);
    }
    if let (Some(url), Some(model)) = (&settings.embeddings_url, &settings.embeddings_model) {
        // A variable that is set to nothing is not set.
        builder = builder.embeddings(url, model, settings.embeddings_key.clone().filter(|key| !key.is_empty()));
    }
    if let Some(token) = options.read_only_token.as_ref().filter(|token| !token.is_empty()) {
        builder = builder.read_only_token(token);
    }
    Ok(builder.start().await?)
}

async fn start_qstash(
    options: &DeliveryOptions,
    address: SocketAddr,
) -> Result<LocalQStash, Box<dyn std::error::Error>> {
    if !address.ip().is_loopback() {
        tracing::warn!("other machines can reach QStash here, and its tokens are public knowledge");
    }
    if options.allow_network {
        tracing::warn!("QStash delivers to other machines: a program that reaches it can send requests through it");
    }
    let started = options.builder(address)?.start().await;
    started.map_err(|error| match &error {
        // In the words that the official SDKs look for.
        LocalError::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
            format!("listen tcp {address}: bind: address already in use: {address}").into()
        }
        _ => error.into(),
    })
}

/// Prints lines that a shell can read, too.
fn announce(title: &str, environment: &[(&'static str, String)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{title}")?;
    for (name, value) in environment {
        writeln!(out, "export {name}={}", quoted(value))?;
    }
    out.flush()
}

fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+,=".contains(&byte);
    if value.bytes().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_consistent() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }

    #[test]
    fn quotes_what_a_shell_would_read() {
        assert_eq!(quoted("http://127.0.0.1:8079"), "http://127.0.0.1:8079");
        assert_eq!(quoted("a$b"), "'a$b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
