//! Runs as the logs show them.

use std::time::{Duration, SystemTime};

use axum::{Router, routing::post};
use axum_upstash::{
    qstash::RetryDelay,
    workflow::{CallRequest, RunFilter, RunState, StepState, WorkflowContext, WorkflowError, serve},
};
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use crate::support::Host;

async fn order(ctx: WorkflowContext<Value>) -> Result<Value, WorkflowError> {
    let sku: u32 = ctx.run("reserve", async { Ok::<_, WorkflowError>(9) }).await;
    let mail = ctx.run("mail", async { Ok::<_, WorkflowError>("sent".to_owned()) });
    tokio::join!(mail, ctx.wait_for_event::<u32>("paid", "paid", Duration::from_secs(60)));
    let url = ctx.payload()["pays"].as_str().unwrap_or_default();
    let paid = ctx.call("charge", CallRequest::post(url)).await;
    Ok(json!([sku, paid.status]))
}

/// Each step as `kind name state`, in its groups.
fn shown(run: &axum_upstash::workflow::RunInfo) -> Vec<String> {
    let group = |group: &axum_upstash::workflow::StepGroup| {
        let kind = if group.is_next {
            "next"
        } else if group.is_parallel {
            "parallel"
        } else {
            "sequential"
        };
        let steps: Vec<String> = group
            .steps
            .iter()
            .map(|step| format!("{} {:?}", step.name.as_deref().unwrap_or("-"), step.state))
            .collect();
        format!("{kind}: {}", steps.join(", "))
    };
    run.steps.iter().map(group).collect()
}

