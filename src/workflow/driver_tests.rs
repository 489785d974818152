//! Functions over histories of their own, delivery by delivery.

use super::{
    board::Board,
    context::WorkflowContext,
    driver::{Function, Outcome, Pass, Starts, drive},
    error::{Failure, Retry, WorkflowError},
    history::History,
    record::{Record, StepKind},
    run::Run,
    saga::Saga,
};
use futures_util::future::{join, join_all, try_join};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

type Context = WorkflowContext<()>;

#[derive(Debug)]
struct Unheard;

impl Starts for Unheard {
    fn starts(&self, _: &str) {}
}

async fn deliver<Fut>(steps: &[Record], function: impl Fn(Context) -> Fut) -> Outcome
where
    Fut: Future<Output = Result<u32, WorkflowError>> + Send + 'static,
{
    let board = Arc::new(Board::default());
    let run = Run::new("wfr_1", "https://a.example/order");
    let future = function(WorkflowContext::new((), Arc::new(run), Arc::clone(&board)));
    let function: Function = Box::pin(async move { Ok(Some(future.await?.to_string())) });
    let mut history = History::of_payload("".into());
    for step in steps {
        history.add(step.clone());
    }
    drive(&board, function, &history, Pass::Act(None, &Unheard)).await
}

fn result(step_id: u32, name: &str, out: &str, concurrent: u32) -> Record {
    Record { out: Some(out.into()), ..Record::new(step_id, name, StepKind::Run, concurrent) }
}

fn plan(target: u32, name: &str, concurrent: u32) -> Record {
    Record { target_step: Some(target), ..Record::new(0, name, StepKind::Run, concurrent) }
}

