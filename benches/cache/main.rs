//! Values per second that are in Redis, beside `cachified` on Node.js; and the memory of a million keys.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum_upstash::{
    cache::Cache,
    local::LocalRedis,
    redis::Redis,
};

/// How long each row runs in each round.
const SLICE: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;
const TASKS: usize = 64;
const KEYS: u64 = 1_000;

/// A local Redis over REST: this program, started once more.
struct Server {
    child: Child,
    url: String,
    token: String,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (url, token) = (lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap());
        Self { child, url, token }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends its Redis when its input is closed.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

async fn serve() {
    let local = LocalRedis::start().await.unwrap();
    println!("{}\n{}", local.url(), local.token());
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await.unwrap().unwrap();
    local.shutdown().await;
}

#[tokio::main]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => serve().await,
        Some("million") => million().await,
        _ => throughput().await,
    }
}

async fn throughput() {
    let server = Server::start();
    let mut rows: Vec<(String, Vec<f64>)> = Vec::new();
    let mut record = |name: String, rate: f64| {
        eprintln!("{name}: {rate:.0}");
        match rows.iter_mut().find(|(row, _)| *row == name) {
            Some((_, rates)) => rates.push(rate),
            None => rows.push((name, vec![rate])),
        }
    };
    for _ in 0..ROUNDS {
        for tasks in [1, TASKS] {
            record(format!("ours, {tasks} at once"), ours(&server, tasks).await);
        }
        for (name, rate) in cachified(&server) {
            record(name, rate);
        }
    }
    println!("values in Redis per second, median of {ROUNDS} rounds of {SLICE:?}");
    for (name, rates) in &mut rows {
        rates.sort_by(f64::total_cmp);
        println!("{:>10.0}  {name}", rates[rates.len() / 2]);
    }
}

async fn ours(server: &Server, tasks: usize) -> f64 {
    let redis = Redis::builder(&*server.url, &*server.token).build().unwrap();
    // Memory holds nothing, so that each value comes from Redis.
    let cache = Cache::<u64, String>::new(redis, "bench", "values").with_memory_ttl(Duration::ZERO);
    let keys: Vec<u64> = (0..KEYS).collect();
    cache.set_many(keys.iter().map(|key| (key, format!("value {key}")))).await.unwrap();
    let begun = Instant::now();
    let tasks: Vec<_> = (0..tasks as u64)
        .map(|task| {
            let cache = cache.clone();
            tokio::spawn(async move {
                let (mut read, mut key) = (0_usize, task * 17);
                while begun.elapsed() < SLICE {
                    key = (key + 1) % KEYS;
                    let value = cache.get_or_compute(&key, async |_| Err::<String, _>("it is there")).await.unwrap();
                    assert!(value.starts_with("value"));
                    read += 1;
                }
                read
            })
        })
        .collect();
    let mut read = 0;
    for task in tasks {
        read += task.await.unwrap();
    }
    read as f64 / begun.elapsed().as_secs_f64()
}

fn cachified(server: &Server) -> Vec<(String, f64)> {
    let home = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop"));
    if !home.join("node_modules/@epic-web/cachified").exists() {
        eprintln!("@epic-web/cachified is not installed: npm ci --prefix interop");
        return Vec::new();
    }
    let output = Command::new("node")
        .arg(home.join("cachified-bench.mjs"))
        .args([SLICE.as_millis().to_string(), TASKS.to_string(), KEYS.to_string()])
        .env("UPSTASH_REDIS_REST_URL", &server.url)
        .env("UPSTASH_REDIS_REST_TOKEN", &server.token)
        .output();
    let Ok(output) = output else {
        eprintln!("node is not installed");
        return Vec::new();
    };
    assert!(output.status.success(), "node: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let (rate, name) = line.split_once(' ').unwrap();
            (format!("cachified on node, {name}"), rate.parse().unwrap())
        })
        .collect()
}

/// A million keys pass through a memory of 10,000 values.
async fn million() {
    let cache = Cache::<u64, String>::memory("bench");
    let memory = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("unknown");
        line.trim().to_owned()
    };
    println!("before: {}", memory());
    for round in 0..10 {
        for key in 0..100_000 {
            let key = round * 100_000 + key;
            let compute = async move |_| Ok::<_, std::convert::Infallible>(format!("value {key}"));
            cache.get_or_compute(&key, compute).await.unwrap();
        }
        println!("after {} keys: {}", (round + 1) * 100_000, memory());
    }
}