#[tokio::test]
async fn a_run_is_shown_with_its_steps() {
    let pays = post(|| async { "paid" });
    let host = Host::start(Router::new().route("/order", post(serve(order))).route("/pays", pays)).await;
    let payload = json!({"pays": format!("{}/pays", host.origin)});
    let run = host.client.trigger(host.trigger("/order", &payload).label("a").label("b")).await.unwrap();
    host.local.idle().await;
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    let groups = ["sequential: init Success", "sequential: reserve Success", "parallel: mail Success, paid InProgress"];
    assert_eq!(shown(&info), groups);
    let waiting = &info.steps[2].steps[1];
    assert_eq!((waiting.event.as_deref(), waiting.id), (Some("paid"), Some(3)));
    assert_eq!((info.state, info.completed_at, info.labels.len()), (RunState::Started, None, 2));
    host.client.notify("paid", &5).await.unwrap();
    let result: Value = host.client.wait_for_result(&run.run_id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(result, json!([9, 200]));
    host.local.idle().await;
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    let groups = [
        "sequential: init Success",
        "sequential: reserve Success",
        "parallel: mail Success, paid Success",
        "sequential: charge Success",
    ];
    assert_eq!(shown(&info), groups);
    let [init, reserve, charge] = [0, 1, 3].map(|group| &info.steps[group].steps[0]);
    assert_eq!(init.out.as_deref(), Some(&*payload.to_string()));
    assert_eq!((reserve.out.as_deref(), reserve.kind.as_deref(), reserve.id), (Some("9"), Some("Run"), Some(1)));
    assert_eq!(charge.call_status.unwrap(), 200);
    assert_eq!((info.result.as_deref(), info.state), (Some("[9,200]"), RunState::Success));
    assert!(info.completed_at >= info.created_at && info.created_at.is_some());
}

#[tokio::test]
async fn failures_are_shown_with_what_the_endpoint_answered() {
    async fn fails(ctx: WorkflowContext<Value>) -> Result<(), WorkflowError> {
        ctx.run("charge", async { Err::<(), _>(std::io::Error::other("no card")) }).await;
        Ok(())
    }
    let host = Host::start(Router::new().route("/fails", post(serve(fails)))).await;
    let trigger = host.trigger("/fails", &1).retries(1).retry_delay(RetryDelay::fixed(Duration::from_secs(60)));
    let run = host.client.trigger(trigger).await.unwrap();
    host.local.idle().await;
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    assert_eq!(shown(&info), ["sequential: init Success", "next: - Retry"]);
    let next = &info.steps[1].steps[0];
    assert!(next.next_delivery_time > Some(SystemTime::now() + Duration::from_secs(30)));
    assert_eq!(next.errors[0].status.unwrap(), 500);
    assert!(next.errors[0].body.as_deref().unwrap().contains("no card"));
    host.local.advance(Duration::from_secs(61));
    host.local.idle().await;
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    assert_eq!((shown(&info)[1].as_str(), info.state), ("next: - Failed", RunState::Failed));
    assert_eq!(info.steps[1].steps[0].errors.len(), 2);
}

#[tokio::test]
async fn what_is_redacted_is_not_shown() {
    let host = Host::start(Router::new().route("/path", post(serve(secret)))).await;
    async fn secret(ctx: WorkflowContext<Value>) -> Result<Value, WorkflowError> {
        ctx.run("reserve", async { Ok::<_, WorkflowError>("secret".to_owned()) }).await;
        Ok(json!("secret"))
    }
    let trigger = host.trigger("/path", &"secret").header("x-key", "secret").redact_body().redact_header("x-key");
    let (result, _) = host.run::<Value>(trigger).await;
    assert_eq!(result.unwrap_err().to_string(), "the result of the run is of another type: Syntax error");
    let url = format!("{}/v2/workflows/events?groupBy=workflowRunId", host.local.url());
    let shown = reqwest::Client::new().get(url).bearer_auth(host.local.token()).send().await.unwrap();
    let shown = shown.text().await.unwrap();
    assert!(shown.contains("REDACTED:") && !shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn runs_are_listed_in_pages_and_by_filter() {
    async fn one(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
        ctx.run("one", async { Ok::<_, WorkflowError>(()) }).await;
        if *ctx.payload() == 7 { Err(WorkflowError::non_retryable("seven")) } else { Ok(*ctx.payload()) }
    }
    let host = Host::start(Router::new().route("/one", post(serve(one))).route("/other", post(serve(one)))).await;
    let triggers: Vec<_> = (0..25_u32)
        .map(|number| {
            let path = if number % 5 == 0 { "/other" } else { "/one" };
            host.trigger(path, &number).label(format!("n{}", number % 2)).run_id(format!("run-{number}"))
        })
        .collect();
    host.client.trigger_many(triggers).await.unwrap();
    host.local.idle().await;
    let all: Vec<_> = host.client.runs(RunFilter::new()).try_collect().await.unwrap();
    let mut ids: Vec<&str> = all.iter().map(|run| &*run.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), all.len()), (25, 25), "each once");
    let count = async |filter: RunFilter| host.client.runs(filter).try_collect::<Vec<_>>().await.unwrap().len();
    assert_eq!(count(RunFilter::new().url(format!("{}/other", host.origin))).await, 5);
    assert_eq!(count(RunFilter::new().label("n1")).await, 12);
    assert_eq!(count(RunFilter::new().label("n1").label("n0").state(RunState::Failed)).await, 1);
    assert_eq!(count(RunFilter::new().run_id("wfr_run-3")).await, 1);
    assert_eq!(count(RunFilter::new().from(SystemTime::now() + Duration::from_secs(60))).await, 0);
    assert_eq!(count(RunFilter::new().created_at(all[0].created_at.unwrap()).run_id(&all[0].id)).await, 1);
    let error = host.client.runs(RunFilter::new().url_prefix("http")).page().await.unwrap_err();
    assert_eq!(error.kind(), axum_upstash::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_cancelled_run_shows_what_was_under_way() {
    async fn slow(ctx: WorkflowContext<Value>) -> Result<(), WorkflowError> {
        ctx.sleep("pause", Duration::from_secs(60)).await;
        Ok(())
    }
    let host = Host::start(Router::new().route("/slow", post(serve(slow)))).await;
    let run = host.client.trigger(host.trigger("/slow", &1)).await.unwrap();
    host.local.idle().await;
    host.client.cancel(&run.run_id).await.unwrap();
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    assert_eq!(info.steps.last().unwrap().steps[0].state, StepState::Canceled, "{info:?}");
    assert!(info.steps.last().unwrap().is_next && info.completed_at.is_some());
}
