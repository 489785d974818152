use super::{Upstash, near_misses::NearMisses};
#[cfg(feature = "client-ip")]
use crate::client_ip::ClientIpSource;
use crate::{
    Error,
    client::RestConfig,
    env::{self, Variable},
    problems::Problems,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Sets up an [`Upstash`]. Setters never fail: [`build`](Self::build) names everything that is wrong, at once.
///
/// ```
/// use axum_upstash::{Upstash, client_ip::ClientIpSource};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder()
///     .redis("https://eu1-example.upstash.io", "token")
///     .session_secret("a secret of at least 32 bytes from the environment")
///     .client_ip(ClientIpSource::x_forwarded_for(1))
///     .build()?;
/// assert!(!upstash.is_memory());
/// // All problems are reported at once, by the names of their settings.
/// assert!(Upstash::builder().redis("not a URL", "").build().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct UpstashBuilder {
    /// Settings by the name of their variable.
    values: BTreeMap<&'static str, String>,
    /// Names of those that the application set itself.
    pub(super) explicit: BTreeSet<&'static str>,
    pub(super) unreadable: Vec<&'static str>,
    near_misses: NearMisses,
    pub(super) rest: RestConfig,
    pub(super) or_memory: bool,
    #[cfg(feature = "redis-tcp")]
    pub(super) or_redis_url: bool,
    pub(super) namespace: String,
    pub(super) background: crate::background::Background,
    #[cfg(feature = "client-ip")]
    pub(super) client_ip: ClientIpSource,
    #[cfg(feature = "qstash")]
    pub(super) public_url: Option<String>,
    #[cfg(feature = "qstash")]
    pub(super) has_replay_guard: bool,
}

impl Upstash {
    /// Reads the environment; Redis has to be configured.
    ///
    /// # Errors
    /// Every problem there is, by the name of the variable, and without its value.
    pub fn from_env() -> Result<Self, Error> {
        UpstashBuilder::from_env().build()
    }

    /// Reads the environment. If Redis is not configured, the layers keep everything in memory.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env): half a configuration is a problem, not a reason to use memory.
    pub fn from_env_or_memory() -> Result<Self, Error> {
        UpstashBuilder::from_env().or_memory().build()
    }

    /// Reads variables from somewhere else than the environment of the process.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_env_with(lookup: impl FnMut(&str) -> Option<String>) -> Result<Self, Error> {
        UpstashBuilder::from_env_with(lookup).build()
    }

    /// Begins without any setting.
    pub fn builder() -> UpstashBuilder {
        UpstashBuilder::default()
    }
}

impl Default for UpstashBuilder {
    fn default() -> Self {
        Self {
            values: BTreeMap::new(),
            explicit: BTreeSet::new(),
            unreadable: Vec::new(),
            near_misses: NearMisses::default(),
            rest: RestConfig::default(),
            or_memory: false,
            #[cfg(feature = "redis-tcp")]
            or_redis_url: false,
            namespace: "axum-upstash".to_owned(),
            background: crate::background::Background::new(),
            #[cfg(feature = "client-ip")]
            client_ip: ClientIpSource::default(),
            #[cfg(feature = "qstash")]
            public_url: None,
            #[cfg(feature = "qstash")]
            has_replay_guard: false,
        }
    }
}

