//! `upstash-local`: a local Upstash for development, from the command line.

use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    process::ExitCode,
};

use axum_upstash::local::{LocalConfig, LocalUpstash};
use clap::Parser;
use tracing_subscriber::EnvFilter;

const DEFAULT_TOKEN: &str = "local";

/// Serves the Upstash Redis REST API in front of a real Redis.
///
/// Without a Redis URL it starts a redis-server or valkey-server of its own, which keeps nothing on disk. If that one
/// ends, it is started again, empty.
///
/// With a Redis URL, clients see the database of that URL. Some things in Redis have no database, and are shared with
/// all programs that use it: channels and their messages (PUBLISH, SUBSCRIBE, PUBSUB), libraries of functions, INFO.
/// A script can go to another database with SELECT, if the Redis user of the URL may: give it an ACL user without
/// `select` and `migrate`.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The port to listen on; 0 takes any free one.
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

impl Options {
    fn config(&self) -> LocalConfig {
        let config =
            LocalConfig::default().with_address(SocketAddr::new(self.host, self.port)).with_token(self.token.as_str());
        // A variable that is set to nothing is not set.
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let config = optional(config, given(&self.redis_url), LocalConfig::with_redis_url);
        let config = optional(config, given(&self.read_only_token), LocalConfig::with_read_only_token);
        let config = optional(config, self.max_request_bytes, LocalConfig::with_max_request_bytes);
        let config = optional(config, self.max_pipeline_commands, LocalConfig::with_max_pipeline_commands);
        let config = optional(config, self.max_streams, LocalConfig::with_max_streams);
        let config = optional(config, self.max_connections, LocalConfig::with_max_connections);
        let config = optional(config, self.max_pipeline_reply_bytes, LocalConfig::with_max_pipeline_reply_bytes);
        let config = optional(config, self.max_requests, LocalConfig::with_max_requests);
        optional(config, self.daily_commands, LocalConfig::with_daily_commands)
    }
}

fn optional<T>(config: LocalConfig, value: Option<T>, set: impl FnOnce(LocalConfig, T) -> LocalConfig) -> LocalConfig {
    match value {
        Some(value) => set(config, value),
        None => config,
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "upstash-local: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    if !options.host.is_loopback() && options.token == DEFAULT_TOKEN {
        tracing::warn!("other machines can reach this server, and its token is the default one: set --token");
    }
    // Before the start: a signal that comes during it must not leave a Redis behind.
    let stop = stop_signal()?;
    let config = options.config();
    tokio::pin!(stop);
    let upstash = tokio::select! {
        () = &mut stop => return Ok(()),
        started = LocalUpstash::start_with(config) => started?,
    };
    if upstash.redis_is_shared() {
        tracing::warn!(
            "the Redis of the URL is shared: channels, functions, INFO and what scripts SELECT are not kept to its \
             database; see --help"
        );
    }
    announce(&upstash)?;
    let failure = tokio::select! {
        () = &mut stop => None,
        error = upstash.redis_failed() => Some(error),
    };
    upstash.shutdown().await;
    match failure {
        Some(error) => Err(format!("its Redis was given up: {error}").into()),
        None => Ok(()),
    }
}

/// Prints lines that a shell can read, too.
fn announce(upstash: &LocalUpstash) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "# upstash-local listens on {}", upstash.url())?;
    for (name, value) in upstash.environment() {
        writeln!(out, "export {name}={}", quoted(&value))?;
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
