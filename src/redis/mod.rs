//! A client for Redis over REST.
//!
//! Any command goes through [`Redis::cmd`]; those used most have a method of their own, on the client and,
//! with the same name, on a [`Pipeline`]. The caller names the type of the reply ([`FromReply`]) and nothing is
//! guessed: integers are exact `i64`, a missing value is `None`, bytes stay bytes.
//!
//! ```no_run
//! use axum_upstash::redis::{Redis, SetOptions};
//! use std::time::Duration;
//!
//! # async fn run() -> Result<(), axum_upstash::Error> {
//! let redis = Redis::new("https://eu1-example.upstash.io", "token")?;
//!
//! redis.set_with("greeting", "hello", SetOptions::new().expire(Duration::from_secs(60))).await?;
//! let greeting: Option<String> = redis.get("greeting").await?;
//! assert_eq!(greeting.as_deref(), Some("hello"));
//!
//! // Any command, any reply.
//! let encoding: Option<String> = redis.cmd("OBJECT").arg("ENCODING").key("greeting").query().await?;
//!
//! // One request, typed results; an error reaches only its own command.
//! let mut pipe = redis.pipeline();
//! let visits = pipe.incr("visits");
//! let name = pipe.hget::<Option<String>>("user:1", "name");
//! let mut results = pipe.exec().await?;
//! println!("{} visits, {:?}", results.take(visits)?, results.take(name)?);
//! # Ok(())
//! # }
//! ```
//!
//! # What is sent
//! `POST` of a JSON array with `Upstash-Encoding: base64`, so that replies are bytes end to end. JSON carries text
//! only: a command with one argument that is not UTF-8 goes in the path form, with that argument as the body; where
//! neither form can carry a command the error says so
//! ([REST API](https://upstash.com/docs/redis/features/restapi)).
//!
//! # Repeating a command
//! Redis over REST is `POST` for everything, so the command decides: a read is sent again after a broken connection
//! or a 5xx, anything else only where it provably never left ([`RetryPolicy`](crate::http::RetryPolicy)).
//!
//! # Read your writes
//! The `upstash-sync-token` of each answer goes out with the next request, so that a replica is not read before it
//! has what this client wrote ([Read your writes](https://upstash.com/docs/redis/howto/readyourwrites)).

mod auto_pipeline;
mod backend;
mod builder;
mod call;
mod client;
mod command;
mod commands;
mod encode;
mod error;
mod event_source;
mod from_reply;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod observe;
mod pipeline;
mod pubsub;
mod reply;
mod resp2;
mod rest;
mod scan;
mod script;
pub mod search;
mod sse;
mod sync_token;
#[cfg(feature = "redis-tcp")]
mod tcp;

pub use self::{
    builder::RedisBuilder,
    call::Call,
    client::{KeyLocking, Redis},
    command::{Cmd, ToArg},
    commands::*,
    from_reply::{FromReply, Json, Pairs, ReplyTypeError},
    observe::{RequestEvent, RequestKind},
    pipeline::{Pipeline, Results, Slot},
    pubsub::{Message, Monitor, MonitorEvent, PubSubEvent, Subscription},
    reply::Reply,
    rest::ResponseFormat,
    scan::Scan,
    script::{Script, ScriptCall},
};

#[cfg(feature = "redis-tcp")]
pub use self::tcp::RedisTcpBuilder;
