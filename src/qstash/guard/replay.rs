use super::{
    GuardFailure, Passed,
    settings::{Settings, guard_setters},
};
#[cfg(feature = "redis")]
use crate::redis::Redis;
use crate::{
    hex::hex,
    qstash::{QStashRejection, rejection::QStashRefusal},
    rt::random_bytes,
};
use futures_core::future::BoxFuture;
use std::{sync::Arc, time::Duration};

/// How far the clocks of instances may differ.
const SLACK: Duration = Duration::from_secs(60);

/// Accepts each signature once: a request that was recorded on its way cannot be sent again.
///
/// A signature is valid for five minutes. QStash signs each delivery anew, retries included, so the guard refuses none of
/// them. A token without `jti` is told apart by its other claims, among them the second in which it was made. A proxy that
/// repeats a request is refused with a 409, and QStash delivers the message again with another signature.
///
/// Set it on the [`Receiver`](crate::qstash::Receiver::with_replay_guard), or for the whole application on the
/// [builder](crate::UpstashBuilder::qstash_replay_guard): extractors and the layer ask it after all other checks.
/// `Receiver::verify` does not.
///
/// ```
/// use axum::{Router, body::{Body, Bytes}, http::Request, routing::post};
/// use axum_upstash::qstash::{QStash, Receiver, ReplayGuard, Signer};
/// use tower::ServiceExt;
///
/// async fn hook(_: QStash<Bytes>) {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = Receiver::new("sig_a", "sig_b")?.with_replay_guard(ReplayGuard::memory());
/// let app: Router = Router::new().route("/hook", post(hook)).with_state(receiver);
/// let signature = Signer::new("sig_a")?.sign("https://app.example.com/hook", "x");
/// for status in [200, 409] {
///     let request = Request::post("/hook").header("upstash-signature", &signature).body(Body::from("x"))?;
///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Costs
/// One request of one command (`SET … NX GET PX`) for each delivery whose signature is right. The key is
/// `<prefix>:token:<hash>`, and lives as long as the signature and a minute more. Redis must be 7.0 or later.
#[derive(Debug, Clone)]
#[must_use]
pub struct ReplayGuard {
    settings: Settings,
}

/// A verified token, as the guard knows it.
#[derive(Debug, Clone)]
pub(in crate::qstash) struct ReplayTicket {
    /// The hash of the signed part.
    digest: [u8; 32],
    /// The remaining lifetime.
    lifetime: Duration,
}

impl ReplayTicket {
    pub(in crate::qstash) fn new(digest: [u8; 32], lifetime: Duration) -> Self {
        Self { digest, lifetime }
    }
}

impl ReplayGuard {
    /// Keeps signatures in this database, for all instances.
    #[cfg(feature = "redis")]
    pub fn new(redis: Redis) -> Self {
        Self { settings: Settings::redis(redis) }
    }

    /// Keeps signatures in this process, up to 100 000 of them.
    pub fn memory() -> Self {
        Self { settings: Settings::memory() }
    }

    guard_setters!();

    /// Refuses a token that was used before; `None` if it was checked for this request already.
    pub(in crate::qstash) fn check(
        &self,
        ticket: &ReplayTicket,
        passed: &mut Passed,
    ) -> Option<BoxFuture<'static, Result<(), QStashRefusal>>> {
        let key: Arc<str> = format!("{}:token:{}", self.settings.prefix, hex(&ticket.digest[..16])).into();
        if !passed.is_first(&key) {
            return None;
        }
        let (settings, ttl) = (self.settings.clone(), ticket.lifetime.saturating_add(SLACK));
        Some(Box::pin(async move {
            // A value of its own, so that a command whose answer was lost can be repeated.
            let used = match random_bytes::<16>() {
                Ok(name) => settings.put_first(&key, &hex(&name), ttl).await,
                Err(error) => Err(error),
            };
            match used {
                Ok(None) => Ok(()),
                Ok(Some(_)) => Err(QStashRejection::Replayed),
                Err(error) if settings.failure.runs(&error) => Ok(()),
                Err(error) => Err(QStashRejection::Guard(error)),
            }
        }))
    }
}
