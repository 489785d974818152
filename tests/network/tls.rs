//! Redis over TLS, by a real handshake.

use crate::{
    certificates::Certificates,
    redis_server::{RedisServer, free_port},
};
use axum_upstash::{
    Error, ErrorKind,
    redis::{PubSubEvent, Redis, RedisTcpBuilder},
};
use futures_util::StreamExt;
use std::{error::Error as _, time::Duration};

fn server(certificates: &Certificates, clients: &str) -> (RedisServer, u16) {
    let port = free_port();
    let path = |name| certificates.path(name).to_str().unwrap().to_owned();
    let server = RedisServer::with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &path("server.pem"),
        "--tls-key-file",
        &path("server.key"),
        "--tls-ca-cert-file",
        &path("ca.pem"),
        "--tls-auth-clients",
        clients,
    ]);
    (server, port)
}

fn client(host: &str, port: u16) -> RedisTcpBuilder {
    Redis::tcp(format!("rediss://{host}:{port}")).timeout(Duration::from_secs(5))
}

/// The texts of an error and of what caused it.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority() {
    let certificates = Certificates::new();
    let (_server, port) = server(&certificates, "no");
    for host in ["localhost", "127.0.0.1"] {
        let redis = client(host, port).root_certificate(certificates.text("ca.pem")).build().unwrap();
        redis.set("k", host).await.unwrap();
        assert_eq!(redis.get::<String>("k").await.unwrap(), host);
        let large = vec![b'x'; 3_000_000];
        redis.set("large", large.as_slice()).await.unwrap();
        assert_eq!(redis.get::<Vec<u8>>("large").await.unwrap(), large);
        let mut messages = redis.subscribe(["c"]);
        assert!(matches!(messages.next().await.unwrap().unwrap(), PubSubEvent::Subscribed { .. }));
    }

    let stranger = client("localhost", port).build().unwrap();
    let error = stranger.get::<String>("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(causes(&error).contains("UnknownIssuer"), "{}", causes(&error));

    let error = client("localhost", port).root_certificate("nonsense").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let certificates = Certificates::new();
    let (_server, port) = server(&certificates, "yes");
    let trusting = client("localhost", port).root_certificate(certificates.text("ca.pem"));
    let error = trusting.clone().build().unwrap().get::<String>("k").await.unwrap_err();
    assert!(error.is_outage(), "{error:?}");

    let key = certificates.text("client.key");
    let known = trusting.clone().client_certificate(certificates.text("client.pem"), &key);
    let line = key.lines().nth(1).unwrap();
    assert!(!format!("{known:?}").contains(line));
    known.build().unwrap().set("k", "v").await.unwrap();

    let error = trusting.client_certificate(certificates.text("client.pem"), "no key").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(!format!("{error:?}").contains("no key"));
}

#[tokio::test]
async fn a_server_without_tls_is_an_error() {
    let server = RedisServer::start();
    let redis = client("127.0.0.1", server.port()).timeout(Duration::from_secs(2)).build().unwrap();
    assert!(redis.get::<String>("k").await.unwrap_err().is_outage());
}
