//! How a server starts and ends.

use axum_upstash::local::{LocalError, LocalRedis, LocalRedisConfig};
use serde_json::json;
use tokio::net::TcpStream;

use crate::support::{Server, eventually};

#[tokio::test]
async fn dropping_the_server_stops_it() {
    let server = Server::start().await;
    let address = server.upstash.address();
    assert_eq!(server.result(json!(["PING"])).await, "PONG");
    drop(server);
    eventually(|| async { TcpStream::connect(address).await.is_err() }).await;
}

#[tokio::test]
async fn start_errors_say_what_to_change() {
    let start = LocalRedis::start_with;
    for url in ["", "http://x", "rediss://x", "redis://:hunter2@x?y"] {
        let error = start(LocalRedisConfig::default().with_redis_url(url)).await.unwrap_err();
        assert!(matches!(error, LocalError::InvalidRedisUrl { .. }), "{url}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    for token in ["", "two words", "é"] {
        let error = start(LocalRedisConfig::default().with_token(token)).await.unwrap_err();
        assert!(matches!(error, LocalError::InvalidToken), "{token}");
    }
    let nowhere = LocalRedisConfig::default().with_redis_url("unix:///nonexistent/redis.sock");
    let error = start(nowhere).await.unwrap_err();
    assert!(error.to_string().contains("/nonexistent/redis.sock"));

    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = start(LocalRedisConfig::default().with_address(address)).await.unwrap_err();
    assert!(error.to_string().contains(&address.to_string()));
}

#[tokio::test]
async fn the_environment_is_what_clients_read() {
    let server = Server::start().await;
    let upstash = &server.upstash;
    assert_eq!(upstash.url(), format!("http://{}", upstash.address()));
    assert_eq!(
        upstash.environment(),
        [
            ("UPSTASH_REDIS_REST_URL", upstash.url().to_owned()),
            ("UPSTASH_REDIS_REST_TOKEN", upstash.token().to_owned()),
        ]
    );
    assert!(!format!("{upstash:?}").contains(upstash.token()));
    let other = Server::start().await;
    assert_ne!(upstash.token(), other.upstash.token());
}
