use crate::{
    Error, ErrorKind,
    ratelimit::{Ratelimit, store::DenyListStore},
};
use std::fmt;

/// The deny list that processes share in the store, under the limiter's prefix: the one of `@upstash/ratelimit` and of
/// Upstash's console. Limiters query it if they have [`DenyList::with_shared`](super::DenyList::with_shared).
///
/// It comes from [`Ratelimit::deny_list`].
///
/// ```no_run
/// use axum_upstash::{Upstash, ratelimit::{DenyList, FixedWindow}};
/// use std::time::Duration;
///
/// # async fn run() -> Result<(), axum_upstash::Error> {
/// let limiter = Upstash::from_env()?
///     .ratelimit(FixedWindow::new(10, Duration::from_secs(60)))
///     .with_deny_list(DenyList::new().with_shared());
/// limiter.deny_list().add(["203.0.113.7", "BadBot/1.0"]).await?;
/// assert!(!limiter.limit("203.0.113.7").await?.allowed);
/// limiter.deny_list().remove(["203.0.113.7"]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SharedDenyList {
    limiter: Ratelimit,
}

impl Ratelimit {
    /// The deny list that processes share. Its calls fail if the limiter's store keeps none, as memory does.
    pub fn deny_list(&self) -> SharedDenyList {
        SharedDenyList { limiter: self.clone() }
    }

    pub(super) fn deny_lists(&self) -> Result<&dyn DenyListStore, Error> {
        self.settings
            .store
            .deny_lists()
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "shared deny lists need a limiter that counts in Redis"))
    }
}

impl SharedDenyList {
    /// Adds values: identifiers, addresses, user agents, countries, and networks if limiters
    /// [look for them](super::DenyList::with_shared_networks). The list has no time to live.
    ///
    /// # Errors
    /// If the limiter does not count in Redis, or Redis fails.
    pub async fn add<V: fmt::Display>(&self, values: impl IntoIterator<Item = V>) -> Result<(), Error> {
        self.limiter.deny_lists()?.add(self.prefix(), texts(values)).await
    }

    /// Removes values. Other processes remember them for up to a minute.
    ///
    /// # Errors
    /// If the limiter does not count in Redis, or Redis fails.
    pub async fn remove<V: fmt::Display>(&self, values: impl IntoIterator<Item = V>) -> Result<(), Error> {
        self.limiter.deny_lists()?.remove(self.prefix(), texts(values)).await?;
        self.forget();
        Ok(())
    }

    /// All values, those of the [`IpList`](super::IpList) among them.
    ///
    /// # Errors
    /// If the limiter does not count in Redis, or Redis fails.
    pub async fn list(&self) -> Result<Vec<String>, Error> {
        self.limiter.deny_lists()?.list(self.prefix()).await
    }

    /// Fetches the [`IpList`](super::IpList) now, whether it is due or not, and returns its number of addresses.
    ///
    /// # Errors
    /// If the limiter has no such list, the list cannot be fetched, or Redis fails.
    pub async fn update_ip_list(&self) -> Result<usize, Error> {
        self.limiter.update_ip_list().await
    }

    /// Removes the addresses of the [`IpList`](super::IpList), and keeps every process from fetching it again.
    ///
    /// # Errors
    /// If the limiter does not count in Redis, or Redis fails.
    pub async fn disable_ip_list(&self) -> Result<(), Error> {
        self.limiter.deny_lists()?.disable_addresses(self.prefix()).await?;
        self.forget();
        Ok(())
    }

    fn prefix(&self) -> &str {
        &self.limiter.settings.prefix
    }

    fn forget(&self) {
        if let Some(deny) = &self.limiter.settings.deny {
            deny.forget();
        }
    }
}

fn texts<V: fmt::Display>(values: impl IntoIterator<Item = V>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}
