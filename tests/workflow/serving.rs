//! What a function sees beside its context, and what is seen of it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{FromRequestParts, Path, Request, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use axum_upstash::{
    Upstash,
    qstash::FlowControl,
    workflow::{CallRequest, RunError, RunState, WorkflowContext, WorkflowError, WorkflowFailure, serve},
};
use serde_json::{Value, json};
use tower_service::Service;

use crate::{log::Log, support::Host};

const SOON: Duration = Duration::from_secs(20);

/// A user, who is told by a header of the trigger.
struct User(String);

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let name = parts.headers.get("x-user").and_then(|name| name.to_str().ok());
        name.map(|name| Self(name.to_owned())).ok_or((StatusCode::FORBIDDEN, "who are you?"))
    }
}

async fn one() -> Result<u32, WorkflowError> {
    Ok(1)
}

#[tokio::test]
async fn extractors_see_each_delivery() {
    async fn order(
        State(upstash): State<Upstash>,
        Path(shop): Path<String>,
        User(user): User,
        ctx: WorkflowContext<u32>,
    ) -> Result<Value, WorkflowError> {
        let _ = upstash.qstash();
        let one = ctx.run("one", one()).await;
        Ok(json!([shop, user, one, ctx.payload()]))
    }
    async fn failed(
        User(user): User,
        failure: WorkflowFailure<u32>,
    ) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Some(format!("{user}: {}", failure.message)))
    }
    async fn fails(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
        Ok(ctx.run("one", async { Err(WorkflowError::non_retryable("no card")) }).await)
    }
    let routes =
        Router::new().route("/{shop}/order", post(serve(order))).route("/fails", post(serve(fails).on_failure(failed)));
    let host = Host::start(routes).await;
    let (result, calls) = host.run::<Value>(host.trigger("/tea/order", &7).header("x-user", "ann")).await;
    assert_eq!((result.unwrap(), calls), (json!(["tea", "ann", 1, 7]), 2));
    // An extractor that refuses the request answers it.
    let run = host.client.trigger(host.trigger("/tea/order", &7).retries(0)).await.unwrap();
    assert!(matches!(host.client.wait_for_result::<Value>(&run.run_id, SOON).await, Err(RunError::Failed)));
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    let error = &info.steps[1].steps[0].errors[0];
    assert_eq!((error.status.unwrap(), error.body.as_deref()), (StatusCode::FORBIDDEN, Some("who are you?")));
    let run = host.client.trigger(host.trigger("/fails", &7).header("x-user", "ann")).await.unwrap();
    host.local.idle().await;
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    assert_eq!(info.failure.unwrap().response_body.as_deref(), Some(r#"{"result":"ann: no card"}"#));
}

/// The application is deployed anew while a run waits.
#[tokio::test]
async fn a_run_keeps_the_version_that_it_began_with() {
    async fn first(ctx: WorkflowContext<Value>) -> Result<Value, WorkflowError> {
        let one = ctx.run("one", one()).await;
        let paid = tokio::join!(
            ctx.wait_for_event::<u32>("paid", "paid", Duration::from_secs(60)),
            ctx.call("ping", CallRequest::get(ctx.payload()["pong"].as_str().unwrap_or_default())),
        );
        let last = ctx.run("last", one_more(one)).await;
        Ok(json!(["first", last, paid.0.event()]))
    }
    async fn second(ctx: WorkflowContext<Value>) -> Result<Value, WorkflowError> {
        ctx.sleep("something else", Duration::from_secs(1)).await;
        Ok(json!("second"))
    }
    async fn one_more(number: u32) -> Result<u32, WorkflowError> {
        Ok(number + 1)
    }
    /// One of several applications, the one that is deployed.
    #[derive(Clone)]
    struct Deployed(Vec<axum_upstash::workflow::Workflow<Upstash>>, Arc<AtomicU32>);
    impl axum::handler::Handler<(), Upstash> for Deployed {
        type Future = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;
        fn call(self, request: Request, state: Upstash) -> Self::Future {
            let at = self.1.load(Ordering::SeqCst) as usize;
            Box::pin(axum::handler::Handler::call(self.0[at].clone(), request, state))
        }
    }
    let now = Arc::new(AtomicU32::new(0));
    let apps = vec![
        serve(first),
        serve(second).version("v2").with_old(serve(first)),
        serve(first).version("v3").with_old(serve(second).version("v2").with_old(serve(first))),
        serve(second).version("v4"),
    ];
    let routes = Router::new()
        .route("/order", post(Deployed(apps, Arc::clone(&now))))
        .route("/pong", axum::routing::get(|| async { "pong" }));
    let host = Host::start(routes).await;
    let payload = json!({"pong": format!("{}/pong", host.origin)});
    let begin = async |at: u32| {
        now.store(at, Ordering::SeqCst);
        let run = host.client.trigger(host.trigger("/order", &payload)).await.unwrap();
        host.local.idle().await;
        run.run_id
    };
    let runs = [begin(0).await, begin(1).await, begin(2).await];
    assert_eq!(host.client.notify("paid", &5).await.unwrap(), 2);
    host.local.idle().await;
    host.local.advance(Duration::from_secs(1));
    host.local.idle().await;
    let mut results = Vec::new();
    for run in &runs {
        let result = host.client.wait_for_result::<Value>(run, SOON).await;
        let info = host.client.run(run).await.unwrap().unwrap();
        results.push(
            result.unwrap_or_else(|error| panic!("{error}: {:?}", info.steps.last().unwrap().steps[0].errors[0].body)),
        );
    }
    assert_eq!(results, [json!(["first", 2, 5]), json!("second"), json!(["first", 2, 5])]);
    let info = host.client.run(&runs[1]).await.unwrap().unwrap();
    assert_eq!(info.url, format!("{}/order", host.origin), "it is one workflow");
    // A version that is gone is an error that says so.
    let run = begin(2).await;
    now.store(3, Ordering::SeqCst);
    host.client.notify("paid", &5).await.unwrap();
    host.local.idle().await;
    let info = host.client.run(&run).await.unwrap().unwrap();
    let error = info.steps.last().unwrap().steps[0].errors[0].body.clone().unwrap();
    assert!(error.contains("version 'v3' of the workflow, which is not kept"), "{error}");
}

type Seen = Arc<Mutex<Vec<String>>>;

#[tokio::test]
async fn an_observer_sees_what_happens() {
    async fn order(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
        let one = ctx.run("one", one()).await;
        if *ctx.payload() == 0 {
            ctx.run("charge", async { Err::<u32, _>(WorkflowError::non_retryable("no card")) }).await;
        }
        tokio::join!(ctx.run("mail", one_()), ctx.sleep("pause", Duration::from_secs(1)));
        if *ctx.payload() == 2 {
            ctx.cancel().await;
        }
        Ok(one)
    }
    use one as one_;
    let seen = Seen::default();
    let sees = Arc::clone(&seen);
    let order = serve(order)
        .with_observer(move |_, event| sees.lock().unwrap().push(format!("{event:?}")))
        .on_failure(|_: WorkflowFailure<u32>| async { Ok(None) });
    let host = Host::start(Router::new().route("/order", post(order))).await;
    let events = async |payload: u32| {
        let run = host.client.trigger(host.trigger("/order", &payload)).await.unwrap();
        host.local.idle().await;
        host.local.advance(Duration::from_secs(1));
        host.local.idle().await;
        let state = host.client.run(&run.run_id).await.unwrap().unwrap().state;
        (std::mem::take(&mut *seen.lock().unwrap()), state)
    };
    let all = [
        "RunStarted",
        r#"StepStarted { step: "one" }"#,
        r#"StepDone { step: "one", .. }"#,
        r#"StepStarted { step: "mail" }"#,
        r#"StepDone { step: "mail", .. }"#,
        r#"StepStarted { step: "pause" }"#,
        r#"StepDone { step: "pause", .. }"#,
        "RunCompleted",
    ];
    assert_eq!(events(1).await, (all.map(str::to_owned).to_vec(), RunState::Success));
    let (cancelled, state) = events(2).await;
    assert_eq!((cancelled.last().unwrap().as_str(), state), ("RunCanceled", RunState::Canceled));
    let failed = [
        "RunStarted",
        r#"StepStarted { step: "one" }"#,
        r#"StepDone { step: "one", .. }"#,
        r#"StepStarted { step: "charge" }"#,
        r#"DeliveryFailed { step: Some("charge"), is_final: true, .. }"#,
        "RunFailed",
    ];
    assert_eq!(events(0).await, (failed.map(str::to_owned).to_vec(), RunState::Failed));
}

#[tokio::test]
async fn a_function_that_does_not_repeat_itself_is_refused() {
    static TURN: AtomicBool = AtomicBool::new(false);
    async fn random(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
        let _ = ctx.run("first", one()).await;
        // Differs each time.
        let name = if TURN.fetch_xor(true, Ordering::SeqCst) { "mail" } else { "post" };
        Ok(ctx.run(name, one()).await)
    }
    let routes = Router::new()
        .route("/checked", post(serve(random).with_replay_check(true)))
        .route("/unchecked", post(serve(random).with_replay_check(false)));
    let host = Host::start(routes).await;
    let run = host.client.trigger(host.trigger("/checked", &1).retries(0)).await.unwrap();
    host.local.idle().await;
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    let error = info.steps.last().unwrap().steps[0].errors[0].body.clone().unwrap();
    assert!(error.contains("not deterministic") && error.contains("'mail'") && error.contains("'post'"), "{error}");
    // Two deliveries, and one that tells the failure.
    assert_eq!(host.calls(), 3, "the step before is done");
    TURN.store(false, Ordering::SeqCst);
    // Without the check it is seen only when the result comes back.
    let run = host.client.trigger(host.trigger("/unchecked", &1).retries(0)).await.unwrap();
    host.local.idle().await;
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    let steps = &info.steps.last().unwrap().steps;
    assert!(!steps[0].errors.is_empty(), "{info:?}");
    let error = steps[0].errors[0].body.clone().unwrap();
    assert!(error.contains("Incompatible step name"), "{error}");
}

#[tokio::test]
async fn a_payload_that_is_not_accepted_fails_its_run_at_once() {
    async fn order(ctx: WorkflowContext<Value>) -> Result<u32, WorkflowError> {
        let pays = ctx.payload()["pays"].as_str().unwrap_or_default().to_owned();
        ctx.call("charge", CallRequest::get(pays)).await;
        Ok(1)
    }
    let order = serve(order).with_payload_check(|payload| match payload["pays"].is_string() {
        true => Ok(()),
        false => Err("an order has a URL".into()),
    });
    let routes = Router::new().route("/order", post(order)).route("/pays", axum::routing::get(|| async { "paid" }));
    let host = Host::start(routes).await;
    let (result, calls) = host.run::<u32>(host.trigger("/order", &json!({"pays": 1}))).await;
    // One delivery, and one that tells the failure.
    assert!(matches!(result, Err(RunError::Failed)) && calls == 2, "{result:?} after {calls}");
    // The answer to a call is no payload.
    let pays = format!("{}/pays", host.origin);
    let (result, _) = host.run::<u32>(host.trigger("/order", &json!({"pays": pays}))).await;
    assert_eq!(result.unwrap(), 1);
}

/// Each delivery is a span with the names of OpenTelemetry. A delivery that ends before the function does is no error.
#[tokio::test]
async fn deliveries_are_spans_and_only_failures_are_events() {
    async fn order(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
        let one = ctx.run("reserve", one()).await;
        ctx.sleep("pause", Duration::from_secs(1)).await;
        let fails = *ctx.payload() == 0;
        let charge = async move { if fails { Err(WorkflowError::non_retryable("no card")) } else { Ok(one) } };
        Ok(ctx.run("charge", charge).await)
    }
    let (log, _logging) = Log::of(tracing::Level::INFO);
    let host = Host::start(Router::new().route("/flows/order", post(serve(order)))).await;
    log.take();
    let run = async |payload: u32| {
        let run = host.client.trigger(host.trigger("/flows/order", &payload)).await.unwrap();
        host.local.idle().await;
        host.local.advance(Duration::from_secs(1));
        host.local.idle().await;
        (run.run_id, log.take())
    };
    let (_, text) = run(1).await;
    assert!(!text.contains("ERROR") && !text.contains("WARN"), "{text}");
    let (id, text) = run(0).await;
    let line = text.lines().find(|line| line.contains("WARN")).unwrap_or_else(|| panic!("{text}"));
    for part in [
        "workflow delivery",
        r#"messaging.system="qstash""#,
        r#"messaging.operation.name="step""#,
        r#"messaging.destination.name="/flows/order""#,
        r#"otel.kind="consumer""#,
        r#"otel.status_code="ERROR""#,
        r#"error.type="non_retryable""#,
        r#"workflow.step.name="charge""#,
        &format!("messaging.message.conversation_id={id}"),
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

/// Runs with one key share the places of their flow control.
#[tokio::test]
async fn a_flow_control_bounds_the_deliveries_of_all_runs_with_its_key() {
    static RUNNING: AtomicU32 = AtomicU32::new(0);
    static MOST: AtomicU32 = AtomicU32::new(0);
    async fn work() -> Result<u32, WorkflowError> {
        MOST.fetch_max(RUNNING.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // Long enough for others to begin, if they may.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        RUNNING.fetch_sub(1, Ordering::SeqCst);
        Ok(1)
    }
    async fn order(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
        let (one, two, three) = tokio::join!(ctx.run("a", work()), ctx.run("b", work()), ctx.run("c", work()));
        Ok(one + two + three)
    }
    let host = Host::start(Router::new().route("/order", post(serve(order)))).await;
    let most = async |limit: Option<u32>| {
        MOST.store(0, Ordering::SeqCst);
        let triggers = (0..8_u32).map(|number| {
            let trigger = host.trigger("/order", &number);
            match limit {
                Some(limit) => trigger.flow_control(FlowControl::parallelism("bank", limit)),
                None => trigger,
            }
        });
        for run in host.client.trigger_many(triggers).await.unwrap() {
            assert_eq!(host.client.wait_for_result::<u32>(&run.unwrap().run_id, SOON).await.unwrap(), 3);
        }
        MOST.load(Ordering::SeqCst)
    };
    assert_eq!(most(Some(1)).await, 1);
    assert!(most(None).await > 1, "without it they run side by side");
}

/// A workflow is a tower service, without axum.
#[tokio::test]
async fn a_workflow_is_a_service() {
    async fn order(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
        Ok(ctx.run("one", one()).await + ctx.payload())
    }
    let local = axum_upstash::local::LocalQStash::start().await.unwrap();
    let environment = local.environment();
    let variable = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let upstash = axum_upstash::UpstashBuilder::from_env_with(variable).or_memory().build().unwrap();
    let service = serve(order).into_service(upstash.qstash(), upstash.receiver(), ());
    let app = Router::new().route_service("/order", service.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let client = upstash.workflow();
    let run = client.trigger(axum_upstash::workflow::Trigger::new(format!("{origin}/order")).json(&16)).await.unwrap();
    assert_eq!(client.wait_for_result::<u32>(&run.run_id, SOON).await.unwrap(), 17);
    let unsigned = Request::builder().uri("/order").body(axum::body::Body::empty()).unwrap();
    let mut service = service;
    assert_eq!(service.call(unsigned).await.unwrap().into_response().status(), StatusCode::UNAUTHORIZED);
}