impl UpstashBuilder {
    /// Reads the environment of the process.
    pub fn from_env() -> Self {
        let mut unreadable = Vec::new();
        let mut builder = Self::from_env_with(|name| match std::env::var(name) {
            Ok(value) => Some(value),
            Err(std::env::VarError::NotPresent) => None,
            Err(std::env::VarError::NotUnicode(_)) => {
                unreadable.push(name.to_owned());
                None
            }
        });
        let names = env::VARIABLES.iter().flat_map(|variable| [Some(variable.name), variable.alias]).flatten();
        builder.unreadable = names.filter(|name| unreadable.iter().any(|other| other == name)).collect();
        // The names cannot be listed there.
        #[cfg(not(target_arch = "wasm32"))]
        builder.near_misses.look_through(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
        builder
    }

    /// Reads variables from somewhere else: a test, a file, the bindings of an edge runtime.
    ///
    /// A variable that is empty counts as not set.
    pub fn from_env_with(mut lookup: impl FnMut(&str) -> Option<String>) -> Self {
        let mut builder = Self::default();
        let mut read = |name: &str| lookup(name).filter(|value| !value.is_empty());
        for variable in env::VARIABLES {
            if let Some(value) = read(variable.name).or_else(|| read(variable.alias?)) {
                builder.values.insert(variable.name, value);
            }
        }
        builder.near_misses = NearMisses::of(&mut read);
        builder.rest.telemetry &= !builder.values.contains_key(env::DISABLE_TELEMETRY.name);
        builder
    }

    fn set(mut self, variable: Variable, value: impl Into<String>) -> Self {
        self.values.insert(variable.name, value.into());
        self.explicit.insert(variable.name);
        self
    }

    /// The Redis database: its REST address and token.
    #[cfg(feature = "redis")]
    pub fn redis(self, url: impl Into<String>, token: impl Into<String>) -> Self {
        self.set(env::REDIS_URL, url).set(env::REDIS_TOKEN, token)
    }

    /// A Redis server over TCP, instead of a database over REST: `redis://` or `rediss://`.
    ///
    /// A REST address and token win if both are set.
    #[cfg(feature = "redis-tcp")]
    pub fn redis_tcp(mut self, url: impl Into<String>) -> Self {
        self.or_redis_url = true;
        self.set(env::REDIS_TCP_URL, url)
    }

    /// Reads `REDIS_URL` too, and reaches that server over TCP, if no database over REST is set.
    ///
    /// The order is: `UPSTASH_REDIS_REST_URL` with its token, `KV_REST_API_URL` with its token, `REDIS_URL`, and memory
    /// ([`or_memory`](Self::or_memory)). Without this setting `REDIS_URL` is not read: on many platforms it is there for
    /// another program.
    ///
    /// ```no_run
    /// use axum_upstash::UpstashBuilder;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = UpstashBuilder::from_env().or_redis_url().or_memory().build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "redis-tcp")]
    pub fn or_redis_url(mut self) -> Self {
        self.or_redis_url = true;
        self
    }

    /// A Redis database for sessions alone: its REST address and token.
    ///
    /// Sessions need one that evicts nothing, which for cached responses is the wrong setting.
    #[cfg(feature = "session")]
    pub fn session_redis(self, url: impl Into<String>, token: impl Into<String>) -> Self {
        self.set(env::SESSION_REDIS_URL, url).set(env::SESSION_REDIS_TOKEN, token)
    }

    /// Keeps everything in memory if Redis is not configured. A line in the log says so, or on the standard error if no
    /// `tracing` subscriber is set up.
    pub fn or_memory(mut self) -> Self {
        self.or_memory = true;
        self
    }

    /// Secrets of at least 32 bytes that sign session cookies, separated by commas: the first signs, all verify.
    ///
    /// A comma inside of a secret would end it. If no secret is set, the key is derived from the Redis token, which all instances share. In memory it lives as
    /// long as the process.
    #[cfg(feature = "session")]
    pub fn session_secret(self, secrets: impl Into<String>) -> Self {
        self.set(env::SESSION_SECRET, secrets)
    }

    /// Keeps this application's sessions, cached responses and handled messages apart from those of others in the same
    /// database (`axum-upstash`). A session cookie of one namespace is nothing in another.
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = name.into();
        self
    }

    /// Sets the executor of all work that no request waits for, of limits, sessions and cached responses: `waitUntil` and its
    /// like. See [`background`](crate::background).
    ///
    /// ```
    /// use axum_upstash::{Upstash, background::Background};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), axum_upstash::Error> {
    /// let background = Background::with_spawner(|work| drop(tokio::spawn(work)));
    /// let upstash = Upstash::builder().or_memory().background(background).build()?;
    /// upstash.background().finished().await; // before the process ends
    /// # Ok(())
    /// # }
    /// ```
    pub fn background(mut self, background: crate::background::Background) -> Self {
        self.background = background;
        self
    }