/// Runs a function to its end, with each result in the order in which it comes. Returns the result and the deliveries.
async fn run<Fut>(function: impl Fn(Context) -> Fut) -> (Result<Option<String>, Failure>, u32)
where
    Fut: Future<Output = Result<u32, WorkflowError>> + Send + 'static,
{
    // What each waiting delivery has in its prefix.
    let (mut steps, mut waiting, mut deliveries) = (Vec::<Record>::new(), vec![0_usize], 0);
    while !waiting.is_empty() {
        let prefix = waiting.remove(0);
        deliveries += 1;
        assert!(deliveries < 100, "it never ends");
        match deliver(&steps[..prefix], &function).await {
            Outcome::Finished(result) => return (Ok(result), deliveries),
            Outcome::Failed(failure) => return (Err(failure), deliveries),
            Outcome::Announce(first, orders) => {
                for (at, order) in orders.iter().enumerate() {
                    let target = first + u32::try_from(at).unwrap();
                    let mut plan = plan(target, &order.name, u32::try_from(orders.len()).unwrap());
                    plan.step_type = order.kind().as_str().into();
                    steps.push(plan);
                    waiting.push(steps.len());
                }
            }
            Outcome::Step { order, step_id, concurrent, out } => {
                let mut step = Record::new(step_id, &order.name, order.kind(), concurrent);
                step.out = out;
                steps.push(step);
                waiting.push(steps.len());
            }
            Outcome::Nothing => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("it stands still after {deliveries} deliveries");
}

#[tokio::test]
async fn versions_may_be_in_a_group() {
    async fn versions(ctx: Context) -> Result<u32, WorkflowError> {
        let (one, two) = join(ctx.version("one", 1), ctx.version("two", 20)).await;
        Ok(one + two)
    }
    assert_eq!(run(versions).await, (Ok(Some("21".to_owned())), 5));
}

#[tokio::test]
async fn each_closure_runs_once() {
    let counts = Arc::new([const { AtomicU32::new(0) }; 4]);
    let function = |ctx: Context| {
        let counts = Arc::clone(&counts);
        async move {
            async fn count(counts: &[AtomicU32; 4], at: usize) -> Result<u32, WorkflowError> {
                Ok(counts[at].fetch_add(1, Ordering::SeqCst) + 1)
            }
            // Work borrows what it needs.
            let one = ctx.run("one", count(&counts, 0)).await;
            ctx.sleep("pause", Duration::from_secs(1)).await;
            let (two, three) = join(ctx.run("two", count(&counts, 1)), ctx.run("three", count(&counts, 2))).await;
            let four = ctx.run("four", count(&counts, 3)).await;
            Ok(one + two + three + four)
        }
    };
    let (result, deliveries) = run(function).await;
    // One, the pause, the plans, two of which each has a result, one of those discarded; four and the end.
    assert_eq!((result.unwrap().as_deref(), deliveries), (Some("4"), 8));
    assert!(counts.iter().all(|count| count.load(Ordering::SeqCst) == 1), "{counts:?}");
}

#[tokio::test]
async fn steps_are_executed_in_groups() {
    // More than thirty: from there on `join_all` polls only what was woken.
    let (result, deliveries) = run(|ctx| async move {
        let steps =
            (0..40_u32).map(|number| ctx.run(format!("step {number}"), async move { Ok::<_, WorkflowError>(number) }));
        Ok(join_all(steps).await.into_iter().sum())
    })
    .await;
    assert_eq!((result.unwrap().as_deref(), deliveries), (Some("780"), 81));
}

#[tokio::test]
async fn branches_go_on_level_by_level() {
    let (result, deliveries) = run(|ctx| async move {
        let step = |name: &'static str| ctx.run(name, async { Ok::<_, WorkflowError>(1_u32) });
        let one = async { step("a").await + step("b").await };
        let two = async { step("c").await + step("d").await + step("e").await };
        let (one, two) = join(one, two).await;
        Ok(one + two)
    })
    .await;
    // The groups {a, c} and {b, d}, and e alone: as the official client has it.
    assert_eq!((result.unwrap().as_deref(), deliveries), (Some("5"), 10));
}

#[tokio::test]
async fn a_failure_that_is_a_value_is_kept_and_question_marks_work() {
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Declined(String);
    impl From<Declined> for WorkflowError {
        fn from(Declined(why): Declined) -> Self {
            Self::non_retryable(why)
        }
    }
    let counts = Arc::new(AtomicU32::new(0));
    let function = |ctx: Context| {
        let counts = Arc::clone(&counts);
        async move {
            let charge = ctx.run("charge", async {
                counts.fetch_add(1, Ordering::SeqCst);
                Ok::<_, WorkflowError>(Err::<u32, _>(Declined("no card".into())))
            });
            let mail = ctx.run("mail", async { Ok::<_, WorkflowError>(Ok::<_, Declined>(1_u32)) });
            let (charged, mailed) = try_join(charge, mail).await?;
            Ok(charged + mailed)
        }
    };
    let (result, _) = run(function).await;
    let failure = result.unwrap_err();
    assert_eq!((failure.message.as_str(), failure.retry, failure.step), ("no card", Retry::Never, None));
    assert_eq!(counts.load(Ordering::SeqCst), 1);
}

/// What ends a delivery with an error, and its text.
#[tokio::test]
async fn wrong_use_is_an_error_that_names_the_step() {
    async fn failure<Fut>(steps: &[Record], function: impl Fn(Context) -> Fut) -> (String, Option<String>)
    where
        Fut: Future<Output = Result<u32, WorkflowError>> + Send + 'static,
    {
        match deliver(steps, function).await {
            Outcome::Failed(failure) => (failure.message, failure.step),
            other => panic!("{other:?}"),
        }
    }
    async fn one() -> Result<u32, WorkflowError> {
        Ok(1)
    }
    let nested = |ctx: Context| async move {
        let inner = ctx.clone();
        Ok(ctx.run("outer", async { Ok::<_, WorkflowError>(inner.run("inner", one()).await) }).await)
    };
    let text = "A step can not be run inside another step: 'inner' in 'outer'";
    assert_eq!(failure(&[], nested).await, (text.into(), Some("inner".into())));

    let renamed = |ctx: Context| async move { Ok(ctx.run("new", one()).await) };
    let text = "Incompatible step name. Expected 'new', got 'old' from the request";
    assert_eq!(failure(&[result(1, "old", "1", 1)], renamed).await, (text.into(), Some("new".into())));

    let fewer = |ctx: Context| async move { Ok(join_all((0..2).map(|_| ctx.run("x", one()))).await.len() as u32) };
    let text = "Incompatible number of parallel steps from step 'x' on. Expected 2, got 3 from the request";
    assert_eq!(failure(&[plan(1, "x", 3)], fewer).await, (text.into(), Some("x".into())));

    let retyped = |ctx: Context| async move { Ok(ctx.run("x", one()).await) };
    let text = "the result of the step 'x' is of another type";
    assert_eq!(failure(&[result(1, "x", "\"text\"", 1)], retyped).await, (text.into(), Some("x".into())));

    let unnamed = |ctx: Context| async move { Ok(ctx.run("", one()).await) };
    assert_eq!(failure(&[], unnamed).await.0, "a step has no name");

    let spawned = |ctx: Context| async move {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let task = crate::rt::spawn(async move {
            let _ = sender.send(ctx.run("x", one()).await);
        });
        assert!(task.is_ok());
        Ok(receiver.await.unwrap_or_default())
    };
    let text = "the step 'x' was awaited in a task of its own, and not by the workflow";
    assert_eq!(failure(&[], spawned).await, (text.into(), Some("x".into())));

    // A step that has a race with something else, and loses it.
    let races = |ctx: Context| async move {
        let work = async {
            std::future::pending::<()>().await;
            Ok::<u32, WorkflowError>(1)
        };
        let other = async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        };
        futures_util::future::select(Box::pin(ctx.run("x", work)), Box::pin(other)).await;
        Ok(1)
    };
    let text = "the step 'x' was dropped before it had its result: steps cannot race";
    assert_eq!(failure(&[], races).await, (text.into(), Some("x".into())));

    let fails = |ctx: Context| async move {
        Ok(ctx.run("charge", async { Err::<u32, _>(WorkflowError::retry_after("busy", Duration::from_secs(9))) }).await)
    };
    assert_eq!(failure(&[], fails).await, ("busy".into(), Some("charge".into())));

    let panics = |ctx: Context| async move {
        ctx.run("x", one()).await;
        panic!("no")
    };
    assert_eq!(failure(&[result(1, "x", "1", 1)], panics).await.0, "the workflow panicked");
}

#[tokio::test]
async fn a_function_without_a_step_and_one_that_cancels() {
    assert!(matches!(deliver(&[], |_| async { Ok(1) }).await, Outcome::WithoutStep));
    let cancels = |ctx: Context| async move {
        ctx.run("one", async { Ok::<_, WorkflowError>(1_u32) }).await;
        ctx.cancel().await;
        Ok(1)
    };
    assert!(matches!(deliver(&[result(1, "one", "1", 1)], cancels).await, Outcome::Cancelled));
}

/// A function is changed while runs of it are under way.
#[tokio::test]
async fn old_runs_keep_the_old_way() {
    let changed = |ctx: Context| async move {
        let first = ctx.run("first", async { Ok::<_, WorkflowError>(1_u32) }).await;
        let version = ctx.version("tax", 2).await;
        let second = ctx.run("second", async { Ok::<_, WorkflowError>(10_u32) }).await;
        Ok(first + second + 100 * version)
    };
    let (result, deliveries) = run(changed).await;
    assert_eq!((result.unwrap().as_deref(), deliveries), (Some("211"), 4));
    // It had passed the place before the change.
    let before = [result_of(1, "first", "1"), result_of(2, "second", "10")];
    assert!(matches!(deliver(&before, changed).await, Outcome::Finished(Some(result)) if result == "11"));
    // It had not.
    let at_first = [result_of(1, "first", "1")];
    assert!(
        matches!(deliver(&at_first, changed).await, Outcome::Step { step_id: 2, out: Some(out), .. } if out == "2")
    );
}

fn result_of(step_id: u32, name: &str, out: &str) -> Record {
    result(step_id, name, out, 1)
}

#[tokio::test]
async fn derived_values_are_the_same_in_every_delivery() {
    let values = |ctx: Context| async move {
        let (id, random) = (ctx.uuid(), ctx.random());
        let kept = ctx.run("keep", async { Ok::<_, WorkflowError>((ctx.uuid(), id.clone(), random)) }).await;
        assert_ne!(kept.0, id);
        assert_eq!((kept.1, kept.2), (id, random));
        Ok(1)
    };
    drop(run(values).await.0.unwrap());
}

#[tokio::test]
async fn a_saga_undoes_in_reverse() {
    let undone = Arc::new(std::sync::Mutex::new(Vec::new()));
    let function = |ctx: Context| {
        let undone = Arc::clone(&undone);
        async move {
            let note = |what: &'static str| async move { Ok::<_, WorkflowError>(what.to_owned()) };
            let undo = |what: &'static str| {
                let undone = Arc::clone(&undone);
                async move {
                    undone.lock().unwrap().push(what);
                    Ok::<_, WorkflowError>(())
                }
            };
            let mut saga = Saga::new();
            ctx.run("book", note("book")).await;
            saga.push(ctx.run("free", undo("free")));
            ctx.run("charge", note("charge")).await;
            saga.push(ctx.run("refund", undo("refund")));
            saga.compensate().await;
            Err(WorkflowError::non_retryable("given up"))
        }
    };
    assert_eq!(run(function).await.0.unwrap_err().message, "given up");
    assert_eq!(*undone.lock().unwrap(), ["refund", "free"]);
}
