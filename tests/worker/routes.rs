//! Every route under overlapping requests, and its costs.

use crate::{
    app::{ROUTES, Route},
    host::Host,
};
use axum_upstash::ratelimit::{Analytics, ConcurrencyLimiter, SlidingWindow};
use futures_util::future::join_all;
use reqwest::{Client, StatusCode, header};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

const AT_ONCE: usize = 20;
const DEADLINE: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_secs(60);

impl Route {
    async fn ask(&self, client: &Client, host: &Host) -> (StatusCode, String) {
        let request = client
            .request(self.method.parse().unwrap(), format!("{}{}", host.url, self.path))
            .header(header::CONTENT_TYPE, self.content_type())
            .header("cf-connecting-ip", "203.0.113.7")
            .header("upstash-signature", self.signature())
            .body(self.body);
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn works(&self, client: &Client, host: &Host) {
        let answer = timeout(DEADLINE, self.ask(client, host)).await;
        let (status, text) = answer.unwrap_or_else(|_| panic!("{} hangs", self.path));
        assert!(status == 200 && text.contains(self.says), "{}: {status} {text}", self.path);
    }

    /// Sends a request, and leaves while it is answered.
    async fn leave(&self, host: &Host) {
        let mut connection = TcpStream::connect(&host.address).await.unwrap();
        let head = format!(
            "{} {} HTTP/1.1\r\nhost: app\r\ncf-connecting-ip: 203.0.113.7\r\ncontent-type: {}\r\nupstash-signature: {}\r\n\
             content-length: {}\r\n\r\n{}",
            self.method,
            self.path,
            self.content_type(),
            self.signature(),
            self.body.len(),
            self.body,
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        // Half of the time in which the answer of a distant Redis comes.
        let _ = timeout(crate::host::DELAY, connection.read(&mut [0; 1])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_overlap_are_answered() {
    let (host, client) = (Host::workerd().await, Client::new());
    for route in ROUTES {
        join_all((0..AT_ONCE).map(|_| route.works(&client, &host))).await;
        route.works(&client, &host).await;
        join_all((0..3).map(|_| route.leave(&host))).await;
        let begun = Instant::now();
        route.works(&client, &host).await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{} was held up: {:?}", route.path, begun.elapsed());
    }
    // Counted in Redis, and not in the memory that would replace it: 23 to 25, as those that left may have counted.
    let limiter = host.upstash.ratelimit(SlidingWindow::new(1_000, MINUTE)).with_prefix("analyzed");
    let left = limiter.remaining("all").await.unwrap().remaining;
    assert!((1_000 - 25..=1_000 - 22).contains(&left), "{left} are left");
    assert!(host.qstash.messages.load(std::sync::atomic::Ordering::SeqCst) >= 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_in_the_background_is_done() {
    let (host, client) = (Host::workerd().await, Client::new());
    let route = |path| ROUTES.iter().find(|route| route.path == path).unwrap();
    join_all((0..AT_ONCE).map(|_| route("/analyzed").works(&client, &host))).await;
    join_all((0..AT_ONCE).map(|_| route("/export").works(&client, &host))).await;
    let redis = host.upstash.redis();
    let limiter = host.upstash.ratelimit(SlidingWindow::new(1_000, MINUTE)).with_prefix("analyzed");
    let limiter = limiter.with_analytics(Analytics::new(redis.clone()));
    let exports = ConcurrencyLimiter::new(redis, 1);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let usage = limiter.usage(MINUTE).await.unwrap();
        let events = usage.get("all").map_or(0, |usage| usage.success);
        // The permits' leases would last for 30 s.
        let permit = exports.acquire("all").await.unwrap();
        if events == AT_ONCE as u64 && permit.is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "{events} events; all permits are back: {}", permit.is_some());
        sleep(Duration::from_millis(50)).await;
    }
}

/// Requests and commands to Redis of one request of each route, when scripts are loaded and the cache is filled.
async fn costs(host: &Host, client: &Client) -> BTreeMap<&'static str, (u64, u64)> {
    let mut costs = BTreeMap::new();
    for route in ROUTES {
        route.works(client, host).await;
        settled(host).await;
        let (requests, commands) = settled(host).await;
        route.works(client, host).await;
        let (requests_after, commands_after) = settled(host).await;
        // The question for the commands was a request as well.
        costs.insert(route.path, (requests_after - requests - 1, commands_after - commands));
    }
    costs
}

/// The requests and commands so far, when there have been none for longer than work in the background waits.
async fn settled(host: &Host) -> (u64, u64) {
    let deadline = Instant::now() + DEADLINE;
    let mut last = (host.local.requests(), Instant::now());
    while last.1.elapsed() < Duration::from_millis(1_300) {
        assert!(Instant::now() < deadline, "requests go on");
        sleep(Duration::from_millis(20)).await;
        if host.local.requests() != last.0 {
            last = (host.local.requests(), Instant::now());
        }
    }
    let stats: String = host.upstash.redis().cmd("INFO").arg("commandstats").query().await.unwrap();
    let mut commands = 0;
    for line in stats.lines() {
        let Some((name, calls)) = line.split_once(":calls=") else { continue };
        // Of the server itself, and of this function.
        if !["cmdstat_info", "cmdstat_ping", "cmdstat_hello", "cmdstat_client"].iter().any(|own| name.starts_with(own))
        {
            commands += calls.split(',').next().unwrap().parse::<u64>().unwrap();
        }
    }
    (host.local.requests(), commands)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_costs_the_same_as_on_a_server() {
    let (workerd, server, client) = (Host::workerd().await, Host::server().await, Client::new());
    let (on_workerd, on_server) = tokio::join!(costs(&workerd, &client), costs(&server, &client));
    println!("requests and commands on workerd {on_workerd:?}\nand on a server {on_server:?}");
    assert_eq!(on_workerd, on_server);
    assert_eq!(on_workerd["/parallel"], (2, 40), "commands of one request share a round trip");
}
