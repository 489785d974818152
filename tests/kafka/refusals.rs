use crate::start_with;
use axum_upstash::{
    ErrorKind, Upstash, UpstashBuilder,
    kafka::{Fetch, Kafka, Message, OffsetTime, TopicPartition},
    local::{LocalKafka, LocalKafkaRights},
};
use std::{collections::HashMap, time::Duration};

#[tokio::test]
async fn users_may_do_what_they_are_there_for() {
    let builder = LocalKafka::builder()
        .topic("orders", 1)
        .credential("writer", "w", LocalKafkaRights::ProduceOnly)
        .credential("reader", "r", LocalKafkaRights::ConsumeOnly);
    let (local, _) = start_with(builder).await;
    let with = |user: &str, password: &str| Kafka::new(local.url(), user, password).unwrap();
    let (writer, reader) = (with("writer", "w"), with("reader", "r"));
    writer.produce(Message::text("orders", "1")).await.unwrap();
    assert_eq!(reader.fetch(Fetch::from("orders", 0, 0)).await.unwrap().len(), 1);
    let kinds = [
        reader.produce(Message::text("orders", "1")).await.unwrap_err().kind(),
        writer.fetch(Fetch::from("orders", 0, 0)).await.unwrap_err().kind(),
        writer.consumer("g", "i").topic("orders").poll(Duration::ZERO).await.unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::Forbidden; 3]);
    for stranger in [with("writer", "r"), with("nobody", "w")] {
        let error = stranger.topics().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.to_string().contains("the Kafka password"), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_right_is_refused_in_the_form_of_the_service() {
    let (local, kafka) = start_with(LocalKafka::builder().topic("orders", 1).creates_topics(false)).await;
    let http = reqwest::Client::new();
    let headers = vec![r#"{"key": "", "value": ""}"#; 20_000].join(",");
    let headers = format!(r#"{{"value": "", "headers": [{headers}]}}"#);
    let many = format!("[{}]", vec![r#"{"value": "a"}"#; 10_001].join(","));
    let long = format!(r#"{{"value": "{}"}}"#, "x".repeat(1024 * 1024 + 1));
    for (path, body, status) in [
        ("/produce/orders", "nonsense", 400),
        ("/produce/orders", r#"{"value": 1}"#, 400),
        ("/produce/orders", "{}", 400),
        ("/produce/orders", r#"[{"value": "a"}, 1]"#, 400),
        ("/produce/orders", &long, 413),
        ("/produce/orders", r#"{"value": "a", "timestamp": -1}"#, 400),
        ("/produce/orders", r#"[["orders", null, null, null, "a"]]"#, 400),
        ("/produce/orders", &headers, 413),
        ("/produce/orders", &many, 400),
        ("/produce/none", r#"{"value": "a"}"#, 404),
        ("/produce/a%2Fb", r#"{"value": "a"}"#, 400),
        ("/produce", r#"{"value": "a"}"#, 400),
        ("/produce/orders", r#"{"value": "a", "partition": 7}"#, 404),
        ("/fetch", "", 400),
        ("/fetch", r#"{"topic": "orders", "partition": 0}"#, 400),
        ("/fetch", r#"["orders", 0, 0]"#, 400),
        ("/fetch", r#"{"topic": "none", "partition": 0, "offset": 0}"#, 404),
        ("/fetch", r#"{"topic": "orders", "partition": 7, "offset": 0}"#, 404),
        ("/consume/g/i", "{}", 400),
        ("/consume/g/i/none", "", 404),
        ("/consume/g/i/orders?timeout=soon", "", 400),
        ("/commit/none/i", "", 404),
        ("/committed/none/i", r#"{"topic": "orders", "partition": 0}"#, 404),
        ("/delete-consumer/none/i", "", 404),
        ("/offsets/soon", r#"{"topic": "orders", "partition": 0}"#, 400),
        ("/offsets/earliest", r#"{"topic": "orders", "partition": 7}"#, 404),
        ("/webhook", "body", 400),
        ("/nothing", "", 404),
    ] {
        let request = http.post(format!("{}{path}", local.url()));
        let answer =
            request.basic_auth(local.username(), Some(local.password())).body(body.to_owned()).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path} {}", &body[..body.len().min(60)]);
        let error: serde_json::Value = answer.json().await.unwrap();
        assert!(error["error"].is_string() && error["status"] == status, "{path}: {error}");
    }
    // None of this made a topic, a message or a group.
    assert_eq!(kafka.topics().await.unwrap().into_iter().collect::<Vec<_>>(), [("orders".to_owned(), 1)]);
    assert!(kafka.consumers().await.unwrap().is_empty());
    let end = kafka.offsets(OffsetTime::Latest, [TopicPartition::new("orders", 0)]).await.unwrap();
    assert_eq!(end[0].offset, 0);

    // What changes something is not a GET, and a poll has settings that an instance can have.
    let delete = http.get(format!("{}/delete-consumer/g/i", local.url()));
    let poll = http.post(format!("{}/consume/g/i/orders", local.url())).header("kafka-session-timeout-ms", "1800001");
    for (request, status) in [(delete, 405), (poll, 400)] {
        let request = request.basic_auth(local.username(), Some(local.password()));
        assert_eq!(request.send().await.unwrap().status(), status);
    }

    // A webhook may have its user in the query string, and everything else may not.
    let url = format!("{}/webhook?topic=orders&user={}&pass={}", local.url(), local.username(), local.password());
    assert_eq!(http.post(&url).body("body").send().await.unwrap().status(), 200);
    assert_eq!(http.post(url.replace("/webhook", "/topics")).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn names_that_no_url_can_hold_are_not_sent() {
    let (local, kafka) = start_with(LocalKafka::builder()).await;
    for name in ["", ".", ".."] {
        let poll = kafka.consumer(name, "i").topic("orders").poll(Duration::ZERO).await;
        assert_eq!(poll.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(kafka.produce_in_path("orders", name, None).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(local.requests(), 0);
}

#[tokio::test]
async fn the_client_is_that_of_the_environment() {
    let (local, _) = start_with(LocalKafka::builder().topic("orders", 1)).await;
    let variables: HashMap<_, _> = local.environment().into_iter().collect();
    let upstash = UpstashBuilder::from_env_with(|name| variables.get(name).cloned()).or_memory().build().unwrap();
    assert!(upstash.check().await.unwrap().kafka);
    assert_eq!(upstash.kafka().topics().await.unwrap()["orders"], 1);
    assert_eq!(Kafka::from_env_with(|name| variables.get(name).cloned()).unwrap().topics().await.unwrap().len(), 1);
    assert!(!format!("{upstash:?}").contains(local.password()));

    let error = Upstash::builder().or_memory().build().unwrap().kafka().topics().await.unwrap_err();
    assert!(error.to_string().contains("UPSTASH_KAFKA_REST_USERNAME is not set"), "{error}");
    let half = |name: &str| (name == "UPSTASH_KAFKA_REST_URL").then(|| "https://x.upstash.io".to_owned());
    let error = UpstashBuilder::from_env_with(half).or_memory().build().unwrap_err();
    assert!(error.to_string().contains("UPSTASH_KAFKA_REST_PASSWORD"), "{error}");
    assert!(Kafka::from_env_with(half).unwrap_err().to_string().starts_with("2 problems"));
    assert!(Kafka::new(local.url(), "a:b", "c").is_err() && Kafka::new(local.url(), "a", "").is_err());
}
