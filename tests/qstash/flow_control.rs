use crate::server::{Server, answer, at};
use axum_upstash::{
    ErrorKind,
    qstash::{FlowControlPin, PinnedLimit},
};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn calls_of_a_key() {
    let server = Server::answering(200, "").await;
    let controls = server.client().flow_control();
    let minute = Duration::from_secs(60);
    controls.pause("my-key").await.unwrap();
    controls.resume("a/b c").await.unwrap();
    controls.pin("k", FlowControlPin::rate(20, 2 * minute).with_parallelism(3)).await.unwrap();
    controls.pin("k", FlowControlPin::parallelism(0)).await.unwrap();
    controls.pin("k", FlowControlPin::parallelism(2).with_rate(5, Duration::from_millis(1500))).await.unwrap();
    controls.unpin("k", PinnedLimit::Parallelism).await.unwrap();
    controls.unpin("k", PinnedLimit::Rate).await.unwrap();
    controls.unpin("k", PinnedLimit::Both).await.unwrap();
    controls.reset_rate("k").await.unwrap();
    assert_eq!(
        server.lines(),
        [
            "POST /v2/flowControl/my-key/pause",
            "POST /v2/flowControl/a%2Fb%20c/resume",
            "POST /v2/flowControl/k/pin?parallelism=3&rate=20&period=120",
            "POST /v2/flowControl/k/pin?parallelism=1",
            "POST /v2/flowControl/k/pin?parallelism=2&rate=5&period=2",
            "POST /v2/flowControl/k/unpin?parallelism=true",
            "POST /v2/flowControl/k/unpin?rate=true",
            "POST /v2/flowControl/k/unpin?parallelism=true&rate=true",
            "POST /v2/flowControl/k/resetRate",
        ]
    );
    assert!(server.all().iter().all(|arrived| arrived.body.is_empty()));
    for key in ["", " ", "..", "a\n"] {
        assert_eq!(controls.get(key).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(controls.reset_rate(key).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(controls.search("").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(server.count(), 9);
}

#[tokio::test]
async fn the_state_of_keys_is_read() {
    let full = json!({
        "flowControlKey": "my-key", "waitListSize": 5, "parallelismMax": 3, "parallelismCount": 2, "rateMax": 20, "rateCount": 7,
        "ratePeriod": 86_400, "ratePeriodStart": 1_725_323_658, "isPaused": true, "isPinnedParallelism": true, "isPinnedRate": false,
    });
    let server = Server::giving([
        answer(200, &full),
        answer(200, json!([full, {"flowControlKey": "bare"}])),
        answer(200, "[]"),
        answer(404, r#"{"error":"not found"}"#),
    ])
    .await;
    let controls = server.client().flow_control();
    let state = controls.get("my-key").await.unwrap();
    assert_eq!((state.key.as_str(), state.wait_list_size), ("my-key", 5));
    assert_eq!((state.parallelism_max, state.parallelism_count, state.rate_max, state.rate_count), (3, 2, 20, 7));
    assert_eq!((state.rate_period, state.rate_period_start), (Duration::from_secs(86_400), at(1_725_323_658_000)));
    assert_eq!((state.is_paused, state.is_pinned_parallelism, state.is_pinned_rate), (true, true, false));
    let all = controls.list().await.unwrap();
    assert_eq!(all[0], state);
    assert_eq!((all[1].rate_max, all[1].rate_period, all[1].rate_period_start), (0, Duration::ZERO, None));
    assert_eq!(controls.search("a&b").await.unwrap(), []);
    assert_eq!(controls.get("other").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        server.lines(),
        [
            "GET /v2/flowControl/my-key",
            "GET /v2/flowControl",
            "GET /v2/flowControl?search=a%26b",
            "GET /v2/flowControl/other",
        ]
    );
}

#[tokio::test]
async fn the_parallelism_of_all_is_read() {
    let server =
        Server::giving([answer(200, json!({"parallelismMax": 100, "parallelismCount": "2"})), answer(200, "{}")]).await;
    let controls = server.client().flow_control();
    let all = controls.global_parallelism().await.unwrap();
    assert_eq!((all.max, all.count), (100, 2));
    let none = controls.global_parallelism().await.unwrap();
    assert_eq!((none.max, none.count), (0, 0));
    assert_eq!(server.lines()[0], "GET /v2/globalParallelism");
}
