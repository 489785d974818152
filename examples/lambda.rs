//! The application of `examples/worker/src/router.rs` on AWS Lambda, behind API Gateway or a function URL.
//!
//!     cargo lambda build --release -p axum-upstash-examples --bin lambda --features lambda
//!     cargo lambda deploy lambda --enable-function-url
//!
//! It reads the variables of the function. Lambda freezes the process between two events: the layer around the router
//! lets each response wait for the work in the background.

use axum_upstash::{UpstashBuilder, client_ip::ClientIpSource};
use lambda_http::Error;

#[path = "worker/src/router.rs"]
mod router;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().without_time().with_writer(std::io::stderr).init();
    let upstash = UpstashBuilder::from_env()
        .client_ip(ClientIpSource::aws_lambda())
        .public_url(std::env::var("PUBLIC_URL").unwrap_or_default())
        .build()?;
    lambda_http::run(router::router(&upstash).layer(upstash.background().layer())).await
}
