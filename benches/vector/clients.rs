//! Upserts and queries per second through one local Vector, by this crate's client and by `@upstash/vector`.

use std::time::{Duration, Instant};

use axum_upstash::{
    local::LocalVector,
    vector::{Index, Query, Record},
};
use axum_upstash_bench_support::{Rates, Server, rates_of, script, wait_for_end_of_input};

use crate::random::Random;

/// How long each row runs in each round.
const SLICE: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;
const DIMENSION: usize = 384;
const BATCH: usize = 100;
/// The calls that are under way at the same time.
const AT_ONCE: usize = 16;

pub async fn serve() {
    let local = LocalVector::builder().token("bench").start().await.unwrap();
    println!("{}", local.url());
    tokio::task::spawn_blocking(wait_for_end_of_input).await.unwrap();
}

pub async fn compare() {
    let server = Server::start(&["serve"], 1);
    let url = server.line(0);
    let index: Index = Index::new(url, "bench").unwrap();
    let mut sdk = script("node", "vector-bench.mjs", "@upstash/vector");
    if let Some(command) = &mut sdk {
        command.args([url, "bench"]).arg(SLICE.as_millis().to_string()).arg(DIMENSION.to_string());
        command.arg(BATCH.to_string()).arg(AT_ONCE.to_string());
    }
    let mut rates = Rates::default();
    for _ in 0..ROUNDS {
        for (name, rate) in ours(&index).await {
            rates.record(format!("ours: {name}"), rate);
        }
        if let Some(command) = &mut sdk {
            for (name, rate) in rates_of(command) {
                rates.record(format!("@upstash/vector on node: {name}"), rate);
            }
        }
    }
    rates.print("calls", SLICE);
    println!("peak memory of the server: {}", server.peak_memory().unwrap_or_else(|| "unknown".into()));
}

async fn ours(index: &Index) -> Vec<(String, f64)> {
    index.reset().await.unwrap();
    let mut random = Random::new(17);
    let vectors: Vec<Vec<f32>> = (0..BATCH).map(|_| random.vector(DIMENSION)).collect();
    let batch = |vectors: &[Vec<f32>]| -> Vec<Record> {
        (0_u64..).zip(vectors).map(|(id, vector)| Record::dense(id, vector.clone())).collect()
    };
    let mut rates = Vec::new();
    for at_once in [1, AT_ONCE] {
        let upsert = rate(at_once, || {
            let (index, records) = (index.clone(), batch(&vectors));
            async move { assert!(index.upsert_all(records).await.is_ok()) }
        });
        rates.push((format!("upsert of {BATCH} vectors, {at_once} at once"), upsert.await));
        let query = rate(at_once, || {
            let (index, query) = (index.clone(), Query::dense(vectors[0].clone()).top_k(10));
            async move { drop(index.query(query).await.unwrap()) }
        });
        rates.push((format!("query, {at_once} at once"), query.await));
    }
    rates
}

/// The calls that end in a second, so many at once.
async fn rate<F: Future<Output = ()> + Send + 'static>(at_once: usize, call: impl Fn() -> F) -> f64 {
    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    (0..at_once).for_each(|_| drop(running.spawn(call())));
    let mut ended = 0;
    while begun.elapsed() < SLICE {
        running.join_next().await.unwrap().unwrap();
        running.spawn(call());
        ended += 1;
    }
    let rate = f64::from(ended) / begun.elapsed().as_secs_f64();
    while running.join_next().await.is_some() {}
    rate
}
