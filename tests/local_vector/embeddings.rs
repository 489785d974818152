use crate::Host;
use axum::{Json, Router, http::HeaderMap, routing::post};
use axum_upstash::local::{LocalVector, LocalVectorLimits};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A service with the API of OpenAI, which makes of a text its length and its first byte. It counts its calls.
async fn service(answer: impl Fn(Vec<String>) -> Value + Clone + Send + Sync + 'static) -> (String, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let app = Router::new().route(
        "/v1/embeddings",
        post(move |headers: HeaderMap, Json(body): Json<Value>| async move {
            assert_eq!((&headers["authorization"], &body["model"]), (&"Bearer key".parse().unwrap(), &json!("tiny")));
            counted.fetch_add(1, Ordering::Relaxed);
            Json(answer(serde_json::from_value(body["input"].clone()).unwrap()))
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/embeddings", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, calls)
}

fn of(texts: &[String]) -> Value {
    let vectors = texts.iter().enumerate().map(|(at, text)| {
        let first = text.bytes().next().unwrap_or_default();
        json!({"object": "embedding", "index": at, "embedding": [text.len(), first]})
    });
    // In another order, which the index tells.
    json!({"data": vectors.rev().collect::<Vec<_>>(), "model": "tiny"})
}

#[tokio::test]
async fn a_service_makes_the_vectors_of_texts() {
    let (url, calls) = service(|texts| of(&texts)).await;
    let limits = LocalVectorLimits { daily_updates: Some(151), ..LocalVectorLimits::default() };
    let builder = LocalVector::builder().dimension(2).embeddings(url, "tiny", Some("key".to_owned())).limits(limits);
    let host = Host::of(builder.start().await.unwrap());
    let records: Vec<Value> = (0..150).map(|id| json!({"id": id, "data": "x".repeat(id + 1)})).collect();
    host.result("/upsert-data", json!(records).to_string()).await;
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    let found = host.result("/fetch", r#"{"ids": [0, 149], "includeVectors": true}"#).await;
    assert_eq!((&found[0]["vector"], &found[1]["vector"]), (&json!([1.0, 120.0]), &json!([150.0, 120.0])));
    // Several texts are one request to the service.
    let queries = json!([{"data": "xx", "topK": 1}, {"data": "xxx", "topK": 1}]);
    let found = host.result("/query-data", queries.to_string()).await;
    assert_eq!((&found[0][0]["id"], &found[1][0]["id"]), (&json!("1"), &json!("2")));
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    // A request that is refused all the same costs nothing there.
    let two = json!([{"id": "a", "data": "x"}, {"id": "b", "data": "x"}]);
    assert_eq!(host.refusal("/upsert-data", two.to_string()).await.0, 403);
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_service_that_fails_is_told_and_nothing_is_stored() {
    type Answer = fn(Vec<String>) -> Value;
    for (answer, text) in [
        ((|_| json!({"error": "secret"})) as Answer, "answered in another form"),
        (|_| json!({"data": []}), "answered with too few vectors"),
        (
            |texts| json!({"data": vec![json!({"embedding": [1, 2]}); texts.len() + 1]}),
            "answered with too many vectors",
        ),
        (|_| json!({"data": [{"embedding": [1, 2, 3]}]}), "answered with 3 dimensions, and the index has 2"),
        (|_| json!({"data": [{"embedding": [1e38, 2]}]}), "answered with numbers that are too large"),
    ] {
        let (url, _) = service(answer).await;
        let builder = LocalVector::builder().dimension(2).embeddings(url, "tiny", Some("key".to_owned()));
        let host = Host::of(builder.start().await.unwrap());
        let (status, found) = host.refusal("/upsert-data", r#"{"id": "a", "data": "text"}"#).await;
        assert!(status == 502 && found.contains(text) && !found.contains("secret"), "{found}");
        assert_eq!(host.result("/info", "").await["vectorCount"], 0);
    }
    let builder = LocalVector::builder().embeddings("http://127.0.0.1:9/v1?key=secret", "tiny", None);
    let host = Host::of(builder.start().await.unwrap());
    let (status, text) = host.refusal("/query-data", r#"{"data": "text"}"#).await;
    assert!(status == 502 && !text.contains("secret"), "{text}");
}