    /// Accepts each signature of QStash once: the receiver has the [replay guard](Upstash::replay_guard).
    ///
    /// ```
    /// use axum_upstash::Upstash;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::builder().or_memory().qstash_replay_guard().build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "qstash")]
    pub fn qstash_replay_guard(mut self) -> Self {
        self.has_replay_guard = true;
        self
    }

    /// The token that publishes to QStash.
    #[cfg(feature = "qstash")]
    pub fn qstash_token(self, token: impl Into<String>) -> Self {
        self.set(env::QSTASH_TOKEN, token)
    }

    /// Sets the address of QStash, if it is not the default region's.
    #[cfg(feature = "qstash")]
    pub fn qstash_url(self, url: impl Into<String>) -> Self {
        self.set(env::QSTASH_URL, url)
    }

    /// The keys that verify QStash's webhooks, the current one and the next.
    #[cfg(feature = "qstash")]
    pub fn qstash_signing_keys(self, current: impl Into<String>, next: impl Into<String>) -> Self {
        self.set(env::QSTASH_CURRENT_SIGNING_KEY, current).set(env::QSTASH_NEXT_SIGNING_KEY, next)
    }

    /// Sets Kafka over REST: its address and its user.
    #[cfg(feature = "kafka")]
    pub fn kafka(self, url: impl Into<String>, username: impl Into<String>, password: impl Into<String>) -> Self {
        let with_user = self.set(env::KAFKA_URL, url).set(env::KAFKA_USERNAME, username);
        with_user.set(env::KAFKA_PASSWORD, password)
    }

    /// Sets the index of Vector: its REST address and its token.
    #[cfg(feature = "vector")]
    pub fn vector(self, url: impl Into<String>, token: impl Into<String>) -> Self {
        self.set(env::VECTOR_URL, url).set(env::VECTOR_TOKEN, token)
    }

    /// Uses a development server of QStash on this machine (`qstash dev`), with the account that every such server has,
    /// instead of any other address, token and signing keys of QStash.
    ///
    /// Those keys are public: it is not for production. `QSTASH_DEV=true` and `QSTASH_DEV_PORT` have the same effect.
    #[cfg(feature = "qstash")]
    pub fn qstash_dev_server(self, port: u16) -> Self {
        self.set(env::QSTASH_DEV, "true").set(env::QSTASH_DEV_PORT, port.to_string())
    }

    /// Sets the address under which QStash calls this application, such as `https://app.example.com`. Webhooks are then
    /// accepted only if they were sent to this address and the request's own path and query.
    #[cfg(feature = "qstash")]
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Sets the source of a client's address (the peer).
    #[cfg(feature = "client-ip")]
    pub fn client_ip(mut self, source: ClientIpSource) -> Self {
        self.client_ip = source;
        self
    }

    rest_setters!();

    pub(super) fn value(&self, variable: Variable) -> Option<&str> {
        self.values.get(variable.name).map(String::as_str)
    }

    /// Two settings that only make sense together: both, or neither; one alone is a problem.
    pub(super) fn pair(&self, first: Variable, second: Variable, problems: &mut Problems) -> Option<(&str, &str)> {
        match (self.value(first), self.value(second)) {
            (Some(a), Some(b)) => Some((a, b)),
            (None, None) => None,
            (Some(_), None) => {
                problems.add(format!("{}, but {} is", self.not_set(second), first.name));
                None
            }
            (None, Some(_)) => {
                problems.add(format!("{}, but {} is", self.not_set(first), second.name));
                None
            }
        }
    }

    /// Says that a variable is not set, with its other name, and with one that is set and looks like it.
    pub(super) fn not_set(&self, variable: Variable) -> String {
        let name = match variable.alias {
            Some(alias) => format!("{} (or {alias})", variable.name),
            None => variable.name.to_owned(),
        };
        match self.near_misses.of_variable(variable) {
            Some(found) => format!("{name} is not set ({found} is, and is not read)"),
            None => format!("{name} is not set"),
        }
    }
}

impl fmt::Debug for UpstashBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstashBuilder")
            .field("set", &self.values.keys())
            .field("rest", &self.rest)
            .field("or_memory", &self.or_memory)
            .finish_non_exhaustive()
    }
}
