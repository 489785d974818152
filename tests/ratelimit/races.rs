//! Two processes with 32 tasks each on one limit: exactly as many pass as may.

use crate::algorithms;
use axum_upstash::{
    client::ReqwestTransport,
    local::LocalRedis,
    ratelimit::{Ratelimit, Reason},
    redis::Redis,
};
use futures_util::future::join_all;
use std::{process::Stdio, time::Duration};

const LIMIT: u32 = 10;
const TASKS: usize = 32;
const RUNS: usize = 20;

/// How many of this process's requests passed, for each algorithm and run.
async fn work(url: &str, token: &str) -> Vec<u32> {
    let transport = ReqwestTransport::new(reqwest::Client::new());
    let mut passed = Vec::new();
    for (index, algorithm) in algorithms(LIMIT).into_iter().enumerate() {
        for run in 0..RUNS {
            let tasks = (0..TASKS).map(|_| {
                // Each with a client of its own, and nothing that it knows from before.
                let redis = Redis::builder(url, token).transport(transport.clone()).build().unwrap();
                let limiter = Ratelimit::new(redis, algorithm);
                let limiter = limiter.with_prefix(format!("race:{index}:{run}")).with_block_cache(None);
                let limiter = limiter.with_timeout(Duration::from_secs(60));
                tokio::spawn(async move { limiter.limit("one").await.unwrap() })
            });
            let decisions = join_all(tasks).await.into_iter().map(Result::unwrap);
            let count = decisions.inspect(|decision| assert_eq!(decision.reason, Reason::Counted));
            passed.push(u32::try_from(count.filter(|decision| decision.allowed).count()).unwrap());
        }
    }
    passed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_let_exactly_the_limit_pass_twenty_times_in_a_row() {
    let local = LocalRedis::start().await.unwrap();
    let other = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "races::the_other_process", "--ignored", "--nocapture"])
        .env("RACE_URL", local.url())
        .env("RACE_TOKEN", local.token())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let ours = work(local.url(), local.token()).await;
    let output = tokio::time::timeout(Duration::from_secs(120), other.wait_with_output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.split_once("passed: ")).expect("the other process said nothing").1;
    let theirs: Vec<u32> = line.split(' ').map(|count| count.parse().unwrap()).collect();
    assert_eq!(ours.len(), 4 * RUNS);
    let sums: Vec<u32> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours + theirs).collect();
    assert_eq!(sums, vec![LIMIT; 4 * RUNS]);

    let redis = Redis::new(local.url(), local.token()).unwrap();
    let keys: Vec<String> = redis.cmd("KEYS").arg("race:*").query().await.unwrap();
    assert_eq!(keys.len(), 4 * RUNS);
    for key in keys {
        assert!(redis.cmd("PTTL").key(&key).query::<i64>().await.unwrap() > 0, "{key} never expires");
    }
}

/// Is run by the test above, in a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of another test"]
async fn the_other_process() {
    let (Ok(url), Ok(token)) = (std::env::var("RACE_URL"), std::env::var("RACE_TOKEN")) else { return };
    let passed: Vec<String> = work(&url, &token).await.iter().map(u32::to_string).collect();
    println!("passed: {}", passed.join(" "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory_as_well() {
    for algorithm in algorithms(LIMIT) {
        for _ in 0..RUNS {
            let limiter = Ratelimit::memory(algorithm);
            let tasks = (0..64).map(|_| {
                let limiter = limiter.clone();
                tokio::spawn(async move { limiter.limit("one").await.unwrap().allowed })
            });
            let passed = join_all(tasks).await.into_iter().filter(|passed| *passed.as_ref().unwrap()).count();
            assert_eq!(passed, 10, "{algorithm:?}");
        }
    }
}
