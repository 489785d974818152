//! Subscriptions and monitors.

use std::time::Duration;

use axum_upstash::local::LocalRedisConfig;
use reqwest::{Method, Response};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{DEADLINE, Server};

/// A stream that is read line by line.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn open(server: &Server, target: &str) -> Self {
        let request = server.request(Method::POST, target).timeout(Duration::from_secs(600)).body("[]");
        let response = timeout(DEADLINE, request.send()).await.expect("the head was not sent at once").unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event, without the empty line behind it; nothing at the end of the stream.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                return Some(event);
            }
            let chunk = timeout(DEADLINE, self.response.chunk()).await.expect("no event came").ok().flatten()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is().await {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn messages_go_to_each_subscriber_until_it_leaves() {
    let server = Server::start().await;
    let mut one = Events::open(&server, "/subscribe/news").await;
    let mut two = Events::open(&server, "/subscribe/news/a%2Fb%3F%20%C3%BC").await;
    assert_eq!(one.next().await.unwrap(), "data: subscribe,news,1");
    assert_eq!(two.next().await.unwrap(), "data: subscribe,news,1");
    assert_eq!(two.next().await.unwrap(), "data: subscribe,a/b? ü,2");
    assert_eq!(server.result(json!(["PUBLISH", "news", "a, b and \"c\""])).await, 2);
    assert_eq!(server.post("/publish/a%2Fb%3F%20%C3%BC/hello", "").await.1["result"], 1);
    assert_eq!(one.next().await.unwrap(), "data: message,news,a, b and \"c\"");
    assert_eq!(two.next().await.unwrap(), "data: message,news,a, b and \"c\"");
    assert_eq!(two.next().await.unwrap(), "data: message,a/b? ü,hello");
    drop(two);
    until("the subscription did not end with its client", async || {
        server.result(json!(["PUBSUB", "NUMSUB", "news"])).await == json!(["news", 1])
    })
    .await;
    server.result(json!(["PUBLISH", "news", "still"])).await;
    assert_eq!(one.next().await.unwrap(), "data: message,news,still");
}

#[tokio::test]
async fn patterns_and_monitors() {
    let server = Server::start().await;
    let mut monitor = Events::open(&server, "/monitor").await;
    assert_eq!(monitor.next().await.unwrap(), "data: \"OK\"");
    let mut rooms = Events::open(&server, "/psubscribe/room:*").await;
    assert_eq!(rooms.next().await.unwrap(), "data: psubscribe,room:*,1");
    server.result(json!(["PUBLISH", "room:1", "two\nlines"])).await;
    assert_eq!(rooms.next().await.unwrap(), "data: pmessage,room:*,room:1,two\ndata: lines");
    loop {
        let line = monitor.next().await.unwrap();
        if line.contains("PUBLISH") {
            assert!(line.starts_with("data: ") && line.ends_with(r#""PUBLISH" "room:1" "two\nlines""#), "{line}");
            break;
        }
    }
}

#[tokio::test]
async fn there_are_only_so_many_at_a_time() {
    let server = Server::start_with(LocalRedisConfig::default().with_max_streams(1)).await;
    let first = Events::open(&server, "/subscribe/c").await;
    let (status, answer) = server.post("/subscribe/c", "[]").await;
    assert_eq!((status.as_u16(), &answer["error"]), (400, &json!("ERR max concurrent connections exceeded")));
    drop(first);
    until("the place of a stream that ended was not free again", async || {
        let request = server.request(Method::POST, "/subscribe/c").send().await.unwrap();
        request.status() == 200
    })
    .await;
}

#[tokio::test]
async fn a_client_who_does_not_read_holds_up_nobody() {
    let server = Server::start().await;
    let asleep = Events::open(&server, "/subscribe/c").await;
    let mut awake = Events::open(&server, "/subscribe/c").await;
    awake.next().await.unwrap();
    let payload = "x".repeat(1 << 20);
    for _ in 0..30 {
        server.result(json!(["PUBLISH", "c", payload])).await;
        assert_eq!(awake.next().await.unwrap().len(), "data: message,c,".len() + payload.len());
    }
    drop(asleep);
}

#[tokio::test]
async fn streams_end_with_redis_and_with_the_server() {
    let server = Server::start().await;
    let mut stream = Events::open(&server, "/subscribe/c").await;
    stream.next().await.unwrap();
    server.upstash.stop_redis().await.unwrap();
    assert_eq!(stream.next().await, None);
    assert_eq!(server.request(Method::POST, "/subscribe/c").send().await.unwrap().status(), 500);
    server.upstash.restart_redis().await.unwrap();

    let mut stream = Events::open(&server, "/subscribe/c").await;
    stream.next().await.unwrap();
    let begun = Instant::now();
    server.upstash.shutdown().await;
    assert!(begun.elapsed() < Duration::from_millis(1500), "the stream held the shutdown up: {:?}", begun.elapsed());
    assert_eq!(stream.next().await, None);
}

/// Bytes that the server holds for a client that reads nothing are bounded, not only the number of events.
#[tokio::test]
async fn a_client_that_reads_nothing_has_little_waiting_for_it() {
    const MIB: usize = 1 << 20;
    let server = Server::start().await;
    let mut asleep = Events::open(&server, "/subscribe/c").await;
    assert_eq!(asleep.next().await.unwrap(), "data: subscribe,c,1");
    let payload = "x".repeat(MIB);
    // Redis ends a subscription for which more than 32 MiB wait.
    let mut published = 0;
    while server.result(json!(["PUBLISH", "c", payload])).await == 1 {
        published += 1;
        assert!(published < 200, "Redis never had to wait");
    }
    let mut received = 0;
    while asleep.next().await.is_some() {
        received += 1;
    }
    assert!(received < 25, "{received} of {published} MiB were waiting outside of Redis");
}
