use super::call::Caller;
use crate::{
    Error,
    client::{RestClient, RestConfig, Secret},
    env,
    problems::Problems,
};
use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

/// An index of Upstash Vector, in one of its namespaces. Cloning is cheap, and clones share everything.
///
/// `M` is the type of the metadata of its records.
///
/// ```
/// use axum_upstash::{
///     local::LocalVector,
///     vector::{Include, Index, Query, Record, field},
/// };
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct City {
///     continent: String,
///     population: u64,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let local = LocalVector::start().await?;
/// let cities: Index<City> = Index::new(local.url(), local.token())?; // Index::from_env()? in an application
///
/// let tokyo = City { continent: "Asia".into(), population: 14_000_000 };
/// cities.upsert(Record::text("tokyo", "Tokyo is the capital of Japan").metadata(tokyo)).await?;
/// cities.wait_until_indexed(std::time::Duration::from_secs(10)).await?;
///
/// let query = Query::text("What is the capital of Japan?")
///     .top_k(1)
///     .filter(field("population").gt(1_000_000))
///     .include(Include::METADATA);
/// let found = cities.query(query).await?;
/// assert_eq!(found[0].metadata.as_ref().unwrap().continent, "Asia");
/// # Ok(())
/// # }
/// ```
///
/// | to | use |
/// |---|---|
/// | store one record, or any number of them | [`upsert`](Self::upsert), [`upsert_all`](Self::upsert_all) |
/// | change parts of a record | [`update`](Self::update) |
/// | look for records near to a vector or a text | [`query`](Self::query), [`query_many`](Self::query_many), [`resumable`](Self::resumable) |
/// | read records by their ids, or all of them | [`fetch`](Self::fetch), [`fetch_prefix`](Self::fetch_prefix), [`range`](Self::range), [`random`](Self::random) |
/// | delete records | [`delete`](Self::delete), [`delete_prefix`](Self::delete_prefix), [`delete_where`](Self::delete_where), [`reset`](Self::reset) |
/// | wait until queries find what was written | [`wait_until_indexed`](Self::wait_until_indexed), [`info`](Self::info) |
/// | use another namespace, and manage them | [`namespace`](Self::namespace), [`namespaces`](Self::namespaces), [`delete_namespace`](Self::delete_namespace) |
pub struct Index<M = serde_json::Value> {
    pub(super) caller: Caller,
    metadata: PhantomData<fn(M) -> M>,
}

/// Sets up an [`Index`].
///
/// ```
/// use axum_upstash::{client::RetryPolicy, vector::Index};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let builder = Index::builder("https://eu1-example-vector.upstash.io", "token");
/// let index: Index = builder.retry(RetryPolicy::never()).build()?;
/// # drop(index);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct IndexBuilder {
    url: String,
    token: Secret,
    names: (&'static str, &'static str),
    rest: RestConfig,
}

impl IndexBuilder {
    /// Begins with the address and the token of an index.
    pub(crate) fn new(url: impl Into<String>, token: impl Into<String>) -> Self {
        let names = ("the Vector URL", "the Vector token");
        Self { url: url.into(), token: Secret::new(token), names, rest: RestConfig::default() }
    }

    rest_setters!();
    named_setters!();

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the URL or the token cannot be right.
    pub fn build<M>(self) -> Result<Index<M>, Error> {
        Problems::collect(|problems| self.build_into(problems))
    }

    /// The same with the problems of other clients.
    pub(crate) fn build_into<M>(self, problems: &mut Problems) -> Option<Index<M>> {
        let rest = RestClient::new(self.names, &self.url, &self.token, self.rest, problems)?;
        Some(Index::of(Caller { rest, namespace: Arc::from(""), timeout: None }))
    }
}

impl Index {
    /// Sets up an index, of any metadata, with settings of its own.
    pub fn builder(url: impl Into<String>, token: impl Into<String>) -> IndexBuilder {
        IndexBuilder::new(url, token)
    }
}

impl<M> Index<M> {
    /// An index, by its address and its token.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the URL or the token cannot be right.
    pub fn new(url: impl Into<String>, token: impl Into<String>) -> Result<Self, Error> {
        IndexBuilder::new(url, token).build()
    }

    /// The index of `UPSTASH_VECTOR_REST_URL` and `UPSTASH_VECTOR_REST_TOKEN`, or of the same names after `NEXT_PUBLIC_`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if a variable is not set, or cannot be right.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_env_with(|name| std::env::var(name).ok())
    }

    /// Reads the variables from somewhere else: a test, a file, the bindings of an edge runtime.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_env_with(mut lookup: impl FnMut(&str) -> Option<String>) -> Result<Self, Error> {
        let mut read = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let mut value = |variable: env::Variable| read(variable.name).or_else(|| read(variable.alias?));
        let (url, token) = (env::VECTOR_URL, env::VECTOR_TOKEN);
        let is_telemetry = value(env::DISABLE_TELEMETRY).is_none();
        let values = (value(url), value(token));
        Problems::collect(|problems| {
            let missing = [(values.0.is_none(), url), (values.1.is_none(), token)];
            for (_, variable) in missing.into_iter().filter(|(is_missing, _)| *is_missing) {
                problems.add(format!("{} is not set", variable.name));
            }
            let builder = IndexBuilder::new(values.0?, values.1?).names(url.name, token.name);
            let rest = RestConfig::default();
            let rest = RestConfig { telemetry: rest.telemetry && is_telemetry, ..rest };
            builder.rest(rest).build_into(problems)
        })
    }

    /// A client whose every call fails with what has to be set.
    pub(crate) fn not_configured(reason: impl Into<String>) -> Self {
        Self::of(Caller { rest: RestClient::not_configured(reason), namespace: Arc::from(""), timeout: None })
    }

    pub(super) fn of(caller: Caller) -> Self {
        Self { caller, metadata: PhantomData }
    }

    /// Names a namespace of this index, which is made by the first record. The empty name is that of the default one.
    ///
    /// ```
    /// use axum_upstash::vector::Index;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let index: Index = Index::new("https://eu1-example-vector.upstash.io", "token")?;
    /// let of_customer = index.namespace("customer-17");
    /// # drop(of_customer);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn namespace(&self, name: impl AsRef<str>) -> Self {
        Self::of(Caller { namespace: name.as_ref().into(), ..self.caller.clone() })
    }

    /// Gives the records of this index another type of metadata.
    ///
    /// ```
    /// use axum_upstash::vector::Index;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Article {
    ///     title: String,
    /// }
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let index: Index = Index::new("https://eu1-example-vector.upstash.io", "token")?;
    /// let articles = index.typed::<Article>();
    /// # drop(articles);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn typed<N>(&self) -> Index<N> {
        Index::of(self.caller.clone())
    }

    /// Sets the deadline of each request, retries included (10 s).
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self::of(Caller { timeout: Some(timeout), ..self.caller.clone() })
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.caller.rest.is_configured()
    }
}

impl<M> Clone for Index<M> {
    fn clone(&self) -> Self {
        Self::of(self.caller.clone())
    }
}

impl<M> fmt::Debug for Index<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("rest", &self.caller.rest).field("namespace", &self.caller.namespace).finish()
    }
}
