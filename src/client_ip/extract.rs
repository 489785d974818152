use super::{ClientIpRejection, ClientIpSource};
use crate::PrivateResponse;
use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use std::net::IpAddr;

/// The address of the client, by the [`ClientIpSource`] of the state.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use axum_upstash::{Upstash, client_ip::{ClientIp, ClientIpSource}};
/// use http::Request;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// async fn handler(ClientIp(ip): ClientIp) -> String {
///     ip.to_string()
/// }
///
/// let upstash = Upstash::builder().or_memory().client_ip(ClientIpSource::header("cf-connecting-ip")?).build()?;
/// let app = Router::new().route("/", get(handler)).with_state(upstash);
/// let request = Request::get("/").header("cf-connecting-ip", "203.0.113.7").body(Body::empty())?;
/// let body = axum::body::to_bytes(app.oneshot(request).await?.into_body(), 100).await?;
/// assert_eq!(body, "203.0.113.7");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientIp(pub IpAddr);

impl<S> FromRequestParts<S> for ClientIp
where
    S: Send + Sync,
    ClientIpSource: FromRef<S>,
{
    type Rejection = ClientIpRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        PrivateResponse::extracted(&mut parts.extensions);
        ClientIpSource::from_ref(state).resolve(&parts.headers, &parts.extensions).map(Self)
    }
}
