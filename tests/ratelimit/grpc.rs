//! Under tonic, seen by a tonic client.

use axum_upstash::ratelimit::{FixedWindow, GrpcRefusal, Key, RateLimitLayer, Ratelimit, RequestHead};
use std::time::Duration;
use tonic::{
    Code,
    transport::{Channel, Server, server::TcpConnectInfo, server::TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

#[tokio::test]
async fn a_grpc_client_is_told_that_its_quota_is_used_up() {
    // By the peer, as tonic tells it.
    let by_peer = |head: RequestHead<'_>| {
        let peer = head.extensions().get::<TcpConnectInfo>().and_then(|info| info.remote_addr());
        peer.map_or(Key::Deny, |peer| Key::Limit(peer.ip().to_string()))
    };
    let layer = RateLimitLayer::new("default", Ratelimit::memory(FixedWindow::new(2, Duration::from_secs(86_400))))
        .with_key(by_peer)
        .with_refusal(GrpcRefusal);
    let (_, service) = tonic_health::server::health_reporter();
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", incoming.local_addr().unwrap());
    tokio::spawn(Server::builder().layer(layer).add_service(service).serve_with_incoming(incoming));

    let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
    let mut client = HealthClient::new(channel);
    for left in ["1", "0"] {
        let response = client.check(HealthCheckRequest::default()).await.unwrap();
        let fields = response.metadata().get("ratelimit").unwrap().to_str().unwrap();
        assert!(fields.contains(&format!(";r={left};")), "{fields}");
    }
    let status = client.check(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "Too many requests"));
}
