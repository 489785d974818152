//! Which requests are asked of the cache, and what one client's requests do to those of others.

use super::*;

#[tokio::test]
async fn a_question_in_the_body_goes_to_the_handler_without_a_length_too() {
    let app = Router::new()
        .fallback(any(|body: String| async move { ([("cache-control", "max-age=60")], format!("asked {body:?}")) }))
        .layer(layer().0);
    let ask = async |text: &'static str| {
        let body = Body::from_stream(stream::iter([Ok::<_, Infallible>(text)]));
        let request = Request::get("/").body(body).unwrap();
        read(app.clone().oneshot(request).await.unwrap()).await
    };
    for text in ["poison", "other"] {
        let (_, headers, body) = ask(text).await;
        assert_eq!(headers["cache-status"], "axum-upstash; fwd=bypass");
        assert_eq!(body, format!("asked {text:?}"));
    }
    assert_eq!(body(&app, &[]).await, "asked \"\"");
    assert_eq!(fetch(&app, &[]).await.1["cache-status"], "axum-upstash; hit; ttl=60");
}

/// How many of two requests at once, with these headers, reach the handler after one with others was answered.
async fn calls_after(first: &[(&str, &str)], then: &[(&str, &str)]) -> usize {
    let (gate, calls) = (Arc::new(Semaphore::new(1)), Calls::default());
    let (held, counter) = (Arc::clone(&gate), calls.clone());
    let service = layer().0.layer(service_fn(move |request: Request| {
        let gate = Arc::clone(&held);
        counter.add();
        async move {
            gate.acquire().await.unwrap().forget();
            Ok::<_, Infallible>(match request.headers().get("x-answer").map(|value| value.to_str().unwrap()) {
                Some("304") => StatusCode::NOT_MODIFIED.into_response(),
                Some("private") => ([("cache-control", "private")], "mine").into_response(),
                _ if request.headers().get("authorization").is_some_and(|value| value == "junk") => {
                    StatusCode::UNAUTHORIZED.into_response()
                }
                _ => ([("cache-control", "max-age=60")], "for all").into_response(),
            })
        }
    }));
    service.clone().oneshot(request(Method::GET, "/", first)).await.unwrap();
    let start = || Box::pin(service.clone().oneshot(request(Method::GET, "/", then)));
    let (mut one, mut other) = (start(), start());
    assert!((&mut one).now_or_never().is_none());
    assert!((&mut other).now_or_never().is_none());
    calls.count() - 1
}

#[tokio::test]
async fn who_gets_nothing_to_share_does_not_stop_others_from_sharing() {
    assert_eq!(calls_after(&[("authorization", "junk")], &[]).await, 1);
    assert_eq!(calls_after(&[("authorization", "good")], &[]).await, 1);
    assert_eq!(calls_after(&[("authorization", "junk")], &[("authorization", "good")]).await, 1);
    assert_eq!(calls_after(&[("x-answer", "304")], &[]).await, 1);
    assert_eq!(calls_after(&[("x-answer", "private")], &[]).await, 2);
    // If no response to a token may be shared, requests with tokens do not wait for each other.
    assert_eq!(calls_after(&[("authorization", "good")], &[("authorization", "good")]).await, 2);
}

#[tokio::test]
async fn what_the_memory_store_cannot_hold_is_not_called_stored() {
    let large = || async { ([("cache-control", "max-age=60")], vec![b'a'; 100 << 10]) };
    for (capacity, is_stored) in [(99 << 10, false), (101 << 10, false), (120 << 10, true)] {
        let layer = ResponseCacheLayer::new(MemoryResponseStore::with_capacity(capacity));
        let app = Router::new().fallback(get(large)).layer(layer);
        let first = fetch(&app, &[]).await.1;
        assert_eq!(first["cache-status"].to_str().unwrap().ends_with("; stored"), is_stored, "{capacity}");
        let second = fetch(&app, &[]).await.1;
        assert_eq!(second["cache-status"].to_str().unwrap().contains("hit"), is_stored, "{capacity}");
    }
}

#[tokio::test]
async fn every_part_of_the_memory_store_holds_a_large_response() {
    let large = || async { ([("cache-control", "max-age=60")], vec![b'a'; 7 << 20]) };
    for capacity in [8 << 20, 24 << 20, 60 << 20] {
        let layer = ResponseCacheLayer::new(MemoryResponseStore::with_capacity(capacity)).with_body_limit(7 << 20);
        let app = Router::new().fallback(get(large)).layer(layer);
        for uri in ["/1", "/2", "/3", "/4"] {
            let (_, headers, _) = send(&app, Method::GET, uri, &[]).await;
            assert_eq!(headers["cache-status"], "axum-upstash; fwd=uri-miss; stored", "{capacity}");
            let (_, headers, _) = send(&app, Method::GET, uri, &[]).await;
            assert!(headers["cache-status"].to_str().unwrap().contains("; hit; "), "{capacity}");
        }
    }
}
