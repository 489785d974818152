use std::time::Duration;

use axum_upstash::{local::LocalQStash, qstash::Receiver};

use crate::support::{Host, ORIGIN};

#[tokio::test]
async fn a_destination_gets_what_was_published() {
    let host = Host::start().await;
    let headers = [
        ("content-type", "text/plain"),
        ("upstash-forward-authorization", "Bearer mine"),
        ("upstash-method", "PUT"),
        ("x-other", "stays"),
    ];
    let id = host.publish("/a//b?x=1&y=%20", &headers, "hello").await;
    host.idle().await;
    let [delivered] = &host.app.delivered()[..] else { panic!("one delivery") };
    assert_eq!((delivered.method.as_str(), delivered.target.as_str()), ("PUT", "/a//b?x=1&y=%20"));
    for (name, value) in [
        ("host", Some("app.example.com")),
        ("content-type", Some("text/plain")),
        ("authorization", Some("Bearer mine")),
        ("user-agent", Some("Upstash-QStash")),
        ("upstash-message-id", Some(id.as_str())),
        ("upstash-retried", Some("0")),
        ("upstash-region", Some("EU-CENTRAL-1")),
        ("upstash-caller-ip", Some("127.0.0.1")),
        ("upstash-schedule-id", None),
        ("x-other", None),
    ] {
        assert_eq!(delivered.header(name), value, "{name}");
    }
    let receiver = Receiver::new(LocalQStash::CURRENT_SIGNING_KEY, LocalQStash::NEXT_SIGNING_KEY).unwrap();
    let url = format!("{ORIGIN}/a//b?x=1&y=%20");
    let signature = delivered.header("upstash-signature").unwrap();
    let claims = receiver.verify_for_url(signature, &delivered.body, &url).unwrap();
    assert_eq!(claims.subject, url);
    assert_eq!(host.states(&id).await, ["CREATED", "ACTIVE", "DELIVERED"]);
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_as_the_schedule_of_retries_says() {
    let host = Host::start().await;
    host.app.answers([500, 503, 404, 500]);
    let id = host.publish("/", &[], "").await;
    host.idle().await;
    // 12 s, 2 min 28 s and 30 min 8 s.
    for (before, at) in [(11, 1), (147, 1), (1_807, 1)] {
        let attempts = host.app.delivered().len();
        host.pass(Duration::from_secs(before)).await;
        assert_eq!(host.app.delivered().len(), attempts, "too early");
        host.pass(Duration::from_secs(at + 1)).await;
        assert_eq!(host.app.delivered().len(), attempts + 1, "{before} s");
    }
    let retried: Vec<_> =
        host.app.delivered().iter().map(|one| one.header("upstash-retried").unwrap().to_owned()).collect();
    assert_eq!(retried, ["0", "1", "2", "3"]);
    let states = host.states(&id).await;
    assert_eq!(states[..5], ["CREATED", "ACTIVE", "ERROR", "RETRY", "ACTIVE"]);
    assert_eq!(states[states.len() - 2..], ["ERROR", "FAILED"]);
    let letters = host.get("/v2/dlq").await;
    assert_eq!(letters["messages"][0]["messageId"], id.as_str());
    assert_eq!(letters["messages"][0]["responseBody"], "answer 500");
}

#[tokio::test]
async fn a_response_or_the_message_sets_the_wait() {
    let host = Host::start().await;
    host.app.answers([500, 500, 500]);
    host.app.answers_with(500, "retry-after", "5");
    let headers = [("upstash-retries", "5"), ("upstash-retry-delay", "pow(2, retried) * 1000")];
    host.publish("/", &headers, "").await;
    host.idle().await;
    for seconds in [1, 2, 4, 5] {
        let attempts = host.app.delivered().len();
        host.pass(Duration::from_millis(seconds * 1_000 - 500)).await;
        assert_eq!(host.app.delivered().len(), attempts, "{seconds} s is too early");
        host.pass(Duration::from_millis(600)).await;
        assert_eq!(host.app.delivered().len(), attempts + 1, "{seconds} s");
    }
    assert_eq!(host.local.messages()[0].attempts, 5);
}

#[tokio::test]
async fn an_answer_may_ask_for_no_further_attempt() {
    let host = Host::start().await;
    host.app.answers_with(489, "upstash-nonretryable-error", "true");
    let id = host.publish("/", &[], "").await;
    host.app.answers([489]);
    let other = host.publish("/", &[], "").await;
    host.idle().await;
    // Which of the two got which answer is not certain.
    let (first, second) = (host.states(&id).await, host.states(&other).await);
    let mut ends = [first.last().unwrap().clone(), second.last().unwrap().clone()];
    ends.sort();
    assert_eq!(ends, ["FAILED", "RETRY"]);
}

#[tokio::test]
async fn a_delay_and_a_time_are_waited_for() {
    let host = Host::start().await;
    let now_s = host.local.now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    host.publish("/delay", &[("upstash-delay", "1m")], "").await;
    host.publish("/time", &[("upstash-not-before", &(now_s + 120).to_string()), ("upstash-delay", "1s")], "").await;
    host.publish("/past", &[("upstash-not-before", "1")], "").await;
    host.idle().await;
    let targets = |host: &Host| host.app.delivered().into_iter().map(|one| one.target).collect::<Vec<_>>();
    assert_eq!(targets(&host), ["/past"]);
    host.pass(Duration::from_secs(61)).await;
    assert_eq!(targets(&host), ["/past", "/delay"]);
    host.pass(Duration::from_secs(61)).await;
    assert_eq!(targets(&host), ["/past", "/delay", "/time"]);
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_has_failed() {
    let host = Host::start().await;
    let held = host.app.hold();
    let id = host.publish("/", &[("upstash-timeout", "10s"), ("upstash-retries", "0")], "").await;
    host.delivered(1).await;
    host.local.advance(Duration::from_secs(9));
    assert_eq!(host.states(&id).await, ["CREATED", "ACTIVE"]);
    host.pass(Duration::from_secs(2)).await;
    assert_eq!(host.states(&id).await.last().unwrap(), "FAILED");
    let letter = &host.get("/v2/dlq").await["messages"][0];
    assert_eq!(letter["responseStatus"], 0);
    held.add_permits(1);
}

#[tokio::test]
async fn a_service_that_panics_is_a_failed_attempt() {
    let panicking = axum::Router::new().fallback(|| async {
        if true {
            panic!("a fault of the application")
        }
    });
    let host = Host::start_with(|builder| builder.destination("http://panics.example", panicking)).await;
    let answer = host.ask("POST", "/v2/publish/http://panics.example/", &[("upstash-retries", "0")], "").await;
    host.idle().await;
    assert_eq!(host.states(answer.text("messageId")).await.last().unwrap(), "FAILED");
    host.publish("/after", &[], "").await;
    host.idle().await;
    assert_eq!(host.app.delivered().len(), 1, "others are delivered");
}

#[tokio::test]
async fn one_destination_that_hangs_leaves_the_others_alone() {
    let hanging = axum::Router::new().fallback(std::future::pending::<String>);
    let host =
        Host::start_with(|builder| builder.max_parallelism(8).destination("https://hangs.example", hanging)).await;
    for _ in 0..40 {
        host.ask("POST", "/v2/publish/https://hangs.example/", &[], "").await;
    }
    for number in 0..40 {
        host.publish("/", &[], &number.to_string()).await;
    }
    host.delivered(40).await;
    let expected: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    let mut bodies = host.app.bodies();
    bodies.sort_by_key(|body| body.parse::<u32>().unwrap());
    assert_eq!(bodies, expected);
}
