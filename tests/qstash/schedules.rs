use crate::server::{Server, answer, at};
use axum_upstash::{
    ErrorKind,
    qstash::{Cron, Message, Schedule, ScheduleId, ScheduledMessageState},
};
use http::Method;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_schedule_is_a_message_with_times() {
    let server = Server::answering(200, r#"{"scheduleId":"scd_1"}"#).await;
    let schedules = server.client().schedules();
    let message = Message::to_url("https://example.com/a?b=c")
        .json(&json!({"a": 1}))
        .delay(Duration::from_secs(10))
        .callback("https://example.com/done")
        .label("l");
    let schedule = Schedule::new(" */10 * * * * ", message).id("daily_report-1.x").queue("orders");
    assert_eq!(schedules.create(schedule).await.unwrap(), "scd_1");
    let arrived = server.only();
    assert_eq!(arrived.line, "POST /v2/schedules/https://example.com/a?b=c");
    assert_eq!(arrived.json(), json!({"a": 1}));
    assert_eq!(
        arrived.options(),
        [
            ("upstash-callback", "https://example.com/done"),
            ("upstash-cron", "*/10 * * * *"),
            ("upstash-delay", "10s"),
            ("upstash-label", "l"),
            ("upstash-queue-name", "orders"),
            ("upstash-schedule-id", "daily_report-1.x"),
        ]
    );

    let in_berlin = Cron::new("@daily").unwrap().in_zone("Europe/Berlin").unwrap();
    schedules.create(Schedule::new(&in_berlin, Message::to_url_group("group"))).await.unwrap();
    let arrived = &server.all()[1];
    assert_eq!(arrived.line, "POST /v2/schedules/group");
    assert_eq!(arrived.options(), [("upstash-cron", "CRON_TZ=Europe/Berlin @daily")]);
}

#[tokio::test]
async fn a_wrong_schedule_is_not_sent() {
    let server = Server::answering(200, r#"{"scheduleId":"scd_1"}"#).await;
    let message = || Message::to_url("https://example.com/");
    for (schedule, named) in [
        (Schedule::new("61 * * * *", message()), "minute"),
        (Schedule::new("", message()), "five"),
        (Schedule::new("@hourly", message()).id(""), "id of a schedule"),
        (Schedule::new("@hourly", message()).id("a b"), "id of a schedule"),
        (Schedule::new("@hourly", message()).queue("a/b"), "name of a queue"),
        (Schedule::new("@hourly", message().label("")), "label"),
    ] {
        let error = server.client().schedules().create(schedule).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::InvalidInput, Some("qstash schedule create")));
        assert!(error.to_string().contains(named), "{error}");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn creating_is_repeated_if_the_schedule_has_an_id_of_its_own() {
    for (id, requests) in [(Some("daily"), 3), (None, 1)] {
        let server = Server::answering(503, "{}").await;
        let mut schedule = Schedule::new("@daily", Message::to_url("https://example.com/"));
        if let Some(id) = id {
            schedule = schedule.id(id);
        }
        assert_eq!(server.client().schedules().create(schedule).await.unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(server.count(), requests);
    }
    let full = Server::answering(412, r#"{"error":"too many schedules"}"#).await;
    let schedule = Schedule::new("@daily", Message::to_url("https://example.com/"));
    assert_eq!(full.client().schedules().create(schedule).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[tokio::test]
async fn calls_of_a_schedule() {
    let server = Server::answering(200, "").await;
    let schedules = server.client().schedules();
    let id = ScheduleId::new("scd_1").unwrap();
    schedules.pause(&id).await.unwrap();
    schedules.resume("scd_1").await.unwrap();
    schedules.delete(id).await.unwrap();
    for id in ["", "..", "a/b"] {
        assert_eq!(schedules.delete(id).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(schedules.pause(id).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(schedules.get(id).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(
        server.lines(),
        ["PATCH /v2/schedules/scd_1/pause", "PATCH /v2/schedules/scd_1/resume", "DELETE /v2/schedules/scd_1"]
    );
}

#[tokio::test]
async fn a_schedule_is_read_with_all_its_fields() {
    let full = json!({
        "scheduleId": "scd_1", "cron": "CRON_TZ=Europe/Berlin 0 6 * * *", "destination": "https://example.com/",
        "createdAt": 1_725_323_658_779u64, "method": "PUT", "header": {"Content-Type": ["text/plain"]}, "body": "text",
        "retries": 3, "delay": 10, "timeout": 30, "callback": "https://c/", "failureCallback": "https://f/", "callerIp": "1.2.3.4",
        "isPaused": true, "queueName": "orders", "flowControlKey": "key", "parallelism": 2, "ratePerSecond": 4, "period": 1,
        "retryDelayExpression": "1000", "labels": ["a", "b"], "lastScheduleTime": 1_725_323_600_000u64,
        "nextScheduleTime": "1725323660000", "error": "no such host",
        "lastScheduleStates": {"msg_1": "SUCCESS", "msg_2": "FAIL", "msg_3": "IN_PROGRESS", "msg_4": "NEW"},
    });
    let server =
        Server::giving([answer(200, &full), answer(200, json!([full, {"scheduleId": "scd_2", "cron": "@daily"}]))])
            .await;
    let schedules = server.client().schedules();
    let schedule = schedules.get("scd_1").await.unwrap();
    assert_eq!((schedule.schedule_id.as_str(), schedule.cron.as_str()), ("scd_1", "CRON_TZ=Europe/Berlin 0 6 * * *"));
    assert_eq!((schedule.destination.as_deref(), &schedule.method), (Some("https://example.com/"), &Method::PUT));
    assert_eq!(schedule.headers["content-type"], "text/plain");
    assert_eq!(schedule.body.as_ref().unwrap(), &"text");
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!((schedule.retries, schedule.delay, schedule.timeout), (Some(3), seconds(10), seconds(30)));
    assert_eq!(
        (schedule.callback.as_deref(), schedule.failure_callback.as_deref()),
        (Some("https://c/"), Some("https://f/"))
    );
    assert_eq!((schedule.caller_ip.as_deref(), schedule.is_paused), (Some("1.2.3.4"), true));
    assert_eq!(schedule.queue.as_ref().unwrap(), &"orders");
    assert_eq!(schedule.labels, ["a", "b"]);
    assert_eq!(schedule.created_at, at(1_725_323_658_779));
    assert_eq!(
        (schedule.last_schedule_time, schedule.next_schedule_time),
        (at(1_725_323_600_000), at(1_725_323_660_000))
    );
    assert_eq!(
        (schedule.error.as_deref(), schedule.retry_delay_expression.as_deref()),
        (Some("no such host"), Some("1000"))
    );
    let control = schedule.flow_control.as_ref().unwrap();
    assert_eq!((control.parallelism, control.rate, control.period), (Some(2), Some(4), seconds(1)));
    use ScheduledMessageState::{Fail, InProgress, Other, Success};
    let states: Vec<_> = schedule.last_schedule_states.iter().map(|(id, state)| (id.as_str(), state.clone())).collect();
    assert_eq!(
        states,
        [("msg_1", Success), ("msg_2", Fail), ("msg_3", InProgress), ("msg_4", Other("NEW".to_owned()))]
    );
    let shown = format!("{schedule:?}");
    assert!(shown.contains("scd_1") && !shown.contains("example") && !shown.contains("text"), "{shown}");

    let all = schedules.list().await.unwrap();
    assert_eq!(all[0], schedule);
    assert_eq!(
        (all[1].body.as_ref(), all[1].delay, all[1].is_paused, &all[1].method),
        (None, None, false, &Method::POST)
    );
    assert_eq!(server.lines(), ["GET /v2/schedules/scd_1", "GET /v2/schedules"]);
}
