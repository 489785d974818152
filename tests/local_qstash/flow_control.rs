use std::time::Duration;

use serde_json::json;

use crate::support::Host;

#[tokio::test]
async fn parallelism_bounds_what_runs_and_a_pin_overrides_it() {
    let host = Host::start().await;
    let held = host.app.hold();
    let headers = [("upstash-flow-control-key", "key"), ("upstash-flow-control-value", "parallelism=2")];
    for number in 0..6 {
        host.publish("/", &headers, &number.to_string()).await;
    }
    host.delivered(2).await;
    let info = host.get("/v2/flowControl/key").await;
    assert_eq!(
        (&info["parallelismMax"], &info["parallelismCount"], &info["waitListSize"]),
        (&json!(2), &json!(2), &json!(4))
    );
    assert_eq!(host.ask("POST", "/v2/flowControl/key/pin?parallelism=3", &[], "").await.status, 200);
    host.delivered(3).await;
    assert_eq!(host.get("/v2/flowControl/key").await["isPinnedParallelism"], true);
    held.add_permits(100);
    host.idle().await;
    assert_eq!(host.app.bodies(), ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(host.app.most_at_once(), 3);
    host.publish("/", &headers, "").await;
    assert_eq!(host.get("/v2/flowControl/key").await["parallelismMax"], 3, "pinned");
    assert_eq!(host.ask("POST", "/v2/flowControl/key/unpin?parallelism=true", &[], "").await.status, 200);
    host.publish("/", &headers, "").await;
    assert_eq!(host.get("/v2/flowControl/key").await["parallelismMax"], 2);
}

#[tokio::test]
async fn a_rate_bounds_what_begins_in_a_window() {
    let host = Host::start().await;
    let headers = [("upstash-flow-control-key", "key"), ("upstash-flow-control-value", "rate=2, period=1d")];
    for number in 0..5 {
        host.publish("/", &headers, &number.to_string()).await;
    }
    host.idle().await;
    assert_eq!(host.app.delivered().len(), 2);
    let info = host.get("/v2/flowControl/key").await;
    assert_eq!((&info["rateMax"], &info["rateCount"], &info["ratePeriod"]), (&json!(2), &json!(2), &json!(86_400)));
    host.pass(Duration::from_secs(86_401)).await;
    assert_eq!(host.app.delivered().len(), 4);
    assert_eq!(host.ask("POST", "/v2/flowControl/key/pause", &[], "").await.status, 200);
    assert_eq!(host.ask("POST", "/v2/flowControl/key/resetRate", &[], "").await.status, 200);
    host.idle().await;
    let info = host.get("/v2/flowControl/key").await;
    assert_eq!((&info["rateCount"], &info["isPaused"], host.app.delivered().len()), (&json!(0), &json!(true), 4));
    host.ask("POST", "/v2/flowControl/key/resume", &[], "").await;
    host.idle().await;
    assert_eq!(host.app.bodies(), ["0", "1", "2", "3", "4"]);
    assert_eq!(host.ask("GET", "/v2/flowControl/none", &[], "").await.status, 404);
    assert_eq!(host.ask("POST", "/v2/flowControl/key/pin", &[], "").await.status, 400);
    let all = host.get("/v2/flowControl?search=ke").await;
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!(host.get("/v2/globalParallelism").await, json!({"parallelismMax": 512, "parallelismCount": 0}));
}
