use super::{ClientIpRejection, ClientIpSource};
use crate::PrivateResponse;
use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use std::net::IpAddr;

/// The address of the client, by the [`ClientIpSource`] of the state.
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
