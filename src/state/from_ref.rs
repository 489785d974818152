//! Every client out of a state that contains an `Upstash`: `FromRef<App> for Upstash` is all that an application writes.

use super::Upstash;
use axum_core::extract::FromRef;

#[cfg(feature = "redis")]
impl<S> FromRef<S> for crate::redis::Redis
where
    Upstash: FromRef<S>,
{
    fn from_ref(state: &S) -> Self {
        Upstash::from_ref(state).redis()
    }
}

#[cfg(feature = "qstash")]
impl<S> FromRef<S> for crate::qstash::QStashClient
where
    Upstash: FromRef<S>,
{
    fn from_ref(state: &S) -> Self {
        Upstash::from_ref(state).qstash()
    }
}

#[cfg(feature = "workflow")]
impl<S> FromRef<S> for crate::workflow::WorkflowClient
where
    Upstash: FromRef<S>,
{
    fn from_ref(state: &S) -> Self {
        Upstash::from_ref(state).workflow()
    }
}

#[cfg(feature = "kafka")]
impl<S> FromRef<S> for crate::kafka::Kafka
where
    Upstash: FromRef<S>,
{
    fn from_ref(state: &S) -> Self {
        Upstash::from_ref(state).kafka()
    }
}

#[cfg(feature = "vector")]
impl<S, M> FromRef<S> for crate::vector::Index<M>
where
    Upstash: FromRef<S>,
{
    fn from_ref(state: &S) -> Self {
        Upstash::from_ref(state).vector().typed()
    }
}

#[cfg(feature = "qstash")]
impl<S> FromRef<S> for crate::qstash::Receiver
where
    Upstash: FromRef<S>,
{
    fn from_ref(state: &S) -> Self {
        Upstash::from_ref(state).receiver()
    }
}

#[cfg(feature = "qstash")]
impl<S> FromRef<S> for crate::qstash::IdempotencyGuard
where
    Upstash: FromRef<S>,
{
    fn from_ref(state: &S) -> Self {
        Upstash::from_ref(state).idempotency_guard()
    }
}

#[cfg(feature = "client-ip")]
impl<S> FromRef<S> for crate::client_ip::ClientIpSource
where
    Upstash: FromRef<S>,
{
    fn from_ref(state: &S) -> Self {
        Upstash::from_ref(state).client_ip()
    }
}
