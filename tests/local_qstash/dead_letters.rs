use serde_json::{Value, json};

use crate::support::Host;

/// Messages that were not delivered, with these labels.
async fn dead_letters(host: &Host, labels: &[&str]) -> Vec<String> {
    for label in labels {
        host.app.answers([404]);
        let headers = [("upstash-retries", "0"), ("upstash-label", label), ("upstash-delay", "0s")];
        host.publish("/dead", &headers, label).await;
        host.idle().await;
    }
    ids(&host.get("/v2/dlq").await)
}

fn ids(page: &Value) -> Vec<String> {
    page["messages"].as_array().unwrap().iter().map(|letter| letter["dlqId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_filters_and_single_letters() {
    let host = Host::start().await;
    let all = dead_letters(&host, &["a", "b", "a"]).await;
    let page = host.get("/v2/dlq?count=2").await;
    assert_eq!(ids(&page), all[..2]);
    let rest = host.get(&format!("/v2/dlq?count=2&cursor={}", page["cursor"].as_str().unwrap())).await;
    assert_eq!((ids(&rest), rest.get("cursor")), (all[2..].to_vec(), None));
    for (query, count) in [
        ("label=a", 2),
        ("label=a,b", 3),
        ("label=a&label=b", 3),
        ("responseStatus=404", 3),
        ("responseStatus=999", 0),
        ("fromDate=4070908800000", 0),
        ("toDate=4070908800000", 3),
        ("callerIp=0.0.0.0", 0),
        ("callerIp=127.0.0.1&label=b", 1),
    ] {
        assert_eq!(ids(&host.get(&format!("/v2/dlq?{query}")).await).len(), count, "{query}");
    }
    let letter = host.get(&format!("/v2/dlq/{}", all[0])).await;
    assert_eq!((&letter["responseStatus"], &letter["responseBody"]), (&json!(404), &json!("answer 404")));
    assert_eq!(host.ask("DELETE", &format!("/v2/dlq/{}", all[0]), &[], "").await.status, 200);
    assert_eq!(host.ask("DELETE", &format!("/v2/dlq/{}", all[0]), &[], "").await.status, 404);
    let deleted = host.ask("DELETE", "/v2/dlq", &[], &json!({"dlqIds": [all[0], all[1]]}).to_string()).await;
    assert_eq!(deleted.body["deleted"], 1);
    assert_eq!(host.ask("DELETE", "/v2/dlq", &[], r#"{"dlqIds":[]}"#).await.body["deleted"], 0);
    assert_eq!(host.ask("DELETE", "/v2/dlq?labeel=a", &[], "").await.status, 400);
    assert_eq!(host.ask("DELETE", "/v2/dlq", &[], "").await.body["deleted"], 1);
}

#[tokio::test]
async fn a_dead_letter_is_published_again() {
    let host = Host::start().await;
    let all = dead_letters(&host, &["a", "b", "c"]).await;
    let one = host.ask("POST", &format!("/v2/dlq/retry/{}", all[2]), &[("upstash-forward-x", "new")], "").await;
    assert_eq!(one.status, 201);
    host.idle().await;
    let delivered = host.app.delivered().pop().unwrap();
    assert_eq!((&*delivered.body, delivered.header("x")), (&b"a"[..], Some("new")));
    assert_eq!(delivered.header("upstash-message-id"), Some(one.text("messageId")));
    let path = format!("/v2/dlq/retry?dlqIds={}&dlqIds={}", all[0], all[1]);
    let both = host.ask("POST", &path, &[], "").await;
    assert_eq!((both.status, both.body["responses"].as_array().unwrap().len()), (201, 2));
    assert_eq!(both.body["cursor"], "");
    assert_eq!(host.ask("POST", &path, &[], "").await.status, 404, "they are gone");
    let nothing = host.ask("POST", "/v2/dlq/retry?label=none", &[], "").await;
    assert_eq!((nothing.status, &nothing.body["responses"]), (201, &json!([])));
    host.idle().await;
    assert_eq!(ids(&host.get("/v2/dlq").await), [""; 0]);
}

#[tokio::test]
async fn a_retry_has_the_content_type_of_the_message() {
    let host = Host::start().await;
    host.app.answers([404, 404]);
    host.publish("/", &[("upstash-retries", "0"), ("content-type", "application/json")], "{}").await;
    host.idle().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let [id] = &ids(&host.get("/v2/dlq").await)[..] else { panic!("one letter") };
    assert_eq!(host.ask("POST", &format!("/v2/dlq/retry/{id}"), &[form], "").await.status, 201);
    host.idle().await;
    assert_eq!(host.ask("POST", "/v2/dlq/retry", &[form], "").await.status, 201);
    host.idle().await;
    let types: Vec<_> = host.app.delivered().iter().map(|one| one.header("content-type").map(str::to_owned)).collect();
    assert_eq!(types, vec![Some("application/json".to_owned()); 3]);
}

#[tokio::test]
async fn letters_that_were_retried_before_a_limit_are_named() {
    let host = Host::start_with(|builder| builder.daily_messages(5)).await;
    dead_letters(&host, &["a", "b", "c"]).await;
    let answer = host.ask("POST", "/v2/dlq/retry", &[], "").await;
    assert_eq!((answer.status, answer.body["responses"].as_array().unwrap().len()), (201, 2));
    assert!(!answer.text("cursor").is_empty());
    host.idle().await;
    assert_eq!(ids(&host.get("/v2/dlq").await).len(), 1);
    assert_eq!(host.ask("POST", "/v2/dlq/retry", &[], "").await.status, 429);
}
