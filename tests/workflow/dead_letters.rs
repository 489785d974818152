//! Runs that have failed, and go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing::post};
use axum_upstash::{
    ErrorKind,
    qstash::{DeliveryOptions, FlowControl},
    workflow::{
        FailureState, Invocation, RunDlqFilter, RunError, RunState, StepState, WorkflowContext, WorkflowError,
        WorkflowFailure, serve, serve_many,
    },
};
use futures_util::{TryStreamExt, future::join3};
use serde_json::{Value, json};

use crate::support::Host;

const SOON: Duration = Duration::from_secs(20);

/// A workflow whose second step fails for as long as it is said, in a group or alone.
#[derive(Clone, Default)]
struct Fragile {
    is_well: Arc<AtomicBool>,
    reserved: Arc<AtomicU32>,
    told: Arc<AtomicU32>,
    is_told_well: Arc<AtomicBool>,
}

impl Fragile {
    async fn reserve(&self) -> Result<u32, WorkflowError> {
        Ok(self.reserved.fetch_add(1, Ordering::SeqCst) + 1)
    }

    async fn charge(&self) -> Result<u32, WorkflowError> {
        if self.is_well.load(Ordering::SeqCst) { Ok(7) } else { Err(WorkflowError::non_retryable("no card")) }
    }

    fn routes(&self) -> Router<axum_upstash::Upstash> {
        let (alone, group, failed) = (self.clone(), self.clone(), self.clone());
        let alone = move |ctx: WorkflowContext<Value>| {
            let this = alone.clone();
            async move {
                let reserved = ctx.run("reserve", this.reserve()).await;
                let charged = ctx.run("charge", this.charge()).await;
                Ok::<_, WorkflowError>(json!([reserved, charged, ctx.payload()]))
            }
        };
        let alone = serve(alone).on_failure(move |_: WorkflowFailure<Value>| {
            let this = failed.clone();
            async move {
                this.told.fetch_add(1, Ordering::SeqCst);
                if this.is_told_well.load(Ordering::SeqCst) { Ok("heard".to_owned()) } else { Err("not now".into()) }
            }
        });
        let group = move |ctx: WorkflowContext<Value>| {
            let this = group.clone();
            async move {
                let all = join3(
                    ctx.run("charge", this.charge()),
                    ctx.wait_for_event::<u32>("paid", "paid", Duration::from_secs(3600)),
                    ctx.sleep("pause", Duration::from_secs(60)),
                );
                let (charged, paid, ()) = all.await;
                Ok::<_, WorkflowError>(json!([charged, paid.event()]))
            }
        };
        Router::new().route("/alone", post(alone)).route("/group", post(serve(group)))
    }
}

async fn start() -> (Host, Fragile) {
    let fragile = Fragile::default();
    (Host::start(fragile.routes()).await, fragile)
}

/// Runs a workflow until it fails, and returns the id of its dead letter.
async fn fail(host: &Host, path: &str) -> (String, String) {
    let trigger = host.trigger(path, &json!({"sku": 9})).label("spring").retries(0).header("x-shop", "tea");
    let run = host.client.trigger(trigger).await.unwrap();
    let result = host.client.wait_for_result::<Value>(&run.run_id, SOON).await;
    assert!(matches!(result, Err(RunError::Failed)), "{result:?}");
    host.local.idle().await;
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    (run.run_id, info.dlq_id.unwrap().to_string())
}

#[tokio::test]
async fn a_run_goes_on_from_where_it_failed() {
    let (host, fragile) = start().await;
    let (failed, letter) = fail(&host, "/alone").await;
    fragile.is_well.store(true, Ordering::SeqCst);
    let resumed = host.client.dlq().resume(&*letter).await.unwrap();
    assert_ne!(resumed.run_id, failed);
    let result: Value = host.client.wait_for_result(&resumed.run_id, SOON).await.unwrap();
    assert_eq!(result, json!([1, 7, {"sku": 9}]), "what was done is not done again");
    let info = host.client.run(&resumed.run_id).await.unwrap().unwrap();
    assert_eq!(info.labels, ["spring"]);
    let again = host.client.dlq().resume(&*letter).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound, "once");
}

