//! Messages to four destinations on sockets of their own: two answer, one fails every other time, one hangs.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use axum_upstash::qstash::{BatchItem, Message, QStashClient, RetryDelay, ToUrl};
use tokio::{net::TcpListener, time::MissedTickBehavior};

use crate::{ours::client, server};

const MESSAGES: usize = 20_000;
const BATCH: usize = 500;
/// Messages per second, when the server has time.
const CALM: u32 = 1_000;
const CALM_FOR: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(120);

/// When each message was published, and when it was delivered.
#[derive(Clone, Default)]
struct Times(Arc<Mutex<HashMap<usize, (Instant, Option<Instant>)>>>, Arc<AtomicUsize>);

impl Times {
    fn publish(&self, number: usize) {
        self.0.lock().unwrap().insert(number, (Instant::now(), None));
    }

    fn deliver(&self, number: usize) {
        let mut times = self.0.lock().unwrap();
        let (_, delivered) = times.get_mut(&number).unwrap();
        if delivered.replace(Instant::now()).is_none() {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn wait_for(&self, count: usize) {
        let deadline = Instant::now() + DEADLINE;
        while self.1.load(Ordering::Relaxed) < count {
            assert!(Instant::now() < deadline, "{} of {count} were delivered", self.1.load(Ordering::Relaxed));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The latency that this part of the messages was below, in milliseconds.
    fn latency(&self, part: f64) -> f64 {
        let times = self.0.lock().unwrap();
        let mut all: Vec<f64> = times
            .values()
            .filter_map(|(published, delivered)| Some((*delivered.as_ref()? - *published).as_secs_f64() * 1_000.0))
            .collect();
        all.sort_by(f64::total_cmp);
        all[((all.len() - 1) as f64 * part) as usize]
    }
}

/// A destination that answers. One that fails does so for the first attempt of each message.
async fn destination(times: &Times, fails: bool) -> SocketAddr {
    async fn answer(State((times, fails)): State<(Times, bool)>, headers: HeaderMap, body: Bytes) -> StatusCode {
        if fails && headers["upstash-retried"] == "0" {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        times.deliver(std::str::from_utf8(&body).unwrap().parse().unwrap());
        StatusCode::OK
    }
    serve(Router::new().fallback(answer).with_state((times.clone(), fails))).await
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

fn message(number: usize, destinations: &[SocketAddr]) -> Message<ToUrl> {
    let address = destinations[number % destinations.len()];
    let delay = RetryDelay::fixed(Duration::from_millis(1));
    Message::to_url(format!("http://{address}/")).body(number.to_string()).retry_delay(delay)
}

pub async fn run() {
    let times = Times::default();
    let hangs = serve(Router::new().fallback(std::future::pending::<String>)).await;
    let destinations =
        [destination(&times, false).await, destination(&times, true).await, destination(&times, false).await, hangs];
    let server = server::start();
    let client = client(server.line(0));

    let begun = Instant::now();
    for batch in 0..MESSAGES / BATCH {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        numbers.clone().for_each(|number| times.publish(number));
        let items = numbers.map(|number| BatchItem::from(message(number, &destinations)));
        assert!(client.batch(items).await.unwrap().iter().all(Result::is_ok));
    }
    let accepted = begun.elapsed();
    let wanted = MESSAGES / 4 * 3;
    times.wait_for(wanted).await;
    let delivered = begun.elapsed();
    println!("{MESSAGES} messages at once, in batches of {BATCH}; a quarter of them to a destination that hangs:");
    println!("  {:.0}/s accepted, {:.0}/s delivered", rate(MESSAGES, accepted), rate(wanted, delivered));
    println!("  from publishing to delivery: p50 {:.0} ms, p99 {:.0} ms", times.latency(0.5), times.latency(0.99));
    println!("  peak memory of the server: {}", server.peak_memory().unwrap_or_else(|| "unknown".into()));

    let times = Times::default();
    let destinations = [destination(&times, false).await, destination(&times, false).await];
    let published = calm(&client, &times, &destinations).await;
    times.wait_for(published).await;
    println!("{CALM} messages/s for {CALM_FOR:?} to two destinations, each published alone, while the others wait:");
    println!("  from publishing to delivery: p50 {:.2} ms, p99 {:.2} ms", times.latency(0.5), times.latency(0.99));
}

/// Publishes at a steady rate, and gives the number of messages.
async fn calm(client: &QStashClient, times: &Times, destinations: &[SocketAddr]) -> usize {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / CALM);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (begun, mut number) = (Instant::now(), 0);
    while begun.elapsed() < CALM_FOR {
        tick.tick().await;
        times.publish(number);
        let (client, message) = (client.clone(), message(number, destinations));
        tokio::spawn(async move { client.publish(message).await.unwrap() });
        number += 1;
    }
    number
}

fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
