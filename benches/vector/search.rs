//! Searches through many vectors.

use std::{
    num::NonZeroUsize,
    process::Command,
    time::{Duration, Instant},
};

use axum_upstash::{
    local::LocalVector,
    vector::{Index, Query, Record},
};
use hnsw_rs::prelude::{DistCosine, Hnsw};

use crate::random::Random;

const DIMENSION: usize = 384;
const QUERIES: usize = 41;
const RESULTS: u32 = 10;
const CLIENTS: usize = 8;

pub async fn compare(counts: &[usize]) {
    println!("| vectors | search | median of {QUERIES} queries | of numpy's speed |\n|---|---|---|---|");
    for count in counts {
        let numpy = numpy(*count);
        match numpy {
            Some(time) => row(*count, "numpy, one thread", time, numpy),
            None => eprintln!("numpy is not installed: pip install numpy"),
        }
        for threads in [1, 2] {
            let local = filled(*count, threads).await;
            let index: Index = Index::new(local.url(), local.token()).unwrap().with_timeout(Duration::from_secs(120));
            let mut times = Vec::new();
            let mut random = Random::new(99);
            for _ in 0..QUERIES {
                let query = Query::dense(random.vector(DIMENSION)).top_k(RESULTS);
                let begun = Instant::now();
                assert_eq!(index.query(query).await.unwrap().len(), RESULTS as usize);
                times.push(begun.elapsed());
            }
            row(*count, &format!("ours over HTTP, {threads} threads"), median(times), numpy);
            let (half, most) = under_load(&index).await;
            println!(
                "| {count} | ours, {threads} threads, {CLIENTS} clients at once | p50 {half:.1?}, p99 {most:.1?} | |"
            );
            local.shutdown().await;
        }
    }
}

/// A graph of so many vectors, with what it finds of the best ones.
pub async fn graph(count: usize) {
    let local = filled(count, 2).await;
    let index: Index = Index::new(local.url(), local.token()).unwrap();
    hnsw(count, &index, numpy(count)).await;
}

fn row(count: usize, name: &str, time: Duration, numpy: Option<Duration>) {
    let ratio = numpy.map_or("unknown".to_owned(), |numpy| format!("{:.2}", numpy.as_secs_f64() / time.as_secs_f64()));
    println!("| {count} | {name} | {time:.2?} | {ratio} |");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

async fn filled(count: usize, threads: usize) -> LocalVector {
    let builder = LocalVector::builder().dimension(DIMENSION).search_threads(NonZeroUsize::new(threads).unwrap());
    let local = builder.start().await.unwrap();
    let index: Index = Index::new(local.url(), local.token()).unwrap();
    let mut random = Random::new(17);
    let begun = Instant::now();
    for part in 0..count.div_ceil(10_000) {
        let ids = part * 10_000..count.min((part + 1) * 10_000);
        let records: Vec<Record> = ids.map(|id| Record::dense(id as u64, random.vector(DIMENSION))).collect();
        index.upsert_all(records).concurrency(2).await.unwrap();
    }
    eprintln!("{count} vectors stored in {:.1?}", begun.elapsed());
    local
}

/// The times of queries while so many clients ask at once.
async fn under_load(index: &Index) -> (Duration, Duration) {
    let clients: Vec<_> = (0..CLIENTS as u64)
        .map(|client| {
            let index = index.clone();
            tokio::spawn(async move {
                let mut random = Random::new(1_000 + client);
                let mut times = Vec::new();
                for _ in 0..25 {
                    let query = Query::dense(random.vector(DIMENSION)).top_k(RESULTS);
                    let begun = Instant::now();
                    index.query(query).await.unwrap();
                    times.push(begun.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await.unwrap());
    }
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// The same vectors in a graph, which finds most of the best ones.
async fn hnsw(count: usize, index: &Index, numpy: Option<Duration>) {
    let mut random = Random::new(17);
    let vectors: Vec<Vec<f32>> = (0..count).map(|_| random.vector(DIMENSION)).collect();
    let graph = Hnsw::<f32, DistCosine>::new(24, count, 16, 200, DistCosine {});
    let begun = Instant::now();
    graph.parallel_insert(&vectors.iter().zip(0..).collect::<Vec<_>>());
    eprintln!("hnsw_rs is built in {:.1?}", begun.elapsed());
    for effort in [64, 256] {
        let (mut times, mut found) = (Vec::new(), 0);
        let mut random = Random::new(99);
        for _ in 0..QUERIES {
            let query = random.vector(DIMENSION);
            let begun = Instant::now();
            let neighbours = graph.search(&query, RESULTS as usize, effort);
            times.push(begun.elapsed());
            let exact = index.query(Query::dense(query).top_k(RESULTS)).await.unwrap();
            found += exact.iter().filter(|exact| neighbours.iter().any(|n| n.d_id.to_string() == exact.id)).count();
        }
        let recall = found as f64 / (QUERIES * RESULTS as usize) as f64;
        row(count, &format!("hnsw_rs in process, ef {effort}, recall {recall:.2}"), median(times), numpy);
    }
}

/// The median time of numpy on one thread, if it is installed.
fn numpy(count: usize) -> Option<Duration> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/numpy_search.py");
    let output = Command::new("python3").arg(script).arg(count.to_string()).arg(DIMENSION.to_string()).output().ok()?;
    let milliseconds: f64 = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
    Some(Duration::from_secs_f64(milliseconds / 1e3))
}
