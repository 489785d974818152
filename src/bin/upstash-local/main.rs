//! `upstash-local`: a local Upstash for development, from the command line.

mod options;
mod start;
mod terminal;

use std::{
    ffi::OsString,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
};

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::{
    options::{Command, Options, Product},
    start::{start_kafka, start_qstash, start_redis, start_vector},
    terminal::{announce, stop_signal},
};

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
