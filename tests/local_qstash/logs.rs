use serde_json::json;

use crate::support::{Host, ORIGIN};

#[tokio::test]
async fn pages_of_rows_the_newest_first_under_both_names() {
    let host = Host::start().await;
    let id = host.publish("/a", &[("upstash-label", "x,y"), ("upstash-timeout", "10s")], "sent").await;
    host.publish("/b", &[], "").await;
    host.idle().await;
    let all = host.get("/v2/events").await;
    assert_eq!(all["events"], all["logs"]);
    assert_eq!(all["events"].as_array().unwrap().len(), 6);
    assert!(all.get("cursor").is_none());
    let first = host.get("/v2/logs?count=4").await;
    let cursor = first["cursor"].as_str().unwrap();
    let second = host.get(&format!("/v2/logs?count=4&cursor={cursor}")).await;
    let pages: Vec<_> = [&first, &second].iter().flat_map(|page| page["logs"].as_array().unwrap().clone()).collect();
    assert_eq!(json!(pages), all["logs"]);
    for (query, count) in [
        (format!("messageId={id}"), 3),
        ("state=DELIVERED".into(), 2),
        ("state=IN_PROGRESS".into(), 2),
        ("label=y".into(), 3),
        ("path=/b".into(), 3),
        ("host=app.example.com".into(), 6),
        (format!("url={ORIGIN}/a&state=CREATED"), 1),
        ("queueName=q".into(), 0),
    ] {
        let rows = host.get(&format!("/v2/logs?{query}")).await["logs"].as_array().unwrap().len();
        assert_eq!(rows, count, "{query}");
    }
    let row = &host.get(&format!("/v2/logs?messageId={id}")).await["logs"][0];
    for (name, value) in [
        ("state", json!("DELIVERED")),
        ("body", json!("c2VudA==")),
        ("responseStatus", json!(200)),
        ("responseBody", json!("YW5zd2VyIDIwMA==")), // answer 200
        ("timeout", json!(10_000)),
        ("maxRetries", json!(3)),
        ("labels", json!(["x", "y"])),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
    assert_eq!(host.ask("GET", "/v2/logs?cursor=x", &[], "").await.status, 400);
    assert_eq!(host.ask("GET", "/v2/logs?state=LOST", &[], "").await.status, 400);
}
