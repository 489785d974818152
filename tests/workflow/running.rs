//! Runs from their trigger to their result. The counts of calls are those of the official SDK.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
    routing::{any, post},
};
use axum_upstash::{
    qstash::RetryDelay,
    workflow::{
        CallRequest, EventOutcome, Invocation, RunError, Trigger, WorkflowContext, WorkflowError, WorkflowFailure,
        serve, serve_many,
    },
};
use futures_util::future::join;
use serde_json::{Value, json};

use crate::support::Host;

type Context = WorkflowContext<Value>;

async fn value<T>(value: T) -> Result<T, WorkflowError> {
    Ok(value)
}

#[tokio::test]
async fn steps_run_one_after_the_other() {
    async fn path(ctx: Context) -> Result<Value, WorkflowError> {
        let one = ctx.run("one", value(format!("processed {}", ctx.payload()["text"]))).await;
        let two: String = ctx.run("two", value(format!("{one}, twice"))).await;
        Ok(json!({"result": two, "header": ctx.headers()["x-shop"].to_str().unwrap(), "labels": ctx.labels()}))
    }
    let host = Host::start(Router::new().route("/path", post(serve(path)))).await;
    let trigger = host.trigger("/path", &json!({"text": "höher"})).header("x-shop", "tea").label("a").label("b");
    let (result, calls) = host.run::<Value>(trigger).await;
    let expected = json!({"result": "processed \"höher\", twice", "header": "tea", "labels": ["a", "b"]});
    assert_eq!((result.unwrap(), calls), (expected, 3));
}

