//! What a delivery costs by the number of steps that are done: they are read, and given to the function again.

use axum::{Json, Router, body::Body};
use axum_upstash::{
    UpstashBuilder,
    workflow::{WorkflowContext, WorkflowError, serve},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::Request;
use serde_json::{Value, json};
use std::hint::black_box;

async fn steps(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
    let mut sum = 0;
    for _ in 0..*ctx.payload() {
        sum = ctx.run("add", async move { Ok::<_, WorkflowError>(sum + 1) }).await;
    }
    Ok(sum)
}

/// A delivery of a run that has so many steps, of which one is left.
fn delivery(count: u32) -> String {
    let entry = |number: u32, body: &str| json!({"messageId": format!("msg_{number}"), "body": BASE64_STANDARD.encode(body), "callType": "step"});
    let step = |id: u32| {
        json!({"stepId": id, "stepName": "add", "stepType": "Run", "out": id.to_string(), "concurrent": 1}).to_string()
    };
    let steps = (1..count).map(|id| entry(id, &step(id)));
    Value::from_iter([entry(0, &count.to_string())].into_iter().chain(steps)).to_string()
}

fn replay(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // In the place of QStash: it takes each step.
    let url = runtime.block_on(async {
        let app = Router::new().fallback(|| async { Json(json!([{"messageId": "msg"}])) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        url
    });
    let variables = [("QSTASH_URL", url), ("QSTASH_TOKEN", "token".to_owned())];
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let upstash = UpstashBuilder::from_env_with(variable).or_memory().build().unwrap();
    let service = serve(steps).without_verification().with_replay_check(false);
    let service = service.into_service(upstash.qstash(), upstash.receiver(), ());
    let mut group = criterion.benchmark_group("replay");
    for count in [1_u32, 10, 100, 1_000] {
        let body = delivery(count);
        group.throughput(Throughput::Elements(count.into()));
        group.bench_with_input(BenchmarkId::from_parameter(count), &body, |bencher, body| {
            bencher.to_async(&runtime).iter(|| {
                let request = Request::post("/steps")
                    .header("upstash-workflow-sdk-version", "1")
                    .header("upstash-workflow-runid", "wfr_1")
                    .body(Body::from(body.clone()));
                let mut service = service.clone();
                async move {
                    let answer = tower_service::Service::call(&mut service, request.unwrap()).await.unwrap();
                    assert_eq!(black_box(answer).status(), 200);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, replay);
criterion_main!(benches);
