//! Single commands that share requests.

use crate::support::{Wire, eventually, upstash};
use axum_upstash::{
    ErrorKind,
    client::{ReqwestTransport, RetryPolicy, Transport, TransportBody, TransportError},
    local::LocalRedis,
    redis::{Redis, RedisBuilder, RequestEvent, RequestKind},
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::{
    FutureExt, StreamExt,
    future::{join, join_all},
    stream::FuturesUnordered,
};
use http::{Request, Response};
use http_body_util::BodyExt;
use std::{
    pin::pin,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};
use tokio::sync::Semaphore;

/// Lets each request through only when told to.
#[derive(Clone)]
struct Held {
    inner: ReqwestTransport,
    permits: Arc<Semaphore>,
    bodies: Arc<Mutex<Vec<Bytes>>>,
}

impl Held {
    fn new() -> Self {
        let inner = ReqwestTransport::from_defaults().unwrap();
        Self { inner, permits: Arc::new(Semaphore::new(0)), bodies: Arc::default() }
    }

    /// The bodies handed to the transport so far.
    fn bodies(&self) -> Vec<String> {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().map(|body| String::from_utf8(body.to_vec()).unwrap()).collect()
    }

    async fn has_sent(&self, requests: usize) {
        eventually("the request", || async { (self.bodies().len() >= requests).then_some(()) }).await;
    }
}

impl Transport for Held {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<TransportBody>, TransportError>> {
        self.bodies.lock().unwrap().push(request.body().clone());
        let this = self.clone();
        Box::pin(async move {
            this.permits.acquire().await.unwrap().forget();
            this.inner.send(request).await
        })
    }
}

/// Polls a call until its command has left, which it does when its turn of the runtime has ended.
async fn begin(call: &mut (impl Future + Unpin)) {
    for _ in 0..2 {
        assert!((&mut *call).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
}

/// A builder that keeps what it is told of each request.
fn observed(local: &LocalRedis) -> (RedisBuilder, Arc<Mutex<Vec<RequestEvent>>>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    let builder = Redis::builder(local.url(), local.token())
        .on_request(move |event: &RequestEvent| sink.lock().unwrap().push(event.clone()));
    (builder, events)
}

#[tokio::test]
async fn a_lone_command_goes_alone_and_those_after_it_together_in_their_order() {
    let (local, _) = upstash().await;
    let (builder, events) = observed(&local);
    let held = Held::new();
    let redis = builder.transport(held.clone()).build().unwrap();
    let first = tokio::spawn({
        let redis = redis.clone();
        async move { redis.cmd("RPUSH").key("l").arg("0").query::<u64>().await.unwrap() }
    });
    held.has_sent(1).await;
    assert_eq!(held.bodies(), [r#"["RPUSH","l","0"]"#]);

    let rest = join_all((1..=100).map(|n| redis.cmd("RPUSH").key("l").arg(n).query::<u64>().into_future()));
    held.permits.add_permits(2);
    let lengths = rest.await;
    assert_eq!(first.await.unwrap(), 1);
    assert_eq!(lengths.into_iter().map(Result::unwrap).collect::<Vec<_>>(), (2..=101).collect::<Vec<u64>>());
    held.permits.add_permits(1);
    let list: Vec<u64> = redis.cmd("LRANGE").key("l").arg(0).arg(-1).query().await.unwrap();
    assert_eq!(list, (0..=100).collect::<Vec<_>>());

    let events = events.lock().unwrap();
    let seen: Vec<_> = events.iter().map(|event| (event.kind, event.commands, event.attempts, event.error)).collect();
    assert_eq!(
        seen,
        [
            (RequestKind::Single, 1, 1, None),
            (RequestKind::AutoPipeline, 100, 1, None),
            (RequestKind::Single, 1, 1, None)
        ]
    );
}

#[tokio::test]
async fn an_error_reaches_its_own_caller_only() {
    let (_local, redis) = upstash().await;
    redis.set("text", "x").await.unwrap();
    let (one, two, three) =
        tokio::join!(redis.incr("n").into_future(), redis.incr("text").into_future(), redis.incr("n").into_future());
    assert_eq!((one.unwrap(), three.unwrap()), (1, 2));
    let error = two.unwrap_err();
    assert_eq!((error.kind(), error.operation(), error.key()), (ErrorKind::Refused, Some("INCR"), Some("text")));
}

#[tokio::test]
async fn a_dropped_future_gives_up_its_own_command_and_nothing_else() {
    let (local, plain) = upstash().await;
    let held = Held::new();
    let redis = Redis::builder(local.url(), local.token()).transport(held.clone()).build().unwrap();
    let mut in_flight = Box::pin(redis.incr("in flight").into_future());
    begin(&mut in_flight).await;
    held.has_sent(1).await;
    let mut dropped = Box::pin(redis.incr("dropped").into_future());
    let mut kept = Box::pin(redis.incr("kept").into_future());
    assert!((&mut dropped).now_or_never().is_none());
    assert!((&mut kept).now_or_never().is_none());
    drop(dropped);
    // On its way already: its result is lost, the request is not.
    drop(in_flight);
    held.permits.add_permits(2);
    assert_eq!(kept.await.unwrap(), 1);
    assert_eq!(held.bodies()[1], r#"["INCR","kept"]"#);
    let counts = plain.mget::<Option<i64>>(["in flight", "dropped", "kept"]).await.unwrap();
    assert_eq!(counts, [Some(1), None, Some(1)]);
}

#[tokio::test]
async fn a_caller_who_does_not_poll_holds_up_nobody() {
    let (_local, redis) = upstash().await;
    let mut begun: FuturesUnordered<_> = (0..10).map(|n| redis.set(format!("k{n}"), n).into_future()).collect();
    // Polled until the first is done, and then left alone while another command is awaited.
    begun.next().await.unwrap().unwrap();
    let mut asleep = pin!(redis.get::<Option<i64>>("k0").into_future());
    assert!((&mut asleep).now_or_never().is_none());
    let awake = redis.get::<Option<i64>>("k0").timeout(Duration::from_secs(5)).await.unwrap();
    assert_eq!(awake, Some(0));
    assert_eq!(asleep.await.unwrap(), Some(0));
}

#[tokio::test]
async fn a_failed_request_fails_its_own_commands_and_repeats_only_reads() {
    let (local, plain) = upstash().await;
    let wire = Wire::new();
    let held = Held::new();
    plain.set("read", "r").await.unwrap();
    let redis = Redis::builder(local.url(), local.token())
        .transport(Chain { held: held.clone(), wire: wire.clone() })
        .build()
        .unwrap();
    let first = tokio::spawn({
        let redis = redis.clone();
        async move { redis.cmd("PING").await }
    });
    held.has_sent(1).await;
    let both = tokio::spawn({
        let redis = redis.clone();
        async move { tokio::join!(redis.incr("written").into_future(), redis.get::<String>("read").into_future()) }
    });
    held.permits.add_permits(1);
    first.await.unwrap().unwrap();
    held.has_sent(2).await;
    wire.lose_answers.store(true, Ordering::SeqCst);
    held.permits.add_permits(2);
    let (written, read) = both.await.unwrap();
    assert_eq!(written.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(read.unwrap(), "r");
    assert_eq!(plain.get::<i64>("written").await.unwrap(), 1);
}

/// Holds a request, and then sends it over the wire that loses answers.
#[derive(Clone)]
struct Chain {
    held: Held,
    wire: Wire,
}

impl Transport for Chain {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<TransportBody>, TransportError>> {
        self.held.bodies.lock().unwrap().push(request.body().clone());
        let this = self.clone();
        Box::pin(async move {
            this.held.permits.acquire().await.unwrap().forget();
            this.wire.send(request).await
        })
    }
}

/// Answers every pipeline by a 503 that asks for an hour.
#[derive(Clone)]
struct Overloaded(Held);

impl Transport for Overloaded {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<TransportBody>, TransportError>> {
        if request.uri().path() != "/pipeline" {
            return self.0.send(request);
        }
        Box::pin(async {
            let body = http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync();
            Ok(Response::builder().status(503).header("retry-after", "3600").body(body).unwrap())
        })
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_there_is_time() {
    let (local, _) = upstash().await;
    let held = Held::new();
    let redis = Redis::builder(local.url(), local.token()).transport(Overloaded(held.clone())).build().unwrap();
    let first = redis.incr("n").into_future();
    let both = async {
        held.has_sent(1).await;
        let both = join(redis.incr("n").into_future(), redis.get::<i64>("n").into_future());
        held.permits.add_permits(2);
        both.await
    };
    let (first, (written, read)) = tokio::join!(first, both);
    first.unwrap();
    assert_eq!(written.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(read.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(redis.get::<i64>("n").await.unwrap(), 1);
}

#[tokio::test]
async fn a_call_that_may_take_long_goes_beside_the_others() {
    let (local, _) = upstash().await;
    let held = Held::new();
    let redis = Redis::builder(local.url(), local.token()).transport(held.clone()).build().unwrap();
    let mut long = Box::pin(redis.incr("long").timeout(Duration::from_secs(3600)).into_future());
    begin(&mut long).await;
    let mut short = Box::pin(redis.incr("short").into_future());
    begin(&mut short).await;
    held.has_sent(2).await;
    held.permits.add_permits(2);
    assert_eq!((long.await.unwrap(), short.await.unwrap()), (1, 1));
}

#[tokio::test]
async fn a_slow_request_makes_room_for_others() {
    let (local, _) = upstash().await;
    let held = Held::new();
    let redis = Redis::builder(local.url(), local.token()).transport(held.clone()).build().unwrap();
    held.permits.add_permits(1);
    redis.set("n", 0).await.unwrap();
    let slow = tokio::spawn({
        let redis = redis.clone();
        async move { redis.incr("n").await }
    });
    held.has_sent(2).await;
    let other = tokio::spawn(async move { redis.incr("n").await });
    // It is sent although the one before has no answer.
    held.has_sent(3).await;
    held.permits.add_permits(2);
    let mut counts = [slow.await.unwrap().unwrap(), other.await.unwrap().unwrap()];
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
}

/// A value that JSON cannot carry is a request of its own. It is answered as if it were not.
#[tokio::test]
async fn what_goes_by_itself_is_awaited_like_the_rest() {
    let (_local, redis) = upstash().await;
    let bytes = [0xff_u8, 0, 0xfe];
    redis.set("bytes", bytes.as_slice()).await.unwrap();
    let (one, two) = tokio::join!(redis.get::<Vec<u8>>("bytes").into_future(), redis.incr("n").into_future());
    assert_eq!((one.unwrap().as_slice(), two.unwrap()), (bytes.as_slice(), 1));
}

#[tokio::test]
async fn requests_are_bounded_by_commands_and_by_bytes() {
    let (local, _) = upstash().await;
    let (builder, events) = observed(&local);
    let redis = builder.auto_pipelining_limits(10, 1 << 20).build().unwrap();
    let sums = join_all((0..200).map(|_| redis.incr("n").into_future())).await;
    // Requests are under way at the same time, and those of one may run between those of another.
    let mut sums: Vec<i64> = sums.into_iter().map(Result::unwrap).collect();
    sums.sort_unstable();
    assert_eq!(sums, (1..=200).collect::<Vec<_>>());
    {
        let events = events.lock().unwrap();
        assert_eq!(events.iter().map(|event| event.commands).sum::<usize>(), 200);
        assert!(events.iter().all(|event| event.commands <= 10));
        assert!(events.len() >= 20);
    }

    let (builder, events) = observed(&local);
    let redis = builder.auto_pipelining_limits(1000, 1000).build().unwrap();
    let large = "x".repeat(300);
    join_all((0..30).map(|n| redis.set(n, &large).into_future())).await.into_iter().for_each(Result::unwrap);
    // One larger than any request is alone, and is not refused.
    redis.set("larger", "x".repeat(5000)).await.unwrap();
    let events = events.lock().unwrap();
    assert!(events.iter().all(|event| event.commands <= 3), "{events:?}");
}

#[tokio::test]
async fn each_command_is_a_request_where_it_is_turned_off() {
    let (local, _) = upstash().await;
    let (builder, events) = observed(&local);
    let redis = builder.auto_pipelining(false).build().unwrap();
    join_all((0..20).map(|_| redis.incr("n").into_future())).await.into_iter().for_each(|sum| assert!(sum.is_ok()));
    let events = events.lock().unwrap();
    assert_eq!(events.len(), 20);
    assert!(events.iter().all(|event| event.kind == RequestKind::Single));
}

#[tokio::test]
async fn a_deadline_is_each_command_s_own() {
    let (local, _) = upstash().await;
    let held = Held::new();
    let redis =
        Redis::builder(local.url(), local.token()).transport(held.clone()).retry(RetryPolicy::never()).build().unwrap();
    let slow = tokio::spawn({
        let redis = redis.clone();
        async move { redis.incr("n").await }
    });
    held.has_sent(1).await;
    let error = redis.incr("n").timeout(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.to_string(), "INCR \"n\": no answer within 50ms");
    held.permits.add_permits(10);
    assert_eq!(slow.await.unwrap().unwrap(), 1);
    // The one that was given up was never sent.
    assert_eq!(redis.incr("n").await.unwrap(), 2);
}

#[test]
fn a_client_outlives_the_runtime_that_its_commands_were_sent_on() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let keeper = runtime();
    let (local, _) = keeper.block_on(upstash());
    let held = Held::new();
    let redis = Redis::builder(local.url(), local.token()).transport(held.clone()).build().unwrap();
    let first = runtime();
    let mut waiting = Box::pin(redis.incr("waiting").into_future());
    first.block_on(async {
        tokio::spawn({
            let redis = redis.clone();
            async move { redis.incr("lost").await }
        });
        held.has_sent(1).await;
        assert!((&mut waiting).now_or_never().is_none());
    });
    drop(first);
    held.permits.add_permits(10);
    let second = runtime();
    assert_eq!(second.block_on(async { (&mut waiting).await.unwrap() }), 1);
    assert_eq!(second.block_on(async { redis.incr("after").await.unwrap() }), 1);
}
