//! Runs of workflows per second through one local QStash, with the endpoint in this crate and in `@upstash/workflow`.

use std::time::{Duration, Instant};

use axum::{Router, routing::post};
use axum_upstash::{
    Upstash, UpstashBuilder,
    local::LocalQStash,
    workflow::{Trigger, WorkflowClient, WorkflowContext, WorkflowError, serve},
};
use axum_upstash_bench_support::{Rates, Server, script, wait_for_end_of_input};

/// How long each row runs in each round.
const SLICE: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;
const STEPS: u32 = 10;
/// Runs that are begun at the same time.
const RUNS: usize = 200;

#[tokio::main]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => serve_qstash().await,
        Some("endpoint") => serve_endpoint().await,
        _ => compare().await,
    }
}

async fn serve_qstash() {
    let local = LocalQStash::start().await.unwrap();
    println!("{}", local.url());
    tokio::task::spawn_blocking(wait_for_end_of_input).await.unwrap();
}

async fn steps(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
    let mut sum = *ctx.payload();
    for _ in 0..STEPS {
        sum = ctx.run("add", async move { Ok::<_, WorkflowError>(sum + 1) }).await;
    }
    Ok(sum)
}

fn upstash() -> Upstash {
    UpstashBuilder::from_env().or_memory().build().unwrap()
}

async fn serve_endpoint() {
    let app = Router::new().route("/steps", post(serve(steps))).with_state(upstash());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    tokio::task::spawn_blocking(wait_for_end_of_input).await.unwrap();
}

/// The variables of that server.
fn environment(url: &str) -> [(&'static str, String); 4] {
    [
        ("QSTASH_URL", url.to_owned()),
        ("QSTASH_TOKEN", LocalQStash::TOKEN.to_owned()),
        ("QSTASH_CURRENT_SIGNING_KEY", LocalQStash::CURRENT_SIGNING_KEY.to_owned()),
        ("QSTASH_NEXT_SIGNING_KEY", LocalQStash::NEXT_SIGNING_KEY.to_owned()),
    ]
}

async fn compare() {
    let qstash = Server::start(&["serve"], 1);
    let environment = environment(qstash.line(0));
    let mut ours = std::process::Command::new(std::env::current_exe().unwrap());
    let ours = Server::of(ours.arg("endpoint").envs(environment.clone()), 1);
    let sdk = script("node", "workflow-bench.mjs", "@upstash/workflow");
    let sdk = sdk.map(|mut command| Server::of(command.arg(STEPS.to_string()).envs(environment.clone()), 1));
    let variable = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let client = UpstashBuilder::from_env_with(variable).or_memory().build().unwrap().workflow();
    let mut rates = Rates::default();
    for _ in 0..ROUNDS {
        for runs in [1, RUNS] {
            let rate = run(&client, ours.line(0), runs).await;
            rates.record(format!("ours, {runs} at once: runs of {STEPS} steps"), rate);
            rates.record(format!("ours, {runs} at once: deliveries"), rate * f64::from(STEPS + 1));
            if let Some(sdk) = &sdk {
                let rate = run(&client, sdk.line(0), runs).await;
                rates.record(format!("@upstash/workflow on node, {runs} at once: runs of {STEPS} steps"), rate);
                rates.record(
                    format!("@upstash/workflow on node, {runs} at once: deliveries"),
                    rate * f64::from(STEPS + 1),
                );
            }
        }
    }
    rates.print("runs and deliveries", SLICE);
    println!("peak memory of the server: {}", qstash.peak_memory().unwrap_or_else(|| "unknown".into()));
}

/// The runs that end in a second: so many are begun together, and the next ones when all have ended.
async fn run(client: &WorkflowClient, origin: &str, at_once: usize) -> f64 {
    let (begun, mut ended) = (Instant::now(), 0);
    while begun.elapsed() < SLICE {
        let triggers = (0..at_once).map(|_| Trigger::new(format!("{origin}/steps")).json(&1));
        for run in client.trigger_many(triggers).await.unwrap() {
            let run = run.unwrap();
            while client.run(&run.run_id).await.unwrap().unwrap().result.is_none() {
                assert!(begun.elapsed() < SLICE * 10, "a run does not end");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        ended += at_once;
    }
    ended as f64 / begun.elapsed().as_secs_f64()
}
