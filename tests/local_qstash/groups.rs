use serde_json::json;

use crate::support::{Host, ORIGIN};

#[tokio::test]
async fn each_endpoint_gets_a_message_of_its_own() {
    let host = Host::start().await;
    let endpoints =
        json!({"endpoints": [{"name": "one", "url": format!("{ORIGIN}/1")}, {"url": format!("{ORIGIN}/2")}]});
    assert_eq!(host.ask("POST", "/v2/topics/group/endpoints", &[], &endpoints.to_string()).await.status, 200);
    let group = host.get("/v2/topics/group").await;
    assert_eq!(group["endpoints"], endpoints["endpoints"]);
    let answer = host.ask("POST", "/v2/publish/group", &[], "hello").await;
    let published = answer.body.as_array().unwrap();
    assert_eq!(published[0]["url"], format!("{ORIGIN}/1"));
    assert_ne!(published[0]["messageId"], published[1]["messageId"]);
    host.idle().await;
    let delivered = host.app.delivered();
    assert_eq!(delivered.len(), 2);
    assert!(delivered.iter().all(|one| one.header("upstash-topic-name") == Some("group") && &*one.body == b"hello"));
    let by_id = format!("/v2/publish/{}", group["id"].as_str().unwrap());
    assert_eq!(host.ask("POST", &by_id, &[], "").await.status, 200);
}

#[tokio::test]
async fn a_group_has_defaults_that_messages_override() {
    let host = Host::start().await;
    let endpoints = json!({"endpoints": [{"url": format!("{ORIGIN}/")}]}).to_string();
    host.ask("POST", "/v2/topics/group/endpoints", &[], &endpoints).await;
    let defaults = json!({"headers": {"Upstash-Method": "PUT", "Upstash-Forward-X": ["of the group"]}}).to_string();
    assert_eq!(host.ask("PATCH", "/v2/topics/group", &[], &defaults).await.status, 200);
    host.ask("POST", "/v2/publish/group", &[], "").await;
    host.idle().await;
    host.ask("POST", "/v2/publish/group", &[("upstash-method", "PATCH"), ("upstash-forward-x", "own")], "").await;
    host.idle().await;
    let seen: Vec<_> =
        host.app.delivered().iter().map(|one| (one.method.to_string(), one.header("x").map(str::to_owned))).collect();
    assert_eq!(seen, [("PUT".into(), Some("of the group".into())), ("PATCH".into(), Some("own".into()))]);
}

#[tokio::test]
async fn a_group_without_endpoints_is_gone() {
    let host = Host::start().await;
    let endpoints =
        json!({"endpoints": [{"name": "one", "url": format!("{ORIGIN}/1")}, {"url": format!("{ORIGIN}/2")}]});
    host.ask("POST", "/v2/topics/group/endpoints", &[], &endpoints.to_string()).await;
    let removed = json!({"endpoints": [{"name": "one"}]}).to_string();
    assert_eq!(host.ask("DELETE", "/v2/topics/group/endpoints", &[], &removed).await.status, 200);
    assert_eq!(host.get("/v2/topics/group").await["endpoints"].as_array().unwrap().len(), 1);
    let removed = json!({"endpoints": [{"url": format!("{ORIGIN}/2")}]}).to_string();
    host.ask("DELETE", "/v2/topics/group/endpoints", &[], &removed).await;
    assert_eq!(host.ask("GET", "/v2/topics/group", &[], "").await.status, 404);
    assert_eq!(host.ask("DELETE", "/v2/topics/group", &[], "").await.status, 200, "as the service does");
}

#[tokio::test]
async fn an_endpoint_that_is_named_later_stays_one() {
    let host = Host::start().await;
    let url = format!("{ORIGIN}/a");
    let add = async |endpoint: serde_json::Value| {
        let body = json!({"endpoints": [endpoint]}).to_string();
        assert_eq!(host.ask("POST", "/v2/topics/named/endpoints", &[], &body).await.status, 200);
    };
    add(json!({"url": url})).await;
    add(json!({"url": url, "name": "b"})).await;
    add(json!({"url": url})).await;
    assert_eq!(host.get("/v2/topics/named").await["endpoints"], json!([{"url": url, "name": "b"}]));
    // Another name is another endpoint.
    add(json!({"url": url, "name": "c"})).await;
    assert_eq!(host.get("/v2/topics/named").await["endpoints"].as_array().unwrap().len(), 2);
}
