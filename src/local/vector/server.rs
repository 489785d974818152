use std::{fmt, net::SocketAddr, num::NonZeroUsize, sync::Arc, thread, time::Duration};

use super::{
    embed::Embedder,
    index::{LocalVectorIndex, Shared},
    indexes::Indexes,
    service::Service,
    settings::LocalVectorBuilder,
};
use crate::local::{
    LocalError,
    clock::LocalClock,
    http::{Front, Port, Running},
    secret::Secret,
};

/// The dimension of the indexes that there always are and that take texts.
const EMBEDDED: usize = 384;

/// An Upstash Vector on this machine. Dropping it stops it.
///
/// Its index at the root is dense and takes vectors as well as texts. Others have paths of their own
/// ([`index`](LocalVectorBuilder::index), [`index_url`](Self::index_url)).
///
/// ```
/// use axum_upstash::local::LocalVector;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vector = LocalVector::start().await?;
/// let http = reqwest::Client::new();
/// let send = |path: &str, body: &'static str| {
///     http.post(format!("{}/{path}", vector.url())).bearer_auth(vector.token()).body(body).send()
/// };
/// send("upsert-data", r#"{"id": "1", "data": "Tokyo is the capital of Japan"}"#).await?;
/// let answer = send("query-data", r#"{"data": "the capital of Japan", "topK": 1}"#).await?;
/// assert!(answer.text().await?.contains(r#""id":"1""#));
/// # Ok(())
/// # }
/// ```
pub struct LocalVector {
    service: Arc<Service>,
    /// The token of the index at the root.
    root_token: Secret,
    server: Running,
}

impl LocalVector {
    /// Starts a server on a free port of the loopback interface.
    ///
    /// # Errors
    /// If there is no such port.
    pub async fn start() -> Result<Self, LocalError> {
        Self::builder().start().await
    }

    /// Sets up a server.
    pub fn builder() -> LocalVectorBuilder {
        LocalVectorBuilder::new()
    }

    async fn start_with(mut settings: LocalVectorBuilder) -> Result<Self, LocalError> {
        if let Some(problem) = settings.problem {
            return Err(problem);
        }
        let embedder = settings.embedding_service()?.map_or(Embedder::Offline, Embedder::Service);
        let token = match settings.token {
            Some(token) if token.is_valid() => token,
            Some(_) => return Err(LocalError::InvalidToken),
            None => Secret::random().map_err(|_| LocalError::Random)?,
        };
        let read_only_token = settings.read_only_token;
        if read_only_token.as_ref().is_some_and(|token| !token.is_valid()) {
            return Err(LocalError::InvalidToken);
        }
        let (limits, clock, delay) = (settings.limits, LocalClock::new(1.0), settings.delay);
        let threads = settings.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        let root_token = settings.root.token.clone().unwrap_or_else(|| token.clone());
        let indexes = Indexes::new(token, read_only_token, Shared { limits, clock, delay, embedder, threads });
        indexes.add_root(settings.root)?;
        for index in settings.indexes {
            indexes.add(index)?;
        }
        // One that is asked for takes the place of one that there always is.
        for index in standard().into_iter().filter(|index| indexes.get(&index.name).is_none()) {
            indexes.put(index);
        }
        let port = Port::listen(settings.address).await?;
        let service = Arc::new(Service {
            indexes,
            url: port.url(),
            front: Front::new(port.is_loopback(), settings.read_timeout),
            faults: settings.faults,
        });
        let server = port.serve_api(Arc::clone(&service), &service.front);
        Ok(Self { service, root_token, server })
    }

    /// The URL of the index at the root, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.service.url
    }

    /// The token for it.
    #[must_use]
    pub fn token(&self) -> &str {
        self.root_token.expose()
    }

    /// The URL of an index by its name, if there is one.
    #[must_use]
    pub fn index_url(&self, name: &str) -> Option<String> {
        self.service.indexes.get(name).map(|_| format!("{}/{name}", self.url()))
    }

    /// The address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The environment variables from which clients read the URL and the token of the index at the root.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![("UPSTASH_VECTOR_REST_URL", self.url().to_owned()), ("UPSTASH_VECTOR_REST_TOKEN", self.token().to_owned())]
    }

    /// The number of HTTP requests answered so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.service.front.requests()
    }

    /// Moves the server's clock forward: records become [searchable](LocalVectorBuilder::indexing_delay), queries that go
    /// on become idle, and the quotas of another day begin.
    pub fn advance(&self, by: Duration) {
        self.service.indexes.shared.clock.advance(by);
    }

    /// Stops the server: no connection is accepted, and requests have two seconds to end.
    pub async fn shutdown(mut self) {
        self.server.shut_down(&self.service.front).await;
        self.service.front.emptied().await;
    }
}

impl LocalVectorBuilder {
    /// Starts the server.
    ///
    /// # Errors
    /// If the address is in use, or a setting cannot be used.
    pub async fn start(self) -> Result<LocalVector, LocalError> {
        LocalVector::start_with(self).await
    }
}

/// The indexes that there always are.
fn standard() -> [LocalVectorIndex; 5] {
    [
        LocalVectorIndex::dense("dense-2", 2),
        LocalVectorIndex::sparse("sparse"),
        LocalVectorIndex::hybrid("hybrid-2", 2),
        LocalVectorIndex::dense("dense-embed", EMBEDDED).embedding(),
        LocalVectorIndex::hybrid("hybrid-embed", EMBEDDED).embedding(),
    ]
}

impl Drop for LocalVector {
    fn drop(&mut self) {
        self.service.front.close();
    }
}

impl fmt::Debug for LocalVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalVector").field("url", &self.url()).finish_non_exhaustive()
    }
}
