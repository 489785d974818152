use super::{Unbroken, settings::Settings, store::DONE};
use crate::{Error, ErrorKind};
use std::{fmt, sync::Arc, time::Duration};

/// A message that is being handled. It says that the message is done, or releases it when it is dropped.
///
/// It comes from [`IdempotencyGuard::begin`](super::IdempotencyGuard::begin) or with a
/// [`LeasedMessage`](crate::qstash::LeasedMessage).
///
/// ```
/// use axum_upstash::qstash::{Begin, IdempotencyGuard};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_upstash::Error> {
/// let guard = IdempotencyGuard::memory();
/// let Begin::Started(lease) = guard.begin("msg_1").await? else { panic!("it is new") };
/// lease.release().await?; // as if the work had failed
/// let Begin::Started(lease) = guard.begin("msg_1").await? else { panic!("it was released") };
/// lease.done().await?;
/// assert!(matches!(guard.begin("msg_1").await?, Begin::Done));
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a lease releases the message"]
pub struct MessageLease {
    /// `None` if a layer around has the lease, or it was settled.
    held: Option<Held>,
}

struct Held {
    settings: Settings,
    key: Arc<str>,
    value: String,
    done_ttl: Duration,
}

impl MessageLease {
    pub(super) fn new(settings: Settings, key: Arc<str>, value: String, done_ttl: Duration) -> Self {
        Self { held: Some(Held { settings, key, value, done_ttl }) }
    }

    /// The lease of a message that a layer around has leased.
    pub(in crate::qstash) fn of_layer() -> Self {
        Self { held: None }
    }

    pub(super) fn value(&self) -> &str {
        self.held.as_ref().map_or("", |held| &held.value)
    }

    /// Nothing was put under the key.
    pub(super) fn forget(&mut self) {
        self.held = None;
    }

    /// Forgets it if the error says that the store does not have it.
    pub(super) fn forget_after(&mut self, error: &Error) {
        let is_absent = matches!(
            error.kind(),
            ErrorKind::Connect
                | ErrorKind::Unauthorized
                | ErrorKind::Forbidden
                | ErrorKind::RateLimited
                | ErrorKind::QuotaExceeded
                | ErrorKind::LimitExceeded
                | ErrorKind::InvalidInput
                | ErrorKind::Configuration
                | ErrorKind::WrongType
                | ErrorKind::ReadOnly
                | ErrorKind::OutOfMemory
        );
        // To release what is not there changes nothing.
        if is_absent || error.is_local() {
            self.forget();
        }
    }

    /// Says that the message was handled: later deliveries of it are answered at once.
    ///
    /// If the future is dropped after it began, the call goes on in the background.
    ///
    /// # Errors
    /// If the store fails. The message then stays in progress until its lease ends, and runs again if it is delivered
    /// after that.
    pub async fn done(self) -> Result<(), Error> {
        self.settle(true).await
    }

    /// Releases the message, so that its next delivery runs, and waits until that is done. Dropping the lease releases it
    /// in the background.
    ///
    /// # Errors
    /// If the store fails. The message then stays in progress until its lease ends.
    pub async fn release(self) -> Result<(), Error> {
        self.settle(false).await
    }

    pub(in crate::qstash) fn settle(mut self, is_done: bool) -> Unbroken<Result<(), Error>> {
        let background = self.held.as_ref().map(|held| held.settings.background.clone()).unwrap_or_default();
        Unbroken::new(background, async move {
            match self.held.take() {
                Some(held) => held.settle(is_done).await,
                None => Ok(()),
            }
        })
    }
}

impl Held {
    async fn settle(self, is_done: bool) -> Result<(), Error> {
        let settled = match is_done {
            true => self.settings.put(&self.key, DONE, self.done_ttl).await,
            false => self.settings.remove(&self.key, &self.value).await,
        };
        settled.inspect_err(|error| {
            let error = error.clone().without_key();
            match is_done {
                true => tracing::warn!(%error, "a message was handled, but is not known to be marked as done"),
                false => tracing::warn!(%error, "a message is not known to be released: it is when its lease ends"),
            }
        })
    }
}

impl Drop for MessageLease {
    fn drop(&mut self) {
        if let Some(held) = self.held.take()
            && !held.settings.remove_now(&held.key, &held.value)
        {
            let background = held.settings.background.clone();
            background.run(async move { drop(held.settle(false).await) });
        }
    }
}

impl fmt::Debug for MessageLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageLease").field("is_held", &self.held.is_some()).finish_non_exhaustive()
    }
}
