//! The latency of commands that come at random moments (Poisson arrivals), whether or not those before are answered.

use crate::{children::LocalServer, clients::Client, delay::Delay, sdk};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

const ROUND_TRIPS: [u64; 4] = [0, 5, 20, 100];
const RATES: [u32; 3] = [50, 500, 2_000];
const TASKS: [usize; 3] = [1, 64, 512];
const SECONDS: u64 = 2;

/// Latencies of answered commands, in microseconds, and how many failed.
#[derive(Default)]
struct Sample {
    latencies: Vec<u64>,
    errors: usize,
}

pub async fn run(local: &LocalServer, redis_url: &str, only: &str) {
    println!("mean, p50 and p99 in ms; mean and p99 as multiples of the round trip; connections");
    for round_trip in ROUND_TRIPS {
        let round_trip = Duration::from_millis(round_trip);
        for name in Client::NAMES.into_iter().filter(|name| name.contains(only)) {
            let to = if Client::is_tcp(name) { redis_url } else { &local.url };
            let port = to.rsplit(':').next().unwrap().parse().unwrap();
            let delay = (!round_trip.is_zero()).then(|| Delay::start(port, round_trip));
            let port = delay.as_ref().map_or(port, |delay| delay.port);
            let client = Client::new(name, port, &local.token).await;
            let cold = Instant::now();
            assert!(client.get("k").await, "{name} has no answer");
            let (cold, warm) = (cold.elapsed(), Instant::now());
            client.get("k").await;
            let warm = warm.elapsed();
            println!("{name}, {round_trip:?}: the first command took {cold:.1?}, the second {warm:.1?}");
            // The clients learn what the network is like.
            for _ in 0..10 {
                client.get("k").await;
            }
            let connections = || delay.as_ref().map(Delay::take_connections);
            for rate in RATES {
                let sample = open(&client, rate).await;
                row(&format!("{name}, {rate}/s"), round_trip, sample, SECONDS as f64, connections());
            }
            for tasks in TASKS {
                let (sample, seconds) = closed(&client, tasks).await;
                row(&format!("{name}, {tasks} tasks"), round_trip, sample, seconds, connections());
            }
        }
        sdk::open(local, round_trip, only, SECONDS * 1000, &RATES);
    }
}

/// Commands at a rate. Each is timed from the moment at which it was due.
async fn open(client: &Client, rate: u32) -> Sample {
    let sample = Arc::new(Mutex::new(Sample::default()));
    let (runtime, client, shared) = (Handle::current(), client.clone(), Arc::clone(&sample));
    // A thread of its own: it sleeps to the microsecond, and takes no turn of the runtime.
    let arrivals = std::thread::spawn(move || {
        let (begun, mut after) = (Instant::now(), 0.0);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut tasks = Vec::new();
        for number in 0.. {
            after += -random.next().ln() / f64::from(rate);
            if after > SECONDS as f64 {
                break;
            }
            let due = begun + Duration::from_secs_f64(after);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let (client, sample) = (client.clone(), Arc::clone(&shared));
            tasks.push(runtime.spawn(async move {
                let done = command(&client, number).await;
                let mut sample = sample.lock().unwrap();
                match done {
                    true => sample.latencies.push(due.elapsed().as_micros() as u64),
                    false => sample.errors += 1,
                }
            }));
        }
        tasks
    });
    let tasks = tokio::task::spawn_blocking(|| arrivals.join().unwrap()).await.unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    std::mem::take(&mut sample.lock().unwrap())
}

/// Tasks that each issue the next command when the one before is answered.
async fn closed(client: &Client, tasks: usize) -> (Sample, f64) {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..tasks)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut sample = Sample::default();
                for number in 0.. {
                    if begun.elapsed() > Duration::from_secs(2) {
                        break;
                    }
                    let sent = Instant::now();
                    match command(&client, task * 2 + number % 2).await {
                        true => sample.latencies.push(sent.elapsed().as_micros() as u64),
                        false => sample.errors += 1,
                    }
                }
                sample
            })
        })
        .collect();
    let mut all = Sample::default();
    for task in tasks {
        let sample = task.await.unwrap();
        all.latencies.extend(sample.latencies);
        all.errors += sample.errors;
    }
    (all, begun.elapsed().as_secs_f64())
}

async fn command(client: &Client, number: usize) -> bool {
    let key = format!("bench:{}", number / 2 % 64);
    if number % 2 == 0 { client.set(&key).await } else { client.get(&key).await }
}

fn row(name: &str, round_trip: Duration, mut sample: Sample, seconds: f64, connections: Option<usize>) {
    sample.latencies.sort_unstable();
    let count = sample.latencies.len();
    if count == 0 {
        return println!("{name}: {} errors and no answer", sample.errors);
    }
    let at = |part: usize| sample.latencies[(count - 1) * part / 100] as f64 / 1000.0;
    let mean = sample.latencies.iter().sum::<u64>() as f64 / count as f64 / 1000.0;
    let whole = round_trip.as_secs_f64() * 1000.0;
    let ratio = |value: f64| if whole > 0.0 { format!("{:.2}", value / whole) } else { "-".into() };
    println!(
        "{:>7.0} ms | {:>8.0}/s | {mean:>8.2} {:>8.2} {:>8.2} | {:>5} {:>5} | {:>3} | {name}{}",
        whole,
        count as f64 / seconds,
        at(50),
        at(99),
        ratio(mean),
        ratio(at(99)),
        connections.map_or("-".into(), |count| format!("+{count}")),
        if sample.errors > 0 { format!(", {} errors", sample.errors) } else { String::new() },
    );
}

/// Uniform numbers above zero (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 + 1.0) / (1_u64 << 53) as f64
    }
}