#[tokio::test]
async fn a_run_begins_again_with_its_payload() {
    let (host, fragile) = start().await;
    let (_, letter) = fail(&host, "/alone").await;
    fragile.is_well.store(true, Ordering::SeqCst);
    let restarted = host.client.dlq().restart(&*letter).await.unwrap();
    let result: Value = host.client.wait_for_result(&restarted.run_id, SOON).await.unwrap();
    assert_eq!(result, json!([2, 7, {"sku": 9}]), "from the beginning");
}

/// The other members of the group wait meanwhile: for an event, and for a time.
#[tokio::test]
async fn a_group_goes_on_with_all_that_it_had_under_way() {
    let (host, fragile) = start().await;
    let (_, letter) = fail(&host, "/group").await;
    assert_eq!(host.client.notify("paid", &1).await.unwrap(), 0, "a run that failed waits for nothing");
    fragile.is_well.store(true, Ordering::SeqCst);
    let resumed = host.client.dlq().resume(&*letter).await.unwrap();
    host.local.idle().await;
    let info = host.client.run(&resumed.run_id).await.unwrap();
    let [waiter] = &host.client.waiters("paid").await.unwrap()[..] else { panic!("one waits: {info:?}") };
    assert_eq!(waiter.run_id.as_ref(), Some(&resumed.run_id));
    assert_eq!(host.client.notify("paid", &5).await.unwrap(), 1);
    host.local.idle().await;
    host.local.advance(Duration::from_secs(61));
    let result: Value = host.client.wait_for_result(&resumed.run_id, SOON).await.unwrap();
    assert_eq!(result, json!([7, 5]));
}

