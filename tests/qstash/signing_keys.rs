use crate::server::Server;
use axum_upstash::{ErrorKind, qstash::Signer};
use serde_json::json;

#[tokio::test]
async fn keys_are_read_and_verify() {
    let server = Server::answering(200, json!({"current": "sig_secret1", "next": "sig_secret2"})).await;
    let keys = server.client().signing_keys().get().await.unwrap();
    assert_eq!((keys.current(), keys.next()), ("sig_secret1", "sig_secret2"));
    assert!(!format!("{keys:?}").contains("secret"));
    let signature = Signer::new(keys.next()).unwrap().sign("https://example.com/", "body");
    assert!(keys.receiver().unwrap().verify(&signature, b"body").is_ok());
    assert_eq!(server.client().signing_keys().rotate().await.unwrap(), keys);
    assert_eq!(server.lines(), ["GET /v2/keys", "POST /v2/keys/rotate"]);
}

/// A second rotation would end signatures that receivers still need.
#[tokio::test]
async fn a_rotation_is_never_repeated() {
    let server = Server::answering(503, "{}").await;
    assert!(server.client().signing_keys().rotate().await.is_err());
    assert_eq!(server.count(), 1);
    assert!(server.client().signing_keys().get().await.is_err());
    assert_eq!(server.count(), 4);
    let half = Server::answering(200, json!({"current": "sig_secret1"})).await;
    let error = half.client().signing_keys().get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(!format!("{error:?}").contains("secret"));
}
