use std::{io, net::SocketAddr, time::Duration};

use axum_upstash::local::{LocalError, LocalKafka, LocalQStash, LocalRedis, LocalVector, LocalVectorLimits};

use crate::options::{DEFAULT_TOKEN, DeliveryOptions, Options};

pub(crate) async fn start_redis(options: &Options) -> Result<LocalRedis, LocalError> {
    warn_of_default(options, "Redis");
    let upstash = LocalRedis::start_with(options.config()).await?;
    if upstash.redis_is_shared() {
        tracing::warn!(
            "the Redis of the URL is shared: channels, functions, INFO and what scripts SELECT are not kept to its \
             database; see --help"
        );
    }
    Ok(upstash)
}

pub(crate) async fn start_kafka(options: &Options) -> Result<LocalKafka, Box<dyn std::error::Error>> {
    warn_of_default(options, "Kafka");
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

pub(crate) async fn start_vector(options: &Options) -> Result<LocalVector, Box<dyn std::error::Error>> {
    let settings = &options.vector;
    warn_of_default(options, "Vector");
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

pub(crate) async fn start_qstash(
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

fn warn_of_default(options: &Options, product: &str) {
    if !options.host.is_loopback() && options.token == DEFAULT_TOKEN {
        tracing::warn!("other machines can reach {product} here, and its token is the default one: set --token");
    }
}
