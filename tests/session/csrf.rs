//! Sessions beside `tower_http::csrf`: forms of other sites are refused, QStash's webhooks are not.

use crate::client::keys;
use axum::{Json, Router, body::Body, routing::post};
use axum_upstash::{
    qstash::{QStash, Receiver, Signer},
    session::{Session, SessionLayer, store::MemorySessionStore},
};
use http::{Method, Request, StatusCode, Uri, header};
use tower::ServiceExt;
use tower_http::csrf::CsrfLayer;

#[tokio::test]
async fn forms_of_other_sites_are_refused_and_signed_webhooks_are_not() {
    let order = |session: Session| async move { session.insert("order", 1).await };
    let hook = |QStash(Json(n)): QStash<Json<u64>>| async move { n.to_string() };
    // The webhook's signature proves its origin.
    let csrf = CsrfLayer::new().with_insecure_bypass(|_: &Method, uri: &Uri| uri.path().starts_with("/webhooks/"));
    let receiver = Receiver::new("sig_current_key", "sig_next_key").unwrap();
    let app = Router::new()
        .route("/order", post(order))
        .route("/webhooks/paid", post(hook))
        .layer(SessionLayer::new(MemorySessionStore::new(), keys(&[1])))
        .layer(csrf)
        .with_state(receiver);
    let ask =
        async |path: &str, site: Option<&str>, origin: Option<&str>, signature: Option<String>, body: &'static str| {
            let mut request = Request::post(format!("https://shop.example{path}")).header(header::HOST, "shop.example");
            request = request.header(header::CONTENT_TYPE, "application/json");
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            if let Some(signature) = signature {
                request = request.header("upstash-signature", signature);
            }
            app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap().status()
        };
    assert_eq!(ask("/order", Some("same-origin"), Some("https://shop.example"), None, "").await, StatusCode::OK);
    assert_eq!(ask("/order", Some("cross-site"), Some("https://evil.example"), None, "").await, StatusCode::FORBIDDEN);
    assert_eq!(ask("/order", None, Some("https://evil.example"), None, "").await, StatusCode::FORBIDDEN);

    let signer = Signer::new("sig_current_key").unwrap();
    let signature = || Some(signer.sign("https://shop.example/webhooks/paid", b"7"));
    assert_eq!(ask("/webhooks/paid", None, None, signature(), "7").await, StatusCode::OK);
    // As a browser would be refused.
    assert_eq!(
        ask("/webhooks/paid", Some("cross-site"), Some("https://q.example"), signature(), "7").await,
        StatusCode::OK
    );
    assert_eq!(ask("/webhooks/paid", Some("cross-site"), None, None, "7").await, StatusCode::UNAUTHORIZED);
}
