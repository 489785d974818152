//! Many messages to four destinations, one of which hangs, and one of which fails every other time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use axum_upstash::{
    local::{LocalMessageState, LocalQStash},
    qstash::{BatchItem, FlowControl, Message, QStashClient},
};

const MESSAGES: usize = 20_000;
const BATCH: usize = 500;
/// Of the messages in each of the four queues, and under each of the four keys.
const PARALLELISM: usize = 7;
/// Of the messages under the key with a rate, in a second.
const RATE: usize = 150;

/// What destinations saw.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    /// Deliveries, by the number of the message.
    deliveries: HashMap<u32, u32>,
    /// Successful ones of each queue, in their order.
    in_queues: HashMap<String, Vec<u32>>,
    running: HashMap<String, usize>,
    most: HashMap<String, usize>,
    /// When the messages under the key with a rate came.
    at_rate: Vec<Instant>,
}

impl Seen {
    fn begin(&self, group: &str) {
        let counts = &mut *self.0.lock().unwrap();
        let running = counts.running.entry(group.to_owned()).or_default();
        *running += 1;
        if group == "rate" {
            counts.at_rate.push(Instant::now());
        }
        let most = counts.most.entry(group.to_owned()).or_default();
        *most = (*most).max(*running);
    }

    fn end(&self, group: &str, number: u32, succeeds: bool) {
        let counts = &mut *self.0.lock().unwrap();
        *counts.running.get_mut(group).unwrap() -= 1;
        *counts.deliveries.entry(number).or_default() += 1;
        if succeeds && group.starts_with("queue") {
            counts.in_queues.entry(group.to_owned()).or_default().push(number);
        }
    }
}

/// Fails every other time if it is told to.
async fn work(State(seen): State<Seen>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let number: u32 = std::str::from_utf8(&body).unwrap().parse().unwrap();
    let group = headers["x-group"].to_str().unwrap().to_owned();
    seen.begin(&group);
    tokio::task::yield_now().await;
    let succeeds = headers.get("x-fails").is_none() || headers["upstash-retried"].to_str().unwrap() != "0";
    seen.end(&group, number, succeeds);
    if succeeds { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
}

fn message(number: usize) -> BatchItem {
    let number = u32::try_from(number).unwrap();
    let destination = number % 4;
    let group = number / 4 % 4;
    let url = format!("https://d{destination}.example.com/");
    let message = Message::to_url(url).body(number.to_string());
    // The second one fails every first time.
    let message = if destination == 1 { message.header("x-fails", "1").retry_delay(fixed()) } else { message };
    match number / 16 % 3 {
        // In queues: one after the other.
        0 if destination != 3 => {
            let queue = format!("queue-{destination}-{group}");
            BatchItem::enqueue(queue.as_str(), message.header("x-group", &queue)).unwrap()
        }
        // Under keys: so many at once.
        1 => {
            let key = format!("key-{destination}-{group}");
            let control = FlowControl::parallelism(key.as_str(), u32::try_from(PARALLELISM).unwrap());
            message.header("x-group", &key).flow_control(&control).into()
        }
        2 if destination == 0 && group == 0 => {
            let control = FlowControl::rate("rate", u32::try_from(RATE).unwrap(), Duration::from_secs(1));
            message.header("x-group", "rate").flow_control(&control).into()
        }
        _ => message.header("x-group", "free").into(),
    }
}

fn fixed() -> axum_upstash::qstash::RetryDelay {
    axum_upstash::qstash::RetryDelay::fixed(Duration::from_millis(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_no_limit_is_exceeded() {
    let seen = Seen::default();
    let app = Router::new().route("/", post(work)).with_state(seen.clone());
    let hangs = Router::new().fallback(std::future::pending::<String>);
    let mut builder = LocalQStash::builder().destination("https://d3.example.com", hangs);
    for destination in 0..3 {
        builder = builder.destination(&format!("https://d{destination}.example.com"), app.clone());
    }
    let local = builder.start().await.unwrap();
    let qstash = QStashClient::builder(local.token()).url(local.url()).build().unwrap();
    let begun = Instant::now();
    for batch in 0..MESSAGES / BATCH {
        let items = (batch * BATCH..(batch + 1) * BATCH).map(message);
        let taken = qstash.batch(items).await.unwrap();
        assert!(taken.iter().all(Result::is_ok));
    }
    let accepted = begun.elapsed();
    let wanted = MESSAGES / 4 * 3;
    let deadline = Instant::now() + Duration::from_secs(120);
    while local.messages().iter().filter(|one| one.state == LocalMessageState::Delivered).count() < wanted {
        assert!(Instant::now() < deadline, "messages are lost");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let delivered = begun.elapsed();
    let per_second = |count: usize, time: Duration| count as f64 / time.as_secs_f64();
    println!(
        "{:.0} messages/s accepted, {:.0} delivered",
        per_second(MESSAGES, accepted),
        per_second(wanted, delivered)
    );
    let counts = seen.0.lock().unwrap();
    for number in (0..u32::try_from(MESSAGES).unwrap()).filter(|number| number % 4 != 3) {
        let expected = if number % 4 == 1 { 2 } else { 1 };
        assert_eq!(counts.deliveries.get(&number), Some(&expected), "message {number}");
    }
    // An interval that is shorter than so many windows touches one more at the most.
    let at_rate = &counts.at_rate;
    assert!(at_rate.len() > 2 * RATE, "{}", at_rate.len());
    for windows in 1..5 {
        let too_many = at_rate.windows((windows + 1) * RATE + 1);
        let longest = Duration::from_secs(windows as u64);
        assert!(too_many.into_iter().all(|begins| begins[begins.len() - 1] - begins[0] >= longest));
    }
    for (queue, numbers) in &counts.in_queues {
        assert!(numbers.is_sorted(), "{queue}");
    }
    for (group, most) in &counts.most {
        let limit = if group.starts_with("queue") {
            1
        } else if group.starts_with("key") {
            PARALLELISM
        } else {
            usize::MAX
        };
        assert!(*most <= limit, "{group}: {most} at once");
    }
}
