//! Random workflows over a network that loses and repeats everything, against an interpreter that knows of nothing.

use std::time::{Duration, Instant};

use axum::{Router, routing::post};
use axum_upstash::{
    local::LocalQStashFaults,
    qstash::RetryDelay,
    workflow::{RunError, WorkflowContext, WorkflowError, serve},
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::{random::Random, support::Host};

/// Runs under way at the same time.
const RUNS: usize = 8;

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Op {
    Run(u64),
    Sleep(u64),
    /// Branches side by side, each with steps of its own.
    Branches(Vec<Vec<u64>>),
    /// Goes on only if the sum is even.
    IfEven(u64),
    /// Ends the run with a failure.
    Fail,
}

fn program(random: &Random) -> Vec<Op> {
    (0..1 + random.below(6))
        .map(|_| match random.below(12) {
            0..4 => Op::Run(random.below(1_000)),
            4 => Op::Sleep(1 + random.below(5)),
            5..9 => Op::Branches(
                (0..1 + random.below(4))
                    .map(|_| (0..1 + random.below(3)).map(|_| random.below(1_000)).collect())
                    .collect(),
            ),
            9..11 => Op::IfEven(random.below(1_000)),
            _ => Op::Fail,
        })
        .collect()
}

/// What a program comes to, computed at once. `None` is a failure.
fn interpreted(program: &[Op]) -> Option<u64> {
    let mut sum = 0;
    for op in program {
        match op {
            Op::Run(value) => sum = sum * 3 + value,
            Op::Sleep(_) => {}
            Op::Branches(branches) => {
                for (at, branch) in branches.iter().enumerate() {
                    let value: u64 = branch.iter().fold(0, |sum, value| sum * 7 + value);
                    sum += value * (at as u64 + 1);
                }
            }
            Op::IfEven(value) if sum % 2 == 0 => sum += value,
            Op::IfEven(_) => {}
            Op::Fail => return None,
        }
        sum %= 1_000_003;
    }
    Some(sum)
}

async fn step(ctx: &WorkflowContext<Vec<Op>>, name: String, value: u64) -> u64 {
    let work = async move {
        tokio::task::yield_now().await;
        Ok::<_, WorkflowError>(value)
    };
    ctx.run(name, work).await
}

/// The same as a workflow.
async fn interpreter(ctx: WorkflowContext<Vec<Op>>) -> Result<u64, WorkflowError> {
    let mut sum = step(&ctx, "begin".into(), 0).await;
    for (at, op) in ctx.payload().iter().enumerate() {
        match op {
            Op::Run(value) => sum = sum * 3 + step(&ctx, format!("{at}"), *value).await,
            Op::Sleep(seconds) => ctx.sleep(format!("{at}"), Duration::from_secs(*seconds)).await,
            Op::Branches(branches) => {
                let ctx = &ctx;
                let branches = branches.iter().enumerate().map(|(number, branch)| async move {
                    let mut sum = 0;
                    for (level, value) in branch.iter().enumerate() {
                        sum = sum * 7 + step(ctx, format!("{at}, {number}, {level}"), *value).await;
                    }
                    sum * (number as u64 + 1)
                });
                sum += join_all(branches).await.into_iter().sum::<u64>();
            }
            Op::IfEven(value) if sum % 2 == 0 => sum += step(&ctx, format!("{at}"), *value).await,
            Op::IfEven(_) => {}
            Op::Fail => return Err(WorkflowError::non_retryable("as it was told")),
        }
        sum %= 1_000_003;
    }
    Ok(sum)
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_comes_to_the_same_whatever_is_lost_or_repeated() {
    let seconds = variable("WORKFLOW_MODEL_SECONDS").unwrap_or(2);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = variable("WORKFLOW_MODEL_SEED").unwrap_or_else(|| u64::try_from(now.as_millis()).unwrap());
    println!("seed {seed}");
    let random = Random::new(seed);
    let faults = LocalQStashFaults::seeded(seed)
        .unreachable(0.05)
        .lost_responses(0.1)
        .repeated(0.1)
        .refused_calls(0.05)
        .lost_answers(0.1);
    let routes = Router::new().route("/model", post(serve(interpreter)));
    let host = Host::start_with(routes, |builder| builder.faults(faults).time_scale(200.0).max_retries(100)).await;
    let until = Instant::now() + Duration::from_secs(seconds);
    let (mut runs, mut failed) = (0_u32, 0_u32);
    while Instant::now() < until {
        let programs: Vec<Vec<Op>> = (0..RUNS).map(|_| program(&random)).collect();
        let run = async |number: usize, program: &[Op]| {
            // An answer that is lost: the same run is triggered again.
            let id = format!("{seed}-{runs}-{number}");
            let trigger = || {
                host.trigger("/model", &program)
                    .run_id(&*id)
                    .retries(100)
                    .retry_delay(RetryDelay::fixed(Duration::from_millis(100)))
            };
            let mut tries = 0;
            let run = loop {
                match host.client.trigger(trigger()).await {
                    Ok(run) => break run,
                    Err(error) if tries < 50 => drop((error, tries += 1)),
                    Err(error) => panic!("seed {seed}: {error}"),
                }
            };
            host.result::<u64>(&run.run_id).await
        };
        let results = join_all(programs.iter().enumerate().map(|(number, program)| run(number, program))).await;
        for (program, result) in programs.iter().zip(results) {
            match (interpreted(program), result) {
                (Some(expected), Ok(result)) => assert_eq!(result, expected, "seed {seed}: {program:?}"),
                (None, Err(RunError::Failed)) => failed += 1,
                (expected, result) => panic!("seed {seed}: {program:?}: {expected:?}, and not {result:?}"),
            }
            runs += 1;
        }
    }
    println!("{runs} runs, of which {failed} failed as they were told; {} calls", host.calls());
    assert!(runs >= 8);
}
