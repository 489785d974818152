//! What decisions of the rate limiter cost, beside `@upstash/ratelimit`, through the same local server.

use crate::{SLICE, TASKS, children::LocalServer};
use axum_upstash::{
    ratelimit::{Rate, Algorithm, FixedWindow, Gcra, Ratelimit, SlidingWindow, TokenBucket},
    redis::{Redis, RequestKind},
};
use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const DAY: Duration = Duration::from_secs(86_400);
const PLENTY: u32 = 1_000_000_000;

pub async fn run(local: &LocalServer) {
    println!("decisions per second; p50 and p99 in us; requests and commands of Redis for each decision");
    let algorithms: [(&str, Algorithm); 4] = [
        ("fixed window", FixedWindow::new(PLENTY, DAY).into()),
        ("sliding window", SlidingWindow::new(PLENTY, DAY).into()),
        ("token bucket", TokenBucket::new(PLENTY, Rate::new(PLENTY, DAY)).into()),
        ("gcra", Gcra::new(Rate::new(PLENTY, DAY), PLENTY).into()),
    ];
    for (name, algorithm) in algorithms {
        for tasks in [1, TASKS] {
            ours(local, name, algorithm, tasks).await;
        }
    }
    theirs(local);
}

async fn ours(local: &LocalServer, name: &str, algorithm: Algorithm, tasks: usize) {
    let requests = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&requests);
    let redis = Redis::builder(&local.url, &local.token).on_request(move |event| {
        if event.kind != RequestKind::Stream {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    let redis = redis.build().unwrap();
    let limiter = Ratelimit::new(redis.clone(), algorithm).with_prefix(format!("bench:{name}"));
    // Below the client's own deadline: what may take longer goes beside the others and not with them.
    let limiter = limiter.with_timeout(Duration::from_secs(5));
    limiter.limit("warm").await.unwrap();
    let before = (commands(&redis).await, requests.load(Ordering::Relaxed));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..tasks)
        .map(|task| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                let mut waits = Vec::new();
                let identifiers: Vec<String> = (0..100).map(|n| format!("{task}:{n}")).collect();
                for identifier in identifiers.iter().cycle() {
                    let asked = Instant::now();
                    assert!(limiter.limit(identifier).await.unwrap().allowed);
                    waits.push(asked.elapsed());
                    if begun.elapsed() > SLICE {
                        break;
                    }
                }
                waits
            })
        })
        .collect();
    let count = tasks.len();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    let elapsed = begun.elapsed();
    let sent = requests.load(Ordering::Relaxed) - before.1;
    let run = commands(&redis).await - before.0;
    waits.sort_unstable();
    let at = |part: usize| waits[waits.len() * part / 100].as_micros();
    let total = waits.len() as f64;
    println!(
        "{:>8.0} {:>6} {:>6}  {:.3} {:.2}  ours, {name}, {}",
        total / elapsed.as_secs_f64(),
        at(50),
        at(99),
        sent as f64 / total,
        run as f64 / total,
        if count == 1 { "one after another".to_owned() } else { format!("{count} tasks") },
    );
}

/// All commands that Redis ran, as Upstash would bill them.
async fn commands(redis: &Redis) -> u64 {
    let stats: String = redis.cmd("INFO").arg("commandstats").query().await.unwrap();
    let calls = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        (name != "info").then(|| rest.split(',').next()?.parse::<u64>().ok())?
    };
    stats.lines().filter_map(calls).sum()
}

fn theirs(local: &LocalServer) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop/ratelimit-bench.mjs");
    let output = Command::new("node")
        .arg(script)
        .args([SLICE.as_millis().to_string(), TASKS.to_string()])
        .env("UPSTASH_REDIS_REST_URL", &local.url)
        .env("UPSTASH_REDIS_REST_TOKEN", &local.token)
        .output();
    let Ok(output) = output else { return eprintln!("node is not installed") };
    if !output.status.success() {
        return eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut parts = line.splitn(4, ' ');
        let mut next = || parts.next().unwrap_or_default();
        println!("{:>8} {:>6} {:>6}              @upstash/ratelimit on node, {}", next(), next(), next(), next());
    }
}
