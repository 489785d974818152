//! What one client got is not for another.

use super::*;
use axum_upstash::{
    Upstash,
    client_ip::ClientIp,
    qstash::{LeasedMessage, Metadata, QStash, Signer, VerifiedMessage},
    ratelimit::{Decision, FixedWindow, RateLimitLayer, Ratelimit},
    session::{KeyRing, Session, SessionLayer, store::MemorySessionStore as Sessions},
};
use std::net::SocketAddr;

const KEY: &str = "sig_current";

fn signature() -> String {
    Signer::new(KEY).unwrap().sign("https://app.example.com/", b"")
}

/// A route for each extractor whose value is not part of the cache's key. A new one belongs here.
fn extractors() -> (Router, Calls) {
    let calls = Calls::default();
    let page = {
        let calls = calls.clone();
        move |seen: String| ([("cache-control", "max-age=60")], format!("{} {seen}", calls.add()))
    };
    macro_rules! route {
        ($page:ident, |$arg:ident: $type:ty| $seen:expr) => {{
            let page = $page.clone();
            get(move |$arg: $type| async move { page($seen) })
        }};
    }
    let sessions = SessionLayer::new(Sessions::new(), KeyRing::random().unwrap());
    let upstash = Upstash::builder().or_memory().qstash_signing_keys(KEY, "sig_next").build().unwrap();
    let router = Router::new()
        .route("/qstash", route!(page, |body: QStash<Bytes>| format!("{:?}", body.0)))
        .route("/message", route!(page, |message: VerifiedMessage<Bytes>| format!("{:?}", message.metadata.message_id)))
        .route("/leased", route!(page, |message: LeasedMessage<Bytes>| format!("{:?}", message.metadata.message_id)))
        .route(
            "/metadata",
            route!(page, |metadata: Metadata| format!("{:?}", metadata.message_id)).layer(upstash.qstash_layer()),
        )
        .route(
            "/maybe-metadata",
            route!(page, |metadata: Option<Metadata>| metadata.is_some().to_string()).layer(upstash.qstash_layer()),
        )
        .route("/ip", route!(page, |ip: ClientIp| ip.0.to_string()))
        .route("/decision", route!(page, |decision: Decision| decision.remaining.to_string()))
        .route("/maybe-decision", route!(page, |decision: Option<Decision>| format!("{:?}", decision.is_some())))
        .route(
            "/session",
            route!(page, |session: Session| format!("{:?}", session.get::<String>("a").await)).layer(sessions),
        )
        .layer(layer().0)
        .layer(RateLimitLayer::new("default", Ratelimit::memory(FixedWindow::new(100, Duration::from_secs(60)))))
        .with_state(upstash);
    (router, calls)
}

fn from(uri: &str, host: u8, signed: bool) -> Request {
    let mut request = request(Method::GET, uri, &[]);
    request.extensions_mut().insert(SocketAddr::from(([203, 0, 113, host], 80)));
    if signed {
        request.headers_mut().insert("upstash-signature", signature().parse().unwrap());
        request.headers_mut().insert("upstash-message-id", format!("msg_{host}").parse().unwrap());
    }
    request
}

#[tokio::test]
async fn what_an_extractor_hands_over_is_never_stored() {
    let (app, calls) = extractors();
    let with_signature = ["/qstash", "/message", "/leased", "/metadata", "/maybe-metadata"];
    for uri in with_signature.into_iter().chain(["/ip", "/decision", "/maybe-decision", "/session"]) {
        let before = calls.count();
        for host in [1, 2] {
            let signed = with_signature.contains(&uri);
            let (status, head, _) = read(app.clone().oneshot(from(uri, host, signed)).await.unwrap()).await;
            assert_eq!(status, StatusCode::OK, "{uri}");
            assert!(!head["cache-status"].to_str().unwrap().contains("hit"), "{uri}: {head:?}");
            let control: Vec<_> = head.get_all("cache-control").iter().collect();
            assert!(control.iter().any(|line| *line == "private"), "{uri}: other caches store it: {head:?}");
        }
        assert_eq!(calls.count(), before + 2, "{uri}");
    }
}

#[tokio::test]
async fn a_signed_delivery_is_not_the_answer_to_who_has_no_signature() {
    let (app, calls) = extractors();
    for _ in 0..3 {
        assert_eq!(app.clone().oneshot(from("/qstash", 1, true)).await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(calls.count(), 3, "each delivery runs the handler");
    assert_eq!(app.clone().oneshot(from("/qstash", 1, false)).await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

/// A part of a page goes past this cache, and by others on the way.
#[tokio::test]
async fn what_goes_past_the_cache_is_one_client_s_as_well() {
    let (app, _) = extractors();
    let mut part = from("/ip", 1, false);
    part.headers_mut().insert("range", "bytes=0-".parse().unwrap());
    let (_, head, _) = read(app.oneshot(part).await.unwrap()).await;
    assert_eq!(head["cache-status"], "axum-upstash; fwd=bypass");
    assert!(head.get_all("cache-control").iter().any(|line| line == "private"), "{head:?}");
}

/// Also if the handler reads the signature in its own way.
#[tokio::test]
async fn a_request_with_a_signature_goes_past_the_cache() {
    let (app, calls) = app(layer().0, &[("cache-control", "max-age=60")]);
    fetch(&app, &[]).await;
    let (_, head, _) = fetch(&app, &[("upstash-signature", "x")]).await;
    assert_eq!((&head["cache-status"], calls.count()), (&"axum-upstash; fwd=bypass".parse().unwrap(), 2));
}

#[tokio::test]
async fn a_query_changes_nothing_and_an_unknown_method_may() {
    let (app, calls) = app(layer().0, &[("cache-control", "max-age=60")]);
    for (method, is_safe) in
        [(Method::QUERY, true), (Method::TRACE, true), (Method::from_bytes(b"BREW").unwrap(), false)]
    {
        fetch(&app, &[]).await;
        let before = calls.count();
        send(&app, method.clone(), "/", &[]).await;
        fetch(&app, &[]).await;
        assert_eq!(calls.count() - before, if is_safe { 1 } else { 2 }, "{method}");
    }
}
