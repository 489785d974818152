//! The workflows of `interop/workflow-routes.mjs`, in this crate.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{extract::State, http::Method};
use axum_upstash::{
    Upstash,
    workflow::{
        CallRequest, CallResponse, Invocation, InvokeOutcome, ManyWorkflows, Trigger, WorkflowContext, WorkflowError,
        WorkflowFailure, serve, serve_many,
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::join;

type Context = WorkflowContext<Value>;
type Result<T = Value> = std::result::Result<T, WorkflowError>;

const SECOND: Duration = Duration::from_secs(1);

/// The addresses that the workflows call.
#[derive(Clone)]
struct Places(Arc<[String; 3]>);

impl Places {
    fn service(&self, path: &str) -> String {
        format!("{}/{path}", self.0[0])
    }

    fn call(&self, method: Method, path: &str) -> CallRequest {
        CallRequest::new(method, self.service(path))
    }

    /// Begins a run without an SDK. Returns its id.
    async fn fetch(
        &self,
        url: &str,
        body: &impl Serialize,
        is_unknown: bool,
    ) -> std::result::Result<String, reqwest::Error> {
        let request = reqwest::Client::new().post(format!("{}/v2/trigger/{url}", self.0[1])).bearer_auth(&self.0[2]);
        let request = request.header("upstash-workflow-unknown-sdk", is_unknown.to_string()).json(body);
        let begun: Value = request.send().await?.json().await?;
        Ok(begun["workflowRunId"].as_str().unwrap_or_default().to_owned())
    }
}

async fn value<T>(value: T) -> Result<T> {
    Ok(value)
}

/// The body of an answer: JSON, or else text.
fn body(answer: &CallResponse) -> Value {
    answer.json().unwrap_or_else(|_| String::from_utf8_lossy(&answer.body).into())
}

async fn path(ctx: Context) -> Result {
    let one = ctx.run("one", value(format!("processed {}", ctx.payload().as_str().unwrap_or_default()))).await;
    let two: String = ctx.run("two", value(format!("{one}, twice"))).await;
    let three: bool = ctx.run("three", value(true)).await;
    Ok(json!([two, three, ctx.headers()["x-shop"].to_str().unwrap_or_default()]))
}

async fn sleep(ctx: Context) -> Result<u32> {
    ctx.run("one", value(1)).await;
    ctx.sleep_until("until", ctx.created_at().unwrap_or_else(SystemTime::now) + 3 * SECOND).await;
    ctx.run("two", value(2)).await;
    ctx.sleep("for", 2 * SECOND).await;
    Ok(ctx.run("three", value(3)).await)
}

async fn retries(ctx: Context) -> Result {
    for tries in 1.. {
        if ctx.run("attempt", value(tries == 3)).await {
            break;
        }
        ctx.sleep("pause", 2 * SECOND).await;
    }
    let (one, two, ()) = join!(ctx.run("update", value(1)), ctx.run("send", value(2)), ctx.sleep("pause", 5 * SECOND));
    Ok(json!([one, two]))
}

async fn guarded(ctx: Context) -> Result<u32> {
    if ctx.headers().get("x-key").is_none_or(|key| key != "right") {
        return Ok(0);
    }
    ctx.run("one", value(1)).await;
    Ok(ctx.run("two", value(2)).await)
}

async fn fails(ctx: Context) -> Result<()> {
    let is_final = ctx.payload() == "at once";
    let charge = async move {
        if is_final {
            Err(WorkflowError::non_retryable("no card").into())
        } else {
            Err(Box::<dyn std::error::Error + Send + Sync>::from("no card"))
        }
    };
    let charged: Value = ctx.run("charge", charge).await;
    drop(charged);
    Ok(())
}

async fn failed(
    failure: WorkflowFailure<Value>,
) -> std::result::Result<String, Box<dyn std::error::Error + Send + Sync>> {
    Ok(format!("{} {}", failure.status, failure.message))
}

async fn two(ctx: Context) -> Result {
    ctx.run("one", value(1)).await;
    ctx.run("two", value(2)).await;
    let (one, two) = join!(
        ctx.invoke::<Value>("branch 0", Invocation::new("branch-one").json(ctx.payload())),
        ctx.invoke::<Value>("branch 1", Invocation::new("branch-two").json(ctx.payload())),
    );
    Ok(json!([ctx.labels()[0], one.returned(), two.returned()]))
}

async fn branch_one(ctx: Context) -> Result {
    let id = ctx.payload().as_str().unwrap_or_default();
    let never = ctx.wait_for_event::<Value>("never", format!("{id}-never"), SECOND).await;
    let told = ctx.wait_for_event::<Value>("told", format!("{id}-told"), 20 * SECOND).await;
    ctx.sleep("pause", SECOND).await;
    Ok(json!([never.event().is_none(), told.event()]))
}

async fn invokes(ctx: Context) -> Result {
    ctx.run("one", value(1)).await;
    let first = ctx.invoke::<Value>("two", Invocation::new("two").json(ctx.payload()).label("label")).await;
    ctx.call("four", CallRequest::workflow("four").body("x")).await;
    let failed = ctx.invoke::<Value>("three", Invocation::new("three").json("x").retries(0)).await;
    ctx.run("two", value(2)).await;
    ctx.sleep("pause", 3 * SECOND).await;
    Ok(json!([first.returned(), failed == InvokeOutcome::Failed, null]))
}

async fn failing(ctx: Context) -> Result<()> {
    let late = ctx.invoke::<Value>("late", Invocation::new("late").json("x"));
    join!(late, ctx.run("fails", async { Err::<Value, _>(WorkflowError::non_retryable("no")) }));
    Ok(())
}

async fn parent(State(_): State<Upstash>, ctx: Context) -> Result<bool> {
    ctx.run("one", value(1)).await;
    let failing = ctx
        .invoke::<Value>(
            "failing",
            Invocation::new("failing").json("x").run_id(ctx.payload().as_str().unwrap_or_default()),
        )
        .await;
    ctx.run("two", value(2)).await;
    Ok(failing == InvokeOutcome::Failed)
}

async fn children(ctx: Context) -> Result<()> {
    for child in ["runAndSleep", "callOne", "waitOne"] {
        ctx.invoke::<Value>(child, Invocation::new(child).json(ctx.payload())).await;
        ctx.run(format!("check {child}"), value(1)).await;
    }
    Ok(())
}

pub(crate) fn flows(services: &str, qstash: &str, token: &str) -> ManyWorkflows<Upstash> {
    let places = Places(Arc::new([services.to_owned(), qstash.to_owned(), token.to_owned()]));
    // Each closure has the places of its own.
    macro_rules! flow {
        (|$places:ident, $ctx:ident| $work:expr) => {{
            let places = places.clone();
            serve(move |State(upstash): State<Upstash>, $ctx: Context| {
                let $places = places.clone();
                async move {
                    let _ = &upstash;
                    $work
                }
            })
        }};
    }
    let call = flow!(|places, ctx| {
        let mut results = Vec::new();
        results.push(body(&ctx.call("post", places.call(Method::POST, "service").body("posted")).await));
        ctx.sleep("pause", 2 * SECOND).await;
        let got = ctx.call("get", places.call(Method::GET, "service")).await;
        results.push(json!(got.headers["X-Service"][0]));
        let delay = axum_upstash::qstash::RetryDelay::fixed(SECOND);
        let patched = ctx.call("patch", places.call(Method::PATCH, "service").retries(1).retry_delay(delay)).await;
        results.push(json!(patched.status));
        results.push(body(&ctx.call("put", places.call(Method::PUT, "service")).await));
        results.push(body(&ctx.call("delete", places.call(Method::DELETE, "service")).await));
        Ok::<_, WorkflowError>(results)
    });
    let call_fails = flow!(|places, ctx| Ok::<_, WorkflowError>(
        ctx.call("patch", places.call(Method::PATCH, "service")).await.status
    ));
    let call_fails = call_fails.on_failure(failed);
    let notifier = flow!(|_places, ctx| {
        let id = ctx.payload().as_str().unwrap_or_default();
        for (name, data) in [("text", json!("text")), ("object", json!({"with": 1}))] {
            ctx.sleep(format!("before {name}"), SECOND).await;
            ctx.notify(format!("notify {name}"), format!("{id}-{name}"), &data).await;
        }
        Ok::<_, WorkflowError>(ctx.run("end", value(1)).await)
    });
    let waits = flow!(|places, ctx| {
        let id = ctx.payload().as_str().unwrap_or_default();
        let wait = |name: &str| ctx.wait_for_event::<Value>(name, format!("{id}-{name}"), 10 * SECOND);
        let never = ctx.wait_for_event::<Value>("never", format!("{id}-never"), SECOND).await;
        ctx.run("config", value(1)).await;
        let start = places.call(Method::POST, "notify").body(id);
        let (_, sdk) = join!(ctx.call("start", start), wait("sdk"));
        let (_, text) = join!(ctx.call("start", CallRequest::workflow("notifier").body(id)), wait("text"));
        let object = wait("object").await;
        ctx.sleep("pause", SECOND).await;
        ctx.run("check", value(1)).await;
        Ok::<_, WorkflowError>(json!([never.event().is_none(), sdk.event(), text.event(), object.event()]))
    });
    let webhook = flow!(|places, ctx| {
        let unused = ctx.create_webhook("unused").await;
        let never = ctx.wait_for_webhook("never", &unused, SECOND).await;
        let used = ctx.create_webhook("used").await;
        let called = ctx.call("call", places.call(Method::POST, "hook").json(&json!({"url": used.url}))).await;
        let request = ctx.wait_for_webhook("called", &used, 30 * SECOND).await.event();
        ctx.run("end", value(1)).await;
        let (url, text) =
            request.map(|request| (request.url, String::from_utf8_lossy(&request.body).into_owned())).unzip();
        Ok::<_, WorkflowError>(json!([
            never.event().is_none(),
            called.status,
            url.is_none(),
            url == Some(used.url),
            text
        ]))
    });
    let branch_two = flow!(|places, ctx| {
        let depth = ctx.call("call", places.call(Method::GET, "depth")).await;
        ctx.sleep("pause", 5 * SECOND).await;
        let id = ctx.payload().as_str().unwrap_or_default();
        let told = ctx.notify("tell", format!("{id}-told"), &"data").await;
        ctx.sleep("check", SECOND).await;
        Ok::<_, WorkflowError>(json!([String::from_utf8_lossy(&depth.body), told]))
    });
    let late = flow!(|_places, ctx| {
        ctx.sleep("pause", 3 * SECOND).await;
        Ok::<_, WorkflowError>(ctx.run("one", value(1)).await)
    });
    let places_of_foreign = places.clone();
    let foreign = serve(move |State(upstash): State<Upstash>, ctx: Context| {
        let places = places_of_foreign.clone();
        async move {
            let client = upstash.workflow();
            let trigger = Trigger::new(places.service("foreign"));
            let run =
                ctx.run("trigger", async { Ok::<_, axum_upstash::Error>(client.trigger(trigger).await?.run_id) }).await;
            ctx.sleep("pause", 5 * SECOND).await;
            let logs = async {
                let info = client.run(&run).await?.ok_or("no run")?;
                let next = &info.steps[1];
                let kind = if next.is_next { "next" } else { "other" };
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(json!([
                    info.state.as_str(),
                    kind,
                    next.steps[0].errors.len()
                ]))
            };
            Ok::<Value, WorkflowError>(ctx.run("logs", logs).await)
        }
    });
    let custom = {
        serve(move |State(_): State<Upstash>, ctx: Context| async move {
            let target = format!("{}/target", ctx.url().rsplit_once('/').map_or("", |(origin, _)| origin));
            let mut statuses = Vec::new();
            for header in ["Upstash-Workflow-Is-Failure", "Upstash-Workflow-Callback", "X-Other"] {
                let request = CallRequest::post(&*target).body("{}").header(header, "true");
                statuses.push(ctx.call(header, request).await.status >= 400);
            }
            Ok::<_, WorkflowError>(statuses)
        })
    };
    let huge = |places: &Places| places.call(Method::GET, "service").retries(1_000_000);
    let quota_one = flow!(|places, ctx| Ok::<_, WorkflowError>(ctx.call("huge", huge(&places)).await.status));
    let quota_two = flow!(|places, ctx| {
        join!(ctx.call("normal", places.call(Method::GET, "service")), ctx.call("huge", huge(&places)));
        Ok::<_, WorkflowError>(())
    });
    let quota = serve(move |State(upstash): State<Upstash>, ctx: Context| async move {
        let client = upstash.workflow();
        let start = |at: u32, id: &str| ctx.call(format!("start {at}"), CallRequest::workflow(id).body("x"));
        let (one, two) = join!(start(0, "quota-one"), start(1, "quota-two"));
        ctx.sleep("pause", 5 * SECOND).await;
        let mut states: Vec<String> = Vec::new();
        for (at, started) in [one, two].iter().enumerate() {
            let id = body(started)["workflowRunId"].as_str().unwrap_or_default().to_owned();
            let state = async {
                let info = client.run(&id).await?.ok_or("no run")?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(info.state.as_str().to_owned())
            };
            states.push(ctx.run(format!("logs {at}"), state).await);
        }
        Ok::<_, WorkflowError>(states)
    });
    let call_one = flow!(|places, ctx| {
        ctx.call("call", places.call(Method::GET, "service")).await;
        Ok::<_, WorkflowError>(())
    });
    let run_and_sleep = flow!(|_places, ctx| {
        ctx.run("one", value(1)).await;
        ctx.sleep("pause", SECOND).await;
        Ok::<_, WorkflowError>(())
    });
    let wait_one = flow!(|_places, ctx| {
        let id = ctx.payload().as_str().unwrap_or_default();
        ctx.wait_for_event::<Value>("never", format!("{id}-never"), SECOND).await;
        Ok::<_, WorkflowError>(())
    });
    let hooked = flow!(|_places, ctx| {
        ctx.run("one", value(1)).await;
        let url = ctx.payload()["url"].as_str().unwrap_or_default().to_owned();
        let call = async move {
            let answer = reqwest::Client::new().post(url).body("done").send().await?;
            Ok::<_, reqwest::Error>(answer.status().as_u16())
        };
        ctx.run("call", call).await;
        Ok::<_, WorkflowError>(())
    });
    let places_of_fetches = places.clone();
    let fetches = serve(move |State(upstash): State<Upstash>, ctx: Context| {
        let places = places_of_fetches.clone();
        async move {
            let client = upstash.workflow();
            let hook = ctx.create_webhook("hook").await;
            let own = format!("{}/hooked", ctx.url().rsplit_once('/').map_or("", |(origin, _)| origin));
            let payload = json!({"url": hook.url});
            ctx.run("trigger", places.fetch(&own, &payload, true)).await;
            ctx.run("trigger", places.fetch(&own, &payload, false)).await;
            let run: String = ctx.run("foreign", places.fetch(&places.service("foreign"), &payload, false)).await;
            let mut heard = Vec::new();
            for name in ["first", "second"] {
                let called = ctx.wait_for_webhook(name, &hook, 30 * SECOND).await.event();
                heard.push(called.map(|called| String::from_utf8_lossy(&called.body).into_owned()).unwrap_or_default());
            }
            let state = async {
                let info = client.run(&run).await?.ok_or("no run")?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(info.state.as_str().to_owned())
            };
            heard.push(ctx.run("logs", state).await);
            ctx.sleep("pause", 2 * SECOND).await;
            Ok::<_, WorkflowError>(heard)
        }
    });
    async fn three(_: Context) -> Result<()> {
        Err(WorkflowError::retry_after("what", Duration::ZERO))
    }
    async fn four(ctx: Context) -> Result<u32> {
        Ok(ctx.run("one", value(1)).await)
    }
    async fn target(_: Context) -> Result<()> {
        Ok(())
    }
    serve_many([
        ("path", serve(path)),
        ("sleep", serve(sleep)),
        ("retries", serve(retries)),
        ("guarded", serve(guarded)),
        ("fails", serve(fails).on_failure(failed)),
        ("call", call),
        ("call-fails", call_fails),
        ("notifier", notifier),
        ("waits", waits),
        ("webhook", webhook),
        ("invokes", serve(invokes)),
        ("two", serve(two)),
        ("three", serve(three)),
        ("four", serve(four)),
        ("branch-one", serve(branch_one)),
        ("branch-two", branch_two),
        ("parent", serve(parent)),
        ("failing", serve(failing)),
        ("late", late),
        ("foreign", foreign),
        ("quota", quota),
        ("quota-one", quota_one),
        ("quota-two", quota_two),
        ("custom", custom),
        ("target", serve(target)),
        ("children", serve(children)),
        ("runAndSleep", run_and_sleep),
        ("callOne", call_one),
        ("waitOne", wait_one),
        ("fetches", fetches),
        ("hooked", hooked),
    ])
}