#[tokio::test]
async fn entries_are_listed_and_handled_by_filter() {
    let (host, fragile) = start().await;
    let mut failed = Vec::new();
    for _ in 0..3 {
        failed.push(fail(&host, "/alone").await);
    }
    fail(&host, "/group").await;
    let dlq = host.client.dlq();
    let alone = RunDlqFilter::new().url(format!("{}/alone", host.origin)).label("spring");
    let entries: Vec<_> = dlq.list(alone.clone()).page_size(2).try_collect().await.unwrap();
    let ids: Vec<&str> = entries.iter().map(|entry| &*entry.run_id).collect();
    let expected: Vec<&str> = failed.iter().rev().map(|(run, _)| &**run).collect();
    assert_eq!(ids, expected, "the newest first");
    assert_eq!(entries[0].entry.response_status.unwrap().as_u16(), 489);
    assert_eq!(entries[0].failure, Some(FailureState::Failed));
    // Not among those of messages.
    let messages: Vec<_> = host.qstash.dlq().list(axum_upstash::qstash::DlqFilter::new()).try_collect().await.unwrap();
    assert!(messages.is_empty(), "{messages:?}");
    assert_eq!(dlq.delete_many([&*failed[0].1, "1-99"]).await.unwrap(), 1);
    fragile.is_well.store(true, Ordering::SeqCst);
    let overrides = DeliveryOptions::new().retries(1).flow_control(FlowControl::parallelism("bank", 1));
    let resumed = dlq.clone().with_overrides(overrides).resume_where(alone.clone()).await.unwrap();
    assert_eq!(resumed.len(), 2);
    for run in &resumed {
        host.client.wait_for_result::<Value>(&run.run_id, SOON).await.unwrap();
        let info = host.client.run(&run.run_id).await.unwrap().unwrap();
        assert_eq!(info.flow_control_key.as_deref(), Some("bank"));
    }
    assert!(dlq.resume_where(alone).await.unwrap().is_empty());
    assert_eq!(dlq.resume_where(RunDlqFilter::new()).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(dlq.delete_all().await.unwrap(), 1);
    assert_eq!(dlq.delete("1-99").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_failure_function_that_failed_is_called_again() {
    let (host, fragile) = start().await;
    let (run, letter) = fail(&host, "/alone").await;
    let failure = |info: axum_upstash::workflow::RunInfo| info.failure.unwrap();
    let info = failure(host.client.run(&run).await.unwrap().unwrap());
    assert_eq!((info.state, info.errors.len()), (FailureState::Failed, 1));
    assert_eq!((info.fail_status.unwrap().as_u16(), info.fail_response.as_deref()), (489, Some("no card")));
    fragile.is_told_well.store(true, Ordering::SeqCst);
    assert_eq!(host.client.dlq().retry_failure_function(&*letter).await.unwrap().run_id, run);
    host.local.idle().await;
    let info = failure(host.client.run(&run).await.unwrap().unwrap());
    assert_eq!((info.state, info.response_body.as_deref()), (FailureState::Succeeded, Some(r#"{"result":"heard"}"#)));
    assert_eq!(fragile.told.load(Ordering::SeqCst), 2);
    let again = host.client.dlq().retry_failure_function(&*letter).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Refused, "{again}");
}

/// The child ends between the failure of its parent and the time at which that goes on.
#[tokio::test]
async fn a_run_that_goes_on_hears_of_its_child() {
    let fragile = Fragile::default();
    let this = fragile.clone();
    let parent = move |ctx: WorkflowContext<Value>| {
        let this = this.clone();
        async move {
            let child = ctx.invoke::<u32>("child", Invocation::new("child").json(&1));
            let (charged, child) = tokio::join!(ctx.run("charge", this.charge()), child);
            Ok::<_, WorkflowError>(json!([charged, child.returned()]))
        }
    };
    async fn child(ctx: WorkflowContext<Value>) -> Result<u32, WorkflowError> {
        ctx.sleep("pause", Duration::from_secs(60)).await;
        Ok(17)
    }
    let routes = Router::new().route("/{id}", post(serve_many([("parent", serve(parent)), ("child", serve(child))])));
    let host = Host::start(routes).await;
    let (failed, letter) = fail(&host, "/parent").await;
    host.local.advance(Duration::from_secs(61));
    host.local.idle().await;
    let info = host.client.run(&failed).await.unwrap().unwrap();
    let steps: Vec<_> = info.steps[1].steps.iter().map(|step| (step.name.as_deref().unwrap(), step.state)).collect();
    assert_eq!(steps, [("charge", StepState::Failed), ("child", StepState::Success)], "{info:?}");
    fragile.is_well.store(true, Ordering::SeqCst);
    let resumed = host.client.dlq().resume(&*letter).await.unwrap();
    let result: Value = host.client.wait_for_result(&resumed.run_id, SOON).await.unwrap();
    assert_eq!(result, json!([7, 17]));
}

#[tokio::test]
async fn runs_are_cancelled_by_id_and_by_filter() {
    async fn waits(ctx: WorkflowContext<Value>) -> Result<(), WorkflowError> {
        ctx.wait_for_event::<Value>("wait", "never", Duration::from_secs(60)).await;
        Ok(())
    }
    let routes = Router::new().route("/waits", post(serve(waits))).route("/waits/below", post(serve(waits)));
    let host = Host::start(routes).await;
    let mut runs = Vec::new();
    for (path, label) in [("/waits", "a"), ("/waits", "b"), ("/waits/below", "b"), ("/waits/below", "c")] {
        let trigger = host.trigger(path, &1).label(label);
        runs.push(host.client.trigger(trigger).await.unwrap().run_id);
    }
    host.local.idle().await;
    let states = async || {
        let mut states = Vec::new();
        for run in &runs {
            states.push(host.client.run(run).await.unwrap().unwrap().state);
        }
        states
    };
    let filter = axum_upstash::workflow::RunFilter::new;
    assert_eq!(host.client.cancel_many([&*runs[0], "wfr_unknown"]).await.unwrap(), 1);
    assert_eq!(host.client.cancel_many([&*runs[0]]).await.unwrap(), 0, "once");
    let exact = filter().url(format!("{}/waits", host.origin)).label("b");
    assert_eq!(host.client.cancel_where(exact).await.unwrap(), 1);
    use RunState::{Canceled, Started};
    assert_eq!(states().await, [Canceled, Canceled, Started, Started]);
    let prefix = filter().url_prefix(format!("{}/waits", host.origin)).label("b");
    assert_eq!(host.client.cancel_where(prefix).await.unwrap(), 1);
    assert_eq!(host.client.cancel_where(filter()).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(host.client.cancel_all().await.unwrap(), 1);
    assert_eq!(states().await, [Canceled; 4]);
    assert!(host.client.waiters("never").await.unwrap().is_empty());
}
