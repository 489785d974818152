use crate::server::{Server, answer, at};
use axum_upstash::{
    ErrorKind,
    qstash::{DeliveryOptions, Endpoint, EndpointSelector, QStashClient},
};
use serde_json::json;

#[tokio::test]
async fn calls_of_a_group() {
    let server = Server::answering(200, "").await;
    let groups = server.client().url_groups();
    let named = Endpoint::new("https://a.example.com/hook?x=1").with_name("a");
    groups.add_endpoints("my-group", [named, "https://b.example.com/".into()]).await.unwrap();
    let selectors = [EndpointSelector::Name("a".into()), EndpointSelector::Url("https://b.example.com/".into())];
    groups.remove_endpoints("my-group", selectors).await.unwrap();
    let defaults = DeliveryOptions::new().retries(3).forward_all_headers().header("X-A", "1").header("X-A", "2");
    groups.set_defaults("my-group", defaults).await.unwrap();
    groups.delete("my-group").await.unwrap();
    assert_eq!(
        server.lines(),
        [
            "POST /v2/topics/my-group/endpoints",
            "DELETE /v2/topics/my-group/endpoints",
            "PATCH /v2/topics/my-group",
            "DELETE /v2/topics/my-group",
        ]
    );
    let arrived = server.all();
    assert_eq!(
        arrived[0].json(),
        json!({"endpoints": [{"url": "https://a.example.com/hook?x=1", "name": "a"}, {"url": "https://b.example.com/"}]})
    );
    assert_eq!(arrived[1].json(), json!({"endpoints": [{"name": "a"}, {"url": "https://b.example.com/"}]}));
    assert_eq!(
        arrived[2].json(),
        json!({"headers": {
            "upstash-retries": ["3"], "upstash-header-forward": ["true"], "upstash-forward-x-a": ["1", "2"],
        }})
    );
}

#[tokio::test]
async fn what_cannot_be_an_endpoint_is_not_sent() {
    let server = Server::answering(200, "").await;
    let groups = server.client().url_groups();
    for endpoint in [
        Endpoint::new("secret.example.com"),
        Endpoint::new("ftp://secret"),
        Endpoint::new("https://secret").with_name(""),
        Endpoint::new("https://secret").with_name(" "),
    ] {
        let error = groups.add_endpoints("g", [endpoint]).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.operation()),
            (ErrorKind::InvalidInput, Some("qstash url group add endpoints"))
        );
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    for selector in [EndpointSelector::Name(String::new()), EndpointSelector::Url(String::new())] {
        assert_eq!(groups.remove_endpoints("g", [selector]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    for name in ["", "..", "a/b", "a b"] {
        assert_eq!(groups.delete(name).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(groups.get(name).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    groups.add_endpoints("g", Vec::<Endpoint>::new()).await.unwrap();
    groups.remove_endpoints("g", []).await.unwrap();
    assert_eq!(
        groups.set_defaults("g", DeliveryOptions::new().label("")).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(server.count(), 0);

    server.client().url_groups().add_endpoints("g", ["http://localhost:3000/"]).await.unwrap();
    let elsewhere = QStashClient::new("token").unwrap().url_groups();
    let error = elsewhere.add_endpoints("g", ["http://localhost:3000/"]).await.unwrap_err();
    assert!(error.to_string().contains("the endpoint is on this machine"), "{error}");
}

#[tokio::test]
async fn groups_are_read() {
    let full = json!({
        "name": "my-group", "createdAt": 1_725_323_658_779u64, "updatedAt": 1_725_323_658_780u64,
        "endpoints": [{"name": "a", "url": "https://a/"}, {"url": "https://b/"}],
    });
    let server = Server::giving([
        answer(200, &full),
        answer(200, json!([full, {"name": "bare", "endpoints": null}])),
        answer(404, r#"{"error":"topic not found"}"#),
    ])
    .await;
    let groups = server.client().url_groups();
    let group = groups.get("my-group").await.unwrap();
    assert_eq!(group.name, "my-group");
    assert_eq!((group.created_at, group.updated_at), (at(1_725_323_658_779), at(1_725_323_658_780)));
    assert_eq!(group.endpoints, [Endpoint::new("https://a/").with_name("a"), Endpoint::new("https://b/")]);
    assert!(!format!("{group:?}").contains("https"));
    let all = groups.list().await.unwrap();
    assert_eq!(all[0], group);
    assert!(all[1].endpoints.is_empty());
    assert_eq!(groups.get("my-group").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(server.lines(), ["GET /v2/topics/my-group", "GET /v2/topics", "GET /v2/topics/my-group"]);
}

#[tokio::test]
async fn only_calls_that_may_be_repeated_are() {
    let server = Server::answering(503, "{}").await;
    let groups = server.client().url_groups();
    assert!(groups.add_endpoints("g", ["https://a/"]).await.is_err());
    assert_eq!(server.count(), 3);
    assert!(groups.delete("g").await.is_err());
    assert_eq!(server.count(), 6);
    assert!(groups.remove_endpoints("g", [EndpointSelector::Name("a".into())]).await.is_err());
    assert_eq!(server.count(), 7);
}
