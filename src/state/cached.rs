use super::Upstash;
use crate::cache::{Cache, CacheKey};
use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use serde::{Serialize, de::DeserializeOwned};
use std::{convert::Infallible, fmt};

/// A typed cache of the application: its name, its types and its settings, for [`Cached`].
///
/// ```
/// use axum_upstash::{CacheNamespace, cache::Cache};
/// use std::time::Duration;
///
/// struct Prices;
///
/// impl CacheNamespace for Prices {
///     const NAME: &'static str = "prices";
///     type Key = str;
///     type Value = u64;
///
///     fn configure(cache: Cache<str, u64>) -> Cache<str, u64> {
///         cache.with_ttl(Duration::from_secs(60))
///     }
/// }
/// ```
pub trait CacheNamespace {
    /// The name of the namespace.
    const NAME: &'static str;
    /// The type of keys.
    type Key: CacheKey + ?Sized + 'static;
    /// The type of values.
    type Value: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;

    /// The settings.
    #[must_use]
    fn configure(cache: Cache<Self::Key, Self::Value>) -> Cache<Self::Key, Self::Value> {
        cache
    }
}

/// The cache of a [`CacheNamespace`], as an extractor. It comes from the [`Upstash`] of the router's state.
///
/// ```
/// use axum::{Router, extract::Path, routing::get};
/// use axum_upstash::{CacheNamespace, Cached, Upstash};
///
/// struct Prices;
///
/// impl CacheNamespace for Prices {
///     const NAME: &'static str = "prices";
///     type Key = str;
///     type Value = u64;
/// }
///
/// async fn price(Cached(prices): Cached<Prices>, Path(product): Path<String>) -> Result<String, &'static str> {
///     let price = prices.get_or_compute(&product, async |_| Ok::<_, std::io::Error>(3)).await;
///     price.map(|cents| cents.to_string()).map_err(|_| "no price")
/// }
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let app: Router = Router::new().route("/prices/{product}", get(price)).with_state(upstash);
/// # Ok(())
/// # }
/// ```
pub struct Cached<N: CacheNamespace>(pub Cache<N::Key, N::Value>);

impl<S, N> FromRequestParts<S> for Cached<N>
where
    S: Send + Sync,
    N: CacheNamespace,
    Upstash: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(N::configure(Upstash::from_ref(state).cache(N::NAME))))
    }
}

impl<N: CacheNamespace> fmt::Debug for Cached<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cached").field(&self.0).finish()
    }
}