/// The example of the protocol: a step, a group with a pause in it, and a call.
#[tokio::test]
async fn groups_pauses_and_calls_go_on_where_they_were() {
    let pays = post(|Json(body): Json<Value>| async move { Json(json!({"id": 7, "paid": body["n"]})) });
    let routes = Router::new().route("/pays", pays);
    let order = async |ctx: WorkflowContext<Value>| {
        let sku: u32 = ctx.run("reserve", value(9)).await;
        let mail = ctx.run("mail", value("sent".to_owned()));
        let (mail, ()) = join(mail, ctx.sleep("pause", Duration::from_secs(5))).await;
        let url = ctx.payload()["pays"].as_str().unwrap_or_default();
        let paid = ctx.call("charge", CallRequest::post(url).json(&json!({"n": 1}))).await;
        let paid: Value = paid.json()?;
        Ok::<_, axum_upstash::Error>(json!([sku, mail, paid]))
    };
    let host = Host::start(routes.route("/order", post(serve(order)))).await;
    let pays = format!("{}/pays", host.origin);
    let run = host.client.trigger(host.trigger("/order", &json!({"pays": pays}))).await.unwrap();
    host.local.idle().await;
    // The pause: nothing is called meanwhile.
    assert_eq!(host.calls(), 4);
    host.local.advance(Duration::from_secs(5));
    let result: Value = host.client.wait_for_result(&run.run_id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(result, json!([9, "sent", {"id": 7, "paid": 1}]));
    // Eight of the workflow, and one of the service that is called.
    assert_eq!(host.calls(), 9);
}

#[tokio::test]
async fn an_event_ends_a_wait_and_so_does_its_time() {
    let waits = async |ctx: Context| {
        let [one, two] =
            ["paid", "shipped"].map(|event| ctx.wait_for_event::<Value>(event, event, Duration::from_secs(60)));
        let (one, two) = join(one, two).await;
        Ok::<_, WorkflowError>(json!([one.event(), two == EventOutcome::TimedOut]))
    };
    let host = Host::start(Router::new().route("/waits", post(serve(waits)))).await;
    let run = host.client.trigger(host.trigger("/waits", &Value::Null)).await.unwrap();
    host.local.idle().await;
    assert_eq!(host.client.notify("other", &1).await.unwrap(), 0);
    assert_eq!(host.client.notify("paid", &json!({"amount": 5})).await.unwrap(), 1);
    assert_eq!(host.client.notify("paid", &json!({"amount": 6})).await.unwrap(), 0, "once");
    host.local.idle().await;
    host.local.advance(Duration::from_secs(61));
    let result: Value = host.client.wait_for_result(&run.run_id, Duration::from_secs(20)).await.unwrap();
    assert_eq!((result, host.calls()), (json!([{"amount": 5}, true]), 5));
}

#[tokio::test]
async fn a_run_tells_another_one() {
    let waits = async |ctx: Context| {
        let event = ctx.wait_for_event::<u32>("wait", "ready", Duration::from_secs(60)).await;
        Ok::<_, WorkflowError>(event.event())
    };
    let tells = async |ctx: Context| Ok::<_, WorkflowError>(ctx.notify("tell", "ready", &17).await);
    let routes = Router::new().route("/waits", post(serve(waits))).route("/tells", post(serve(tells)));
    let host = Host::start(routes).await;
    let waiting = host.client.trigger(host.trigger("/waits", &Value::Null)).await.unwrap();
    host.local.idle().await;
    assert_eq!(host.run::<u32>(host.trigger("/tells", &Value::Null)).await.0.unwrap(), 1);
    let heard: Option<u32> = host.client.wait_for_result(&waiting.run_id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(heard, Some(17));
}

#[tokio::test]
async fn a_failure_is_tried_again_and_then_told() {
    let tries = Arc::new(AtomicU32::new(0));
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (counter, heard) = (Arc::clone(&tries), Arc::clone(&told));
    let fails = move |ctx: Context| {
        let counter = Arc::clone(&counter);
        async move {
            let kind = ctx.payload().as_str().unwrap_or_default().to_owned();
            let work = async {
                match (counter.fetch_add(1, Ordering::SeqCst), &*kind) {
                    (_, "never") => Err(WorkflowError::non_retryable("no card")),
                    (0, _) | (_, "always") => Err(WorkflowError::retry_after("busy", Duration::from_secs(1))),
                    (tries, _) => Ok(tries),
                }
            };
            Ok::<u32, WorkflowError>(ctx.run("charge", work).await)
        }
    };
    let on_failure = move |failure: WorkflowFailure<String>| {
        heard.lock().unwrap().push((failure.payload, failure.status, failure.message));
        async { Ok(Some("told".to_owned())) }
    };
    let host = Host::start(Router::new().route("/fails", post(serve(fails).on_failure(on_failure)))).await;
    let (result, calls) = host.run::<u32>(host.trigger("/fails", &"never")).await;
    assert!(matches!(result, Err(RunError::Failed)) && calls == 2, "{result:?} after {calls}");
    assert_eq!(*told.lock().unwrap(), [("never".to_owned(), 489, "no card".to_owned())]);

    tries.store(0, Ordering::SeqCst);
    let run = host.client.trigger(host.trigger("/fails", &"once")).await.unwrap();
    host.local.idle().await;
    host.local.advance(Duration::from_secs(1));
    let result: u32 = host.client.wait_for_result(&run.run_id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(result, 1);

    let run = host.client.trigger(host.trigger("/fails", &"always").retries(1)).await.unwrap();
    host.local.idle().await;
    host.local.advance(Duration::from_secs(1));
    host.local.idle().await;
    let ended = host.client.wait_for_result::<u32>(&run.run_id, Duration::from_secs(20)).await;
    assert!(matches!(ended, Err(RunError::Failed)));
    assert_eq!(told.lock().unwrap().last().unwrap(), &("always".to_owned(), 429, "busy".to_owned()));
}

#[tokio::test]
async fn a_run_is_cancelled_from_inside_and_from_outside() {
    let cancels = async |ctx: Context| {
        ctx.run("one", value(1)).await;
        ctx.cancel().await;
        Ok::<_, WorkflowError>(())
    };
    let sleeps = async |ctx: Context| {
        ctx.sleep("long", Duration::from_secs(3600)).await;
        Ok::<_, WorkflowError>(())
    };
    let routes = Router::new().route("/cancels", post(serve(cancels))).route("/sleeps", post(serve(sleeps)));
    let host = Host::start(routes).await;
    let (result, calls) = host.run::<()>(host.trigger("/cancels", &1)).await;
    assert!(matches!(result, Err(RunError::Canceled)) && calls == 2, "{result:?} after {calls}");
    let run = host.client.trigger(host.trigger("/sleeps", &1)).await.unwrap();
    host.local.idle().await;
    host.client.cancel(&run.run_id).await.unwrap();
    host.client.cancel(&run.run_id).await.unwrap();
    let calls = host.calls();
    host.local.advance(Duration::from_secs(3601));
    host.local.idle().await;
    assert_eq!(host.calls(), calls, "nothing is delivered to a run that has ended");
}

#[tokio::test]
async fn a_run_of_an_id_begins_once() {
    let one = async |ctx: Context| Ok::<_, WorkflowError>(ctx.run("one", value(1_u32)).await);
    let host = Host::start(Router::new().route("/one", post(serve(one)))).await;
    let trigger = || host.trigger("/one", &1).run_id("order-17");
    let taken = host.client.trigger_many([trigger(), trigger()]).await.unwrap();
    let taken: Vec<_> = taken.into_iter().map(Result::unwrap).collect();
    let shown: Vec<_> = taken.iter().map(|run| (&*run.run_id, run.is_deduplicated)).collect();
    assert_eq!(shown, [("wfr_order-17", false), ("wfr_order-17", true)]);
    host.local.idle().await;
    assert_eq!(host.calls(), 2);
    assert!(host.client.trigger(trigger().run_id("../x")).await.is_err());
}

#[tokio::test]
async fn what_is_no_workflow_fails_at_once() {
    let routes = Router::new()
        .route("/returns", post(serve(async |_: Context| Ok::<_, WorkflowError>(1))))
        .route("/other", any(|| async { "hello" }));
    let host = Host::start(routes).await;
    let (result, calls) = host.run::<u32>(host.trigger("/other", &1)).await;
    assert!(matches!(result, Err(RunError::Failed)), "{result:?}");
    assert_eq!(calls, 2, "the delivery, and that of the failure");
    let trigger = host.trigger("/returns", &1).retries(0);
    let (result, calls) = host.run::<u32>(trigger).await;
    assert!(matches!(result, Err(RunError::Failed)) && calls == 2, "{result:?} after {calls}");
}

#[tokio::test]
async fn requests_without_a_signature_are_refused() {
    let one = async |ctx: Context| Ok::<_, WorkflowError>(ctx.run("one", value(1_u32)).await);
    let open = serve(one).without_verification();
    let routes = Router::new().route("/one", post(serve(one))).route("/open", post(open));
    let host = Host::start(routes).await;
    let client = reqwest::Client::new();
    let post = async |path: &str| client.post(format!("{}{path}", host.origin)).body("1").send().await.unwrap();
    assert_eq!(post("/one").await.status(), StatusCode::UNAUTHORIZED);
    // An application that verifies nothing begins a run by a request of its own.
    let begun: Value = post("/open").await.json().await.unwrap();
    let id = begun["workflowRunId"].as_str().unwrap().to_owned();
    let result: u32 = host.client.wait_for_result(&id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(result, 1);
}

/// A trigger is refused before anything is sent.
#[tokio::test]
async fn a_trigger_that_cannot_be_sent_is_an_error() {
    let host = Host::start(Router::new()).await;
    for trigger in [
        Trigger::new("http://127.0.0.1:1/x").header("a b", "c"),
        Trigger::new("http://127.0.0.1:1/x").label("a b"),
        Trigger::new("http://127.0.0.1:1/x").run_id(""),
    ] {
        assert!(host.client.trigger(trigger).await.is_err());
    }
    assert_eq!(host.local.requests(), 0);
}

#[tokio::test]
async fn a_workflow_invokes_another_one() {
    let child = async |ctx: Context| {
        let kind = ctx.payload()["kind"].as_str().unwrap_or_default().to_owned();
        let work = async move { if kind == "fails" { Err(WorkflowError::non_retryable("no")) } else { Ok(42) } };
        Ok::<u32, WorkflowError>(ctx.run("work", work).await)
    };
    let parent = async |ctx: Context| {
        let invoked = ctx.invoke::<u32>("child", Invocation::new("child").json(ctx.payload()));
        let (invoked, beside) = join(invoked, ctx.run("beside", value(1_u32))).await;
        Ok::<_, WorkflowError>((invoked.returned(), beside))
    };
    let workflows = serve_many([("child", serve(child)), ("parent", serve(parent))]);
    let host = Host::start(Router::new().route("/flows/{id}", post(workflows))).await;
    let (result, calls) = host.run::<Value>(host.trigger("/flows/parent", &json!({"kind": "works"}))).await;
    // Five of the parent, and two of the child.
    assert_eq!((result.unwrap(), calls), (json!([42, 1]), 7));
    let (result, _) = host.run::<Value>(host.trigger("/flows/parent", &json!({"kind": "fails"}))).await;
    assert_eq!(result.unwrap(), json!([null, 1]));
    let (result, calls) = host.run::<Value>(host.trigger("/flows/none", &1).retries(0)).await;
    assert!(matches!(result, Err(RunError::Failed)), "{result:?} after {calls}");
}

/// A history that is too long for a delivery is asked for.
#[tokio::test]
async fn a_long_history_is_fetched() {
    let long = async |ctx: Context| {
        let one: String = ctx.run("one", value("é".repeat(1_500_000))).await;
        let two: usize = ctx.run("two", value(one.len())).await;
        Ok::<_, WorkflowError>((one.len(), two, ctx.payload().clone()))
    };
    let host = Host::start(Router::new().route("/long", post(serve(long)))).await;
    let (result, calls) = host.run::<Value>(host.trigger("/long", &json!({"a": 1}))).await;
    assert_eq!((result.unwrap(), calls), (json!([3_000_000, 3_000_000, {"a": 1}]), 3));
}

/// The work of a step outlives the connection that asked for it.
#[tokio::test]
async fn a_delivery_that_is_given_up_is_done_all_the_same() {
    let counter = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&counter);
    let slow = move |ctx: Context| {
        let counter = Arc::clone(&counted);
        async move {
            let work = async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok::<_, WorkflowError>(counter.fetch_add(1, Ordering::SeqCst) + 1)
            };
            Ok::<u32, WorkflowError>(ctx.run("slow", work).await)
        }
    };
    let routes = Router::new().route("/slow", post(serve(slow)));
    let host = Host::start_with(routes, |builder| builder.max_timeout(Duration::from_millis(100))).await;
    let run = host
        .client
        .trigger(host.trigger("/slow", &1).retry_delay(RetryDelay::fixed(Duration::from_secs(3600))))
        .await
        .unwrap();
    let result: u32 = host.client.wait_for_result(&run.run_id, Duration::from_secs(20)).await.unwrap();
    assert_eq!((result, counter.load(Ordering::SeqCst)), (1, 1));
}

/// An answer takes its time after the next step was submitted: that is delivered afterwards. So is the end of a child.
#[tokio::test]
async fn an_endpoint_answers_a_delivery_before_it_hears_of_what_that_caused() {
    #[derive(Clone, Default)]
    struct Overlap(Arc<AtomicU32>, Arc<AtomicU32>);
    async fn slow(State(Overlap(running, most)): State<Overlap>, request: Request, next: Next) -> Response {
        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let answer = next.run(request).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        running.fetch_sub(1, Ordering::SeqCst);
        answer
    }
    async fn child(ctx: Context) -> Result<u32, WorkflowError> {
        ctx.run("one", value(1)).await;
        Ok(ctx.run("two", value(2)).await)
    }
    async fn parent(ctx: Context) -> Result<Option<u32>, WorkflowError> {
        ctx.run("one", value(1)).await;
        let child = ctx.invoke::<u32>("child", Invocation::new("child").json(&1)).await;
        Ok(ctx.run("two", value(child.returned())).await)
    }
    let overlap = Overlap::default();
    let flows = serve_many([("parent", serve(parent)), ("child", serve(child))]);
    let flows = Router::new().route("/flows/{id}", post(flows));
    let host = Host::start(flows.layer(middleware::from_fn_with_state(overlap.clone(), slow))).await;
    let (result, calls) = host.run::<Value>(host.trigger("/flows/parent", &1)).await;
    assert_eq!((result.unwrap(), calls), (json!(2), 7));
    // The first delivery of a child is no consequence that waits.
    assert!(overlap.1.load(Ordering::SeqCst) <= 2);
    let (result, _) = host.run::<Value>(host.trigger("/flows/child", &1)).await;
    assert_eq!((result.unwrap(), overlap.0.load(Ordering::SeqCst)), (json!(2), 0));
    overlap.1.store(0, Ordering::SeqCst);
    host.run::<Value>(host.trigger("/flows/child", &1)).await.0.unwrap();
    assert_eq!(overlap.1.load(Ordering::SeqCst), 1, "one after another");
}

/// A third party calls a URL: while the run waits for it, or before.
#[tokio::test]
async fn a_webhook_is_called() {
    let waits = async |ctx: Context| {
        let webhook = ctx.create_webhook("webhook").await;
        let is_early = ctx.payload() == &json!("early");
        let call = async {
            if is_early {
                let call = reqwest::Client::new().put(format!("{}?x=1", webhook.url)).body("early").send().await?;
                call.error_for_status()?;
            }
            Ok::<_, reqwest::Error>(())
        };
        ctx.run("call", call).await;
        let called = ctx.wait_for_webhook("called", &webhook, Duration::from_secs(60)).await;
        let shown = called.event().map(|request| {
            let is_own = request.url.strip_suffix("?x=1") == Some(&webhook.url);
            json!([request.method, is_own, String::from_utf8_lossy(&request.body)])
        });
        Ok::<_, WorkflowError>(shown)
    };
    let host = Host::start(Router::new().route("/waits", post(serve(waits)))).await;
    let (result, calls) = host.run::<Value>(host.trigger("/waits", &"early")).await;
    assert_eq!((result.unwrap(), calls), (json!(["PUT", true, "early"]), 4));
    let run = host.client.trigger(host.trigger("/waits", &"late")).await.unwrap();
    host.local.idle().await;
    host.local.advance(Duration::from_secs(61));
    let result: Value = host.client.wait_for_result(&run.run_id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(result, Value::Null);
    let gone = reqwest::get(format!("{}/v2/workflows/hooks/defaultUser/{}/evt_1", host.local.url(), run.run_id));
    assert_eq!(gone.await.unwrap().status(), 404);
}

/// An event for one run is kept until the run waits for it.
#[tokio::test]
async fn an_event_for_a_run_may_come_early() {
    let waits = async |ctx: Context| {
        ctx.sleep("pause", Duration::from_secs(5)).await;
        let event = ctx.wait_for_event::<u32>("wait", "ready", Duration::from_secs(60)).await;
        Ok::<_, WorkflowError>(event.event())
    };
    let host = Host::start(Router::new().route("/waits", post(serve(waits)))).await;
    let run = host.client.trigger(host.trigger("/waits", &1)).await.unwrap();
    host.local.idle().await;
    host.client.notify_run(&run.run_id, "ready", &17).await.unwrap();
    host.local.advance(Duration::from_secs(5));
    let heard: Option<u32> = host.client.wait_for_result(&run.run_id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(heard, Some(17));
    assert!(host.client.notify_run(&run.run_id, "ready", &17).await.is_err(), "it has ended");
}

/// Runs that are begun by the REST API, without an SDK: the endpoint takes them over.
#[tokio::test]
async fn a_run_is_begun_without_an_sdk() {
    let one = async |ctx: Context| {
        let shop = ctx.headers().get("x-shop").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok::<_, WorkflowError>((ctx.run("one", value(1_u32)).await, shop, ctx.payload().clone()))
    };
    let routes = Router::new().route("/one", post(serve(one))).route("/other", any(|| async { "hello" }));
    let host = Host::start(routes).await;
    let client = reqwest::Client::new();
    let ask = async |path: String, body: String| {
        let request = client.post(format!("{}/v2/{path}", host.local.url())).bearer_auth(host.local.token());
        let request = request.header("upstash-workflow-unknown-sdk", path.ends_with("/one").to_string());
        let answer = request.header("upstash-forward-x-shop", "tea").body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, begun) = ask(format!("trigger/{}/one", host.origin), r#"{"a":1}"#.into()).await;
    assert_eq!(status, 200);
    let id = begun["workflowRunId"].as_str().unwrap();
    let result: Value = host.client.wait_for_result(id, Duration::from_secs(20)).await.unwrap();
    host.local.idle().await;
    // One more than otherwise.
    assert_eq!((result, host.calls()), (json!([1, "tea", {"a": 1}]), 3));

    let item = |path: &str, id: &str| json!({"destination": format!("{}{path}", host.origin), "body": "7", "headers": {"upstash-workflow-runid": id}});
    let items = json!([item("/one", "a"), item("/one", "a"), item("/other", "b"), {"destination": "x"}]);
    let (status, begun) = ask("batch/trigger".into(), items.to_string()).await;
    assert_eq!((status, &begun[0]["deduplicated"], &begun[1]["deduplicated"]), (201, &json!(false), &json!(true)));
    assert!(begun[3]["error"].is_string(), "{begun}");
    let result: Value = host.client.wait_for_result("wfr_a", Duration::from_secs(20)).await.unwrap();
    assert_eq!(result, json!([1, "", 7]));
    let other = host.client.wait_for_result::<Value>("wfr_b", Duration::from_secs(20)).await;
    assert!(matches!(other, Err(RunError::Failed)), "{other:?}");
}
