use super::Upstash;
use axum_core::extract::FromRef;

#[cfg(feature = "redis")]
impl FromRef<Upstash> for crate::redis::Redis {
    fn from_ref(upstash: &Upstash) -> Self {
        upstash.redis()
    }
}

#[cfg(feature = "qstash")]
impl FromRef<Upstash> for crate::qstash::QStashClient {
    fn from_ref(upstash: &Upstash) -> Self {
        upstash.qstash()
    }
}

#[cfg(feature = "qstash")]
impl FromRef<Upstash> for crate::qstash::Receiver {
    fn from_ref(upstash: &Upstash) -> Self {
        upstash.receiver()
    }
}

#[cfg(feature = "client-ip")]
impl FromRef<Upstash> for crate::client_ip::ClientIpSource {
    fn from_ref(upstash: &Upstash) -> Self {
        upstash.client_ip()
    }
}
