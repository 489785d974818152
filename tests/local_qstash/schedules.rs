use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use crate::support::{Host, ORIGIN};

#[tokio::test]
async fn a_schedule_publishes_at_its_times() {
    let host = Host::start().await;
    let path = format!("/v2/schedules/{ORIGIN}/tick");
    let headers = [
        ("upstash-cron", " */10 * * * * "),
        ("content-type", "application/json"),
        ("upstash-forward-test-header", "a"),
        ("upstash-delay", "10s"),
        ("upstash-label", "ticks"),
    ];
    let id = host.ask("POST", &path, &headers, r#"{"a":1}"#).await.text("scheduleId").to_owned();
    let schedule = host.get(&format!("/v2/schedules/{id}")).await;
    for (name, value) in [
        ("cron", json!("*/10 * * * *")),
        ("destination", json!(format!("{ORIGIN}/tick"))),
        ("method", json!("POST")),
        ("retries", json!(3)),
        ("delay", json!(10)),
        ("isPaused", json!(false)),
        ("body", json!(r#"{"a":1}"#)),
        ("header", json!({"Content-Type": ["application/json"], "Test-Header": ["a"]})),
        ("label", json!("ticks")),
    ] {
        assert_eq!(schedule[name], value, "{name}");
    }
    let next_ms = schedule["nextScheduleTime"].as_u64().unwrap();
    assert_eq!(next_ms % 600_000, 0);
    let due = UNIX_EPOCH + Duration::from_millis(next_ms + 100);
    host.pass(due.duration_since(host.local.now()).unwrap()).await;
    assert_eq!(host.app.delivered().len(), 0, "the message has a delay");
    host.pass(Duration::from_secs(10)).await;
    let [delivered] = &host.app.delivered()[..] else { panic!("one delivery") };
    assert_eq!(delivered.header("upstash-schedule-id"), Some(id.as_str()));
    let schedule = host.get(&format!("/v2/schedules/{id}")).await;
    assert_eq!(schedule["nextScheduleTime"], json!(next_ms + 600_000));
    assert!(schedule["lastScheduleTime"].as_u64().unwrap() >= next_ms);
    let states = schedule["lastScheduleStates"].as_object().unwrap();
    assert_eq!(states.values().collect::<Vec<_>>(), ["SUCCESS"]);
}

#[tokio::test]
async fn a_schedule_is_paused_replaced_and_removed() {
    let host = Host::start().await;
    let path = format!("/v2/schedules/{ORIGIN}/");
    let create = async |body: &str| {
        let headers = [("upstash-cron", "* * * * *"), ("upstash-schedule-id", "my_id-1.x")];
        assert_eq!(host.ask("POST", &path, &headers, body).await.text("scheduleId"), "my_id-1.x");
    };
    create("one").await;
    create("").await;
    let schedule = host.get("/v2/schedules/my_id-1.x").await;
    assert!(schedule.get("body").is_none(), "an omitted body is no more");
    assert_eq!(host.get("/v2/schedules").await.as_array().unwrap().len(), 1);
    for (method, change, is_paused) in [("PATCH", "pause", true), ("POST", "resume", false), ("POST", "pause", true)] {
        let path = format!("/v2/schedules/my_id-1.x/{change}");
        assert_eq!(host.ask(method, &path, &[], "").await.status, 200);
        assert_eq!(host.get("/v2/Schedules/my_id-1.x").await["isPaused"], is_paused);
    }
    host.pass(Duration::from_secs(180)).await;
    assert_eq!(host.app.delivered().len(), 0);
    host.ask("PATCH", "/v2/schedules/my_id-1.x/resume", &[], "").await;
    host.pass(Duration::from_secs(180)).await;
    assert_eq!(host.app.delivered().len(), 1, "times that have passed are not made up");
    assert_eq!(host.ask("DELETE", "/v2/schedules/my_id-1.x", &[], "").await.status, 200);
    assert_eq!(host.ask("DELETE", "/v2/schedules/my_id-1.x", &[], "").await.status, 404);
}

#[tokio::test]
async fn a_schedule_goes_through_queues_and_groups() {
    let host = Host::start().await;
    let endpoints = json!({"endpoints": [{"url": format!("{ORIGIN}/1")}, {"url": format!("{ORIGIN}/2")}]}).to_string();
    host.ask("POST", "/v2/topics/group/endpoints", &[], &endpoints).await;
    let headers = [("upstash-cron", "* * * * *"), ("upstash-queue-name", "q")];
    assert_eq!(host.ask("POST", "/v2/publish/group", &headers, "").await.status, 200, "the older form");
    host.pass(Duration::from_secs(60)).await;
    assert_eq!(host.app.delivered().len(), 2);
    assert_eq!(host.app.most_at_once(), 1);
    host.get("/v2/queues/q").await;
}

#[tokio::test]
async fn a_schedule_that_could_make_no_message_is_refused() {
    let host = Host::start().await;
    for (destination, header) in [
        ("example.com/hook", ("upstash-retries", "1")),
        (ORIGIN, ("upstash-retries", "5000")),
        (ORIGIN, ("upstash-delay", "9999d")),
        (ORIGIN, ("upstash-deduplication-id", "a:b")),
    ] {
        let path = format!("/v2/schedules/{destination}");
        let answer = host.ask("POST", &path, &[("upstash-cron", "* * * * *"), header], "").await;
        assert_eq!(answer.status, 400, "{destination} {header:?}: {}", answer.body);
    }
    assert_eq!(host.get("/v2/schedules").await, json!([]));
}

#[tokio::test]
async fn a_repeated_schedule_is_the_first_one() {
    let host = Host::start().await;
    let create = async |id: &str, body: &str| {
        let headers = [("upstash-cron", "0 0 1 1 *"), ("upstash-deduplication-id", id)];
        let answer = host.ask("POST", &format!("/v2/schedules/{ORIGIN}/"), &headers, body).await;
        (answer.status, answer.text("scheduleId").to_owned())
    };
    let (status, first) = create("a", "one").await;
    assert_eq!(status, 200);
    assert_eq!(create("a", "two").await, (202, first.clone()));
    assert_ne!(create("b", "one").await.1, first);
    assert_eq!(host.get("/v2/schedules").await.as_array().unwrap().len(), 2);
    // An id of a message is another one.
    let path = format!("/v2/publish/{ORIGIN}/");
    assert_eq!(host.ask("POST", &path, &[("upstash-deduplication-id", "a")], "").await.status, 200);
    host.pass(Duration::from_secs(601)).await;
    assert_eq!(create("a", "one").await.0, 200);
}
