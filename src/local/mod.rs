//! A local Upstash, with no account and no network ([`LocalUpstash`]): the Redis REST protocol in front of a real Redis
//! ([`LocalRedis`]), QStash ([`LocalQStash`]), Vector
//! ([`LocalVector`]), and Kafka over REST ([`LocalKafka`]). Each can be started alone.
//!
//! [`LocalRedis::start`] starts a private `redis-server` (or `valkey-server`) from `PATH` and an HTTP server
//! on a free port of the loopback interface. Every client of Upstash Redis, in any language, can then be pointed
//! at [`url`](LocalRedis::url) and [`token`](LocalRedis::token). The `upstash-local` binary (feature `cli`)
//! serves all from the command line.
//!
//! # Example
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use axum_upstash::local::LocalRedis;
//!
//! let upstash = LocalRedis::start().await?;
//! let answer = reqwest::Client::new()
//!     .post(upstash.url())
//!     .bearer_auth(upstash.token())
//!     .body(r#"["SET", "greeting", "hello"]"#)
//!     .send()
//!     .await?;
//! assert_eq!(answer.text().await?, r#"{"result":"OK"}"#);
//! upstash.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Redis
//!
//! - One command: a JSON array (`POST /`) or a path (`GET /set/key/value`), to which a body and then the query string
//!   add arguments.
//! - `/pipeline` and `/multi-exec`.
//! - `/subscribe/{channel}`, `/psubscribe/{pattern}` and `/monitor` as server-sent events, each on a connection of its
//!   own. A line end in a message begins another `data:` line, as the specification of such events has it.
//! - `Authorization: Bearer` or the query parameter `_token`, with the token for everything or the one for reads
//!   alone; `Upstash-Encoding: base64`; `Upstash-Response-Format: resp2`; `upstash-sync-token`.
//! - The limits of Upstash, with its words: the size of requests and of replies, keys of 32 KiB, and, if they are set,
//!   the number of commands in a day and in all. In a pipeline each reply that is too large becomes an error, and so
//!   does each that makes the sum too large. The number of commands in a pipeline and of streams is bounded as well.
//! - Scripts with the flag `allow-key-locking`, which plain Redis does not know: the flag is taken out before
//!   Redis sees the script, and the script keeps the SHA-1 of its original text.
//! - Libraries of functions with that flag. Clients that list them get the code that they sent.
//!
//! The Redis behind has to be of version 6.2 or later, or a Valkey. If it is older than Upstash's version, scripts stand
//! in for hash fields that expire, `HGETDEL`, `HGETEX`, `HSETEX`, `HSCAN … NOVALUES`, `XDELEX`, the newer operations of
//! `BITOP`, and `JSON.*`. A JSON document is then text in a hash, of which nothing is lost, and paths have everything but
//! regular expressions. In these Upstash differs from every Redis, and so does this server:
//!
//! - `SCAN` goes on until it has found as many keys as were asked for (here at most 100,000 keys are looked at in a
//!   call), and has `WITHTYPE`.
//! - `ZRANGE` and `ZRANGESTORE` have `LIMIT` by rank.
//! - Trimming with `~` leaves an excess of fewer than a hundred entries alone, and is exact beyond that.
//! - `XACKDEL` deletes an entry that was acknowledged before: here each that is not pending, up to the last one that was
//!   delivered to the group.
//! - `XREADGROUP … NOACK` makes no consumer, and `XINFO CONSUMERS` of a group that is missing names none.
//! - `COPY` of a key onto itself and `UNLINK` of nothing do nothing, and `COMMAND` is empty.
//! - `FCALL_RO` calls functions that do not declare `no-writes` (not in a transaction, and only in a Redis that was
//!   started here).
//! - `JSON.SET` below a parent that is missing is an error, and `HEXPIRETIME` rounds down (in front of a Redis without
//!   these commands).
//!
//! A field that has expired is deleted when its hash is next named by a command, so that until then `KEYS`, `SCAN` and
//! `DBSIZE` may count a hash with nothing left. Scripts of clients see such fields, and one more field in which the
//! deadlines are kept.
//!
//! Not served: `SEARCH.*`, `AR*` and `VECTOR.*`, which no Redis here has; users and their tokens (`ACL`); and the
//! commands that Upstash does not offer over REST, those for the administrator of a Redis (`SLOWLOG`, `LATENCY`) among
//! them. Each is answered by HTTP 400 and an error. The server has one database, 0: commands that would leave it are
//! refused.
//!
//! On a loopback address, which is the default, requests that a web page of another origin may have sent are answered
//! by HTTP 403, whatever their token: see `Sec-Fetch-Site`, `Origin` and `Host`. A request for another protocol, as a
//! WebSocket is, is refused on every address.
//!
//! A connection on which no request begins within 60 s is closed, and a body that takes longer is answered by HTTP 408
//! ([`with_read_timeout`](LocalRedisConfig::with_read_timeout)).
//!
//! # QStash
//!
//! The REST API of QStash, version 2: messages, batches, queues, URL groups, schedules, the dead letter queue, logs, flow
//! control and signing keys. Messages are delivered as QStash delivers them: signed, again after failures (`Retry-After`,
//! `Upstash-Retry-Delay`, status 489), one after the other in queues, within their flow control, with callbacks.
//! The suites of the official JavaScript and Python SDKs pass against it, but for language models.
//!
//! It has the four accounts of the official development server, with their tokens and signing keys, so that the SDKs find
//! it by `QSTASH_DEV=true` if it listens on port 8080. All of that is public knowledge: it delivers to this machine alone,
//! unless a [rewrite](LocalQStashBuilder::rewrite), a [service](LocalQStashBuilder::destination) or
//! [`allow_network`](LocalQStashBuilder::allow_network) says otherwise. An attempt to reach another machine fails.
//!
//! A test has a router as destination, moves the clock [forward](LocalQStash::advance), and waits until all is
//! [idle](LocalQStash::idle). One destination that hangs leaves the others alone: hosts share the attempts that run.
//!
//! It differs from the service in what the service leaves open: redirects are failures, a repetition is told in the whole
//! account, and the time that a response asks for counts before the expression of the message. Not served: `api/llm`
//! and read-only tokens. It keeps everything in memory, the newest part of logs and dead letters.
//!
//! # Vector
//!
//! The REST API of Vector: records with dense, sparse and both vectors, queries by vectors and texts, several in one request,
//! with fusion and weights; queries that go on; fetching, deleting and walking records; updates; namespaces. The suites of the
//! official JavaScript and Python SDKs pass against it.
//!
//! Searches look at every vector, so that their results are exact, and their scores are those of the service to the last bit.
//! A million vectors of 384 dimensions take 25 ms on two cores. Searches that take every core come one after the other.
//!
//! The index at the root is dense and takes texts as well. Others are under paths of their names: `dense-2`, `sparse` and
//! `hybrid-2`, whose dense vectors have 2 dimensions, and `dense-embed` and `hybrid-embed`, which take texts, are always
//! there. [`LocalVectorBuilder::index`] and [`indexes_from_json`](LocalVectorBuilder::indexes_from_json) add more, and so do
//! `GET` and `POST /v2/vector/index`, and `GET` and `DELETE /v2/vector/index/{name}`, a part of the Developer API, whose key is
//! the server's token.
//!
//! Texts become vectors without a model: texts that share words, or parts of words, are near to each other. For those that
//! share a meaning, [`embeddings`](LocalVectorBuilder::embeddings) takes a service. Sparse vectors are BM25's.
//!
//! It decides what the service leaves open: a condition on a missing field does not hold, but `HAS NOT FIELD`; a vector of
//! zeros has the score 0.5; a text in a filter may have a backslash before a quote; an index that is named twice in a sparse
//! vector has the sum of both values; a query that goes on gives no id twice, even if the record was written anew; a field
//! that no call has is refused, as it is misspelt. It keeps everything in memory.
//!
//! # Kafka
//!
//! Kafka over REST, as Upstash offered it until March 2025, for code and tests that have to go on: producing by body, path and
//! webhook, consuming with groups, fetching, commits, topics, groups and offsets by time. The suite of the official SDK passes
//! against it. There are no schema registry, connectors and bridges to a real Kafka.
//!
//! Keys choose their partitions as in Kafka's own clients. The instances of a group share the partitions of each topic by
//! ranges. A message is done when its instance polls again, and is committed when it is time for that: those of an instance that
//! does not come back come again, and so do those whose answer was not written. A group that began at the latest message and has
//! committed nothing goes on from there. A commit beyond the end of a partition is refused (400), and so is a poll of an
//! instance that another request polls (409). Everything is in memory, of each partition the newest messages, and at most
//! 10,000 groups: of those without instances, the one goes that was not used for the longest time.
//!
//! # A Redis that is shared
//!
//! With [`with_redis_url`](LocalRedisConfig::with_redis_url) other programs may use the same Redis. Clients of this server
//! see the database of the URL: `FLUSHALL` empties that one, `/monitor` shows the commands of that one, and commands
//! that change or show the whole Redis are refused (`FUNCTION FLUSH`, `SCRIPT FLUSH`, `CONFIG SET`).
//!
//! Channels, libraries of functions and `INFO` have no database, and are shared. Scripts are not looked into: if the
//! Redis user of the URL may, a script can `SELECT` another database or `MIGRATE` a key to another Redis. An ACL user
//! without these two commands prevents it.
//!
//! # Lifetime
//!
//! The server is a task of the runtime in which it was started: it ends with that runtime, with
//! [`shutdown`](LocalRedis::shutdown), or when the [`LocalRedis`] is dropped. A Redis that it started ends with it.
//! When the process is killed, or exits without dropping the value, a watchdog (`sh`, on Unix) ends that Redis. If
//! there is no `sh`, the Redis stays behind.
//!
//! A Redis of the server's own that ends by itself is started again, empty, up to five times in close succession. The
//! program `upstash-local` then ends with an error; a [`LocalRedis`] tells it by
//! [`redis_failed`](LocalRedis::redis_failed), and answers HTTP 500. An outage is logged once when it begins and once
//! when it ends.
//!
//! It is made for tests and development: one token, no TLS, and a Redis that keeps nothing on disk.

// On purpose nothing here is shared with the clients of this crate, not even small types that look alike: a mistake
// in common code would be on both sides of a test, and so hide itself.
mod chance;
mod clock;
mod error;
mod http;
mod journal;
mod kafka;
mod qstash;
mod redis;
mod refusal;
mod secret;
mod upstash;
mod vector;

pub use self::{
    error::LocalError,
    kafka::{LocalKafka, LocalKafkaBuilder, LocalKafkaRights},
    qstash::{LocalMessage, LocalMessageState, LocalQStash, LocalQStashBuilder, LocalQStashFaults},
    redis::{LocalRedis, LocalRedisConfig},
    upstash::{LocalUpstash, LocalUpstashBuilder},
    vector::{
        LocalVector, LocalVectorBuilder, LocalVectorFaults, LocalVectorIndex, LocalVectorLimits, LocalVectorSimilarity,
    },
};

#[cfg(fuzzing)]
pub(crate) use self::{qstash::fuzzing as qstash_fuzzing, redis::fuzzing, vector::fuzzing as vector_fuzzing};
