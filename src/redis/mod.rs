//! A client for Redis over REST, and over TCP.
//!
//! Every command of Upstash Redis has a method, on the client and, with the same name, on a [`Pipeline`]; any other goes
//! through [`Redis::cmd`]. The caller names the type of the reply ([`FromReply`]) and nothing is guessed: integers are
//! exact `i64`, a missing value is `None`, bytes stay bytes, and JSON is parsed if the type is [`Json`]. Keys, members and
//! values are text, bytes, numbers, or lists of these ([`ToArg`]).
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
//! // Lists and maps are arguments, and options are builders.
//! redis.hset("user:1", [("name", "Zoë"), ("city", "Gdańsk")]).await?;
//! redis.expire("user:1", Duration::from_secs(3600)).await?;
//!
//! // Any command, any reply.
//! let idle: Option<u64> = redis.cmd("OBJECT").arg("IDLETIME").key("greeting").query().await?;
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
//! only: a command with one argument that is not UTF-8 goes in the path form, with that argument as the body. If
//! neither form can carry a command, the error says so
//! ([REST API](https://upstash.com/docs/redis/features/restapi)).
//!
//! # How many requests
//! A single command goes at once. Commands share a request if they are issued in the same turn of the runtime, or while
//! there is no room for another request, and each gets its own result ([`RedisBuilder::auto_pipelining`]). An explicit
//! [`Pipeline`] is one request, and so is each page of a [`Scan`]. [`RedisBuilder::on_request`] counts them.
//!
//! # Order
//! A command that is awaited before another is issued runs before it. So do commands of one request, which are those of
//! one turn (`join!(redis.set(..), redis.get(..))`), in the order in which they were issued. Two exceptions are requests
//! of their own, in no order with the rest of the turn: a command with an argument that is not UTF-8, and one of more
//! than 1 MiB. Over TCP commands run in the order in which they were issued.
//!
//! # Connections
//! The first command connects, or [`Redis::connect`] does so before it. A dead connection does not outlive the deadline
//! of a call: see [`ReqwestTransport`](crate::client::ReqwestTransport) for REST. HTTP/2, which Upstash speaks, needs one
//! connection. Over HTTP/1.1 automatic pipelining uses up to four, and the rest is bounded by
//! [`RedisBuilder::max_connections`].
//!
//! # Messages
//! [`Redis::subscribe`], [`Redis::psubscribe`] and [`Redis::monitor`] are streams, opened again when they are lost.
//!
//! # Over TCP
//! With the feature `redis-tcp`, `Redis::tcp` and `Redis::cluster` reach a server of the Redis protocol with the same
//! commands, deadlines, errors and rules of repeating.
//!
//! # Repeating a command
//! Redis over REST is `POST` for everything, so the command decides ([`Access`]): a read is sent again after a broken connection
//! or a 5xx, anything else only if it provably never left ([`RetryPolicy`](crate::client::RetryPolicy)).
//!
//! # Read your writes
//! The `upstash-sync-token` of each answer goes out with the next request, so that a replica is not read before it
//! has what this client wrote ([Read your writes](https://upstash.com/docs/redis/howto/readyourwrites)).
//!
//! # On Workers and Lambda
//! On wasm32 commands share a request only if they are issued in the same turn: one `join!` of forty commands is one
//! request, and a command never waits for a request of another client's, which Cloudflare Workers may end at any time. A
//! client may be kept in a static. There is no TCP, and [`RedisBuilder::keep_warm`] does nothing. On Lambda all is as on a
//! server; connections may have died while the process was frozen, and are replaced.

mod access;
mod auto_pipeline;
mod backend;
mod bound;
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
mod network;
mod node;
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
mod warmth;

#[cfg(any(feature = "cache", feature = "qstash"))]
pub(crate) use self::script::RELEASE;
pub use self::{
    access::Access,
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
