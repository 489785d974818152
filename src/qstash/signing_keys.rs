use super::{
    QStashClient, Receiver,
    call::{Call, Caller},
    wire::{FromWire, Object, Unreadable},
};
use crate::{Error, client::Secret};
use serde_json::Value;

/// The keys that QStash signs deliveries with.
///
/// ```no_run
/// # async fn run(qstash: axum_upstash::qstash::QStashClient) -> Result<(), axum_upstash::Error> {
/// let keys = qstash.signing_keys().get().await?;
/// let receiver = keys.receiver()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SigningKeys {
    caller: Caller,
}

/// The current signing key, and the one that will follow it.
///
/// `Debug` does not show them.
///
/// ```no_run
/// # async fn run(qstash: axum_upstash::qstash::QStashClient) -> Result<(), axum_upstash::Error> {
/// let keys = qstash.signing_keys().get().await?;
/// assert!(keys.current().starts_with("sig_"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyPair {
    current: Secret,
    next: Secret,
}

impl SigningKeyPair {
    /// The key that QStash signs with, `QSTASH_CURRENT_SIGNING_KEY`.
    #[must_use]
    pub fn current(&self) -> &str {
        self.current.expose()
    }

    /// The key that QStash will sign with after the next rotation, `QSTASH_NEXT_SIGNING_KEY`.
    #[must_use]
    pub fn next(&self) -> &str {
        self.next.expose()
    }

    /// A receiver that verifies with these keys.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if they cannot be keys.
    pub fn receiver(&self) -> Result<Receiver, Error> {
        Receiver::new(self.current(), self.next())
    }
}

impl FromWire for SigningKeyPair {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self {
            current: Secret::new(object.required_text("current")?),
            next: Secret::new(object.required_text("next")?),
        })
    }
}

impl QStashClient {
    /// The keys that QStash signs deliveries with.
    pub fn signing_keys(&self) -> SigningKeys {
        SigningKeys { caller: self.caller().clone() }
    }
}

impl SigningKeys {
    /// Reads the keys.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn get(&self) -> Result<SigningKeyPair, Error> {
        self.caller.fetch(Call::get("qstash signing keys get", "/v2/keys")).await
    }

    /// Makes the next key the current one, draws a new next key, and returns both.
    ///
    /// Receivers with the old pair go on to work, until the keys are rolled once more. It is never repeated after a lost
    /// answer: the keys may then be rolled or not, and [`get`](Self::get) tells.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn rotate(&self) -> Result<SigningKeyPair, Error> {
        self.caller.fetch(Call::post("qstash signing keys rotate", "/v2/keys/rotate")).await
    }
}
