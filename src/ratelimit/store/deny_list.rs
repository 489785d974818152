use crate::Error;
use futures_core::future::BoxFuture;
use std::{net::IpAddr, time::Duration};

/// The deny lists of a store, one for each prefix, which processes share. [`CheckRequest::deny`](super::CheckRequest)
/// queries them.
pub trait DenyListStore: Send + Sync {
    /// Adds values.
    ///
    /// # Errors
    /// If the store does not answer, or answers with an error.
    fn add<'a>(&'a self, prefix: &'a str, values: Vec<String>) -> BoxFuture<'a, Result<(), Error>>;

    /// Removes values.
    ///
    /// # Errors
    /// If the store does not answer, or answers with an error.
    fn remove<'a>(&'a self, prefix: &'a str, values: Vec<String>) -> BoxFuture<'a, Result<(), Error>>;

    /// All values, those of the automatic list among them.
    ///
    /// # Errors
    /// If the store does not answer, or answers with an error.
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, Error>>;

    /// Replaces the addresses of the automatic list. They are not due again before `valid_for` has passed.
    ///
    /// # Errors
    /// If the store does not answer, or answers with an error.
    fn set_addresses<'a>(
        &'a self,
        prefix: &'a str,
        addresses: Vec<IpAddr>,
        valid_for: Duration,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Removes the addresses of the automatic list, which are never due again.
    ///
    /// # Errors
    /// If the store does not answer, or answers with an error.
    fn disable_addresses<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<(), Error>>;
}
