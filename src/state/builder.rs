use super::{Upstash, near_misses::NearMisses, upstash::Inner};
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
    unreadable: Vec<&'static str>,
    near_misses: NearMisses,
    pub(super) rest: RestConfig,
    or_memory: bool,
    #[cfg(feature = "redis-tcp")]
    or_redis_url: bool,
    namespace: String,
    background: crate::background::Background,
    #[cfg(feature = "client-ip")]
    client_ip: ClientIpSource,
    #[cfg(feature = "qstash")]
    pub(super) public_url: Option<String>,
    #[cfg(feature = "qstash")]
    has_replay_guard: bool,
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

    /// Checks everything and sets up the clients. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with every problem there is, by the name of the
    /// variable, and without its value.
    pub fn build(self) -> Result<Upstash, Error> {
        let mut problems = Problems::default();
        for name in &self.unreadable {
            problems.add(format!("{name} is not valid Unicode"));
        }
        #[cfg(feature = "redis")]
        let redis = self.build_redis(&mut problems);
        #[cfg(feature = "session")]
        let session_redis = self
            .pair(env::SESSION_REDIS_URL, env::SESSION_REDIS_TOKEN, &mut problems)
            .and_then(|pair| self.client(pair, env::SESSION_REDIS_URL, env::SESSION_REDIS_TOKEN, &mut problems))
            .or_else(|| redis.clone());
        #[cfg(feature = "session")]
        let session_keys = self.build_session_keys(&mut problems);
        #[cfg(feature = "qstash")]
        let (qstash, qstash_name, receiver) = self.build_qstash(&mut problems);
        #[cfg(feature = "vector")]
        let vector = self.build_vector(&mut problems);
        #[cfg(feature = "kafka")]
        let kafka = self.build_kafka(&mut problems);
        problems.into_result()?;
        Ok(Upstash::new(Inner {
            #[cfg(feature = "redis")]
            redis_name: if self.value(env::REDIS_URL).is_some() { env::REDIS_URL } else { env::REDIS_TCP_URL }.name,
            #[cfg(feature = "redis")]
            redis,
            #[cfg(feature = "session")]
            session_redis,
            #[cfg(feature = "session")]
            session_keys: session_keys.ok_or_else(|| {
                Error::new(crate::ErrorKind::Configuration, "the key of the session cookies could not be made")
            })?,
            #[cfg(feature = "qstash")]
            qstash,
            #[cfg(feature = "qstash")]
            qstash_name,
            #[cfg(feature = "qstash")]
            receiver,
            #[cfg(feature = "qstash")]
            guarded_receiver: self.has_replay_guard.then(std::sync::OnceLock::new),
            #[cfg(feature = "vector")]
            vector,
            #[cfg(feature = "kafka")]
            kafka,
            background: self.background,
            #[cfg(feature = "client-ip")]
            client_ip: self.client_ip,
            namespace: self.namespace,
            #[cfg(feature = "qstash")]
            qstash_guards: std::sync::OnceLock::new(),
            #[cfg(feature = "ratelimit")]
            limiter: std::sync::OnceLock::new(),
            #[cfg(feature = "session")]
            sessions: std::sync::OnceLock::new(),
            #[cfg(feature = "cache")]
            caches: std::sync::Mutex::default(),
            #[cfg(feature = "response-cache")]
            cache: std::sync::OnceLock::new(),
        }))
    }

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

    #[cfg(feature = "kafka")]
    fn build_kafka(&self, problems: &mut Problems) -> crate::kafka::Kafka {
        use crate::kafka::Kafka;
        let variables = [env::KAFKA_URL, env::KAFKA_USERNAME, env::KAFKA_PASSWORD];
        let missing: Vec<String> = variables
            .into_iter()
            .filter(|variable| self.value(*variable).is_none())
            .map(|variable| self.not_set(variable))
            .collect();
        let client = match variables.map(|variable| self.value(variable)) {
            [Some(url), Some(username), Some(password)] => {
                let [url_name, username_name, password_name] = variables.map(|variable| variable.name);
                let builder = Kafka::builder(url, username, password);
                builder.names(url_name, username_name, password_name).rest(self.rest.clone()).build_into(problems)
            }
            [None, None, None] => None,
            _ => {
                problems.add(missing.join(" and "));
                None
            }
        };
        client.unwrap_or_else(|| Kafka::not_configured(missing.join(" and ")))
    }

    #[cfg(feature = "vector")]
    fn build_vector(&self, problems: &mut Problems) -> crate::vector::Index {
        use crate::vector::{Index, IndexBuilder};
        let (url, token) = (env::VECTOR_URL, env::VECTOR_TOKEN);
        let index = self.pair(url, token, problems).and_then(|(address, secret)| {
            let builder = IndexBuilder::new(address, secret).names(url.name, token.name);
            builder.rest(self.rest.clone()).build_into(problems)
        });
        index.unwrap_or_else(|| Index::not_configured(format!("{} and {}", self.not_set(url), self.not_set(token))))
    }

    /// The client, or `None` if memory takes its place.
    #[cfg(feature = "redis")]
    fn build_redis(&self, problems: &mut Problems) -> Option<crate::redis::Redis> {
        let Some(pair) = self.pair(env::REDIS_URL, env::REDIS_TOKEN, problems) else {
            let neither = self.value(env::REDIS_URL).or(self.value(env::REDIS_TOKEN)).is_none();
            #[cfg(feature = "redis-tcp")]
            if neither && let Some(url) = self.redis_tcp_url() {
                let client = crate::redis::Redis::tcp(url).timeout(self.rest.timeout).retry(self.rest.retry.clone());
                let named = |error: Error| problems.add(format!("{}: {}", env::REDIS_TCP_URL.name, error.message()));
                return client.build().map_err(named).ok();
            }
            if neither && !self.or_memory {
                problems.add(self.not_set(env::REDIS_URL));
                problems.add(self.not_set(env::REDIS_TOKEN));
            } else if neither {
                let apart = self.value(env::SESSION_REDIS_URL).is_some();
                let sessions = if apart { "" } else { ", sessions" };
                tell(&format!(
                    "{}: limits{sessions} and cached responses are kept in the memory of this process",
                    self.not_set(env::REDIS_URL)
                ));
            }
            return None;
        };
        self.client(pair, env::REDIS_URL, env::REDIS_TOKEN, problems)
    }

    /// The server over TCP, if there is no database over REST.
    #[cfg(feature = "redis-tcp")]
    fn redis_tcp_url(&self) -> Option<&str> {
        self.value(env::REDIS_TCP_URL).filter(|_| self.or_redis_url)
    }

    #[cfg(feature = "redis")]
    fn client(
        &self,
        (url, token): (&str, &str),
        url_name: Variable,
        token_name: Variable,
        problems: &mut Problems,
    ) -> Option<crate::redis::Redis> {
        let client = crate::redis::Redis::builder(url, token).names(url_name.name, token_name.name);
        client.rest(self.rest.clone()).build_into(problems)
    }

    #[cfg(feature = "session")]
    fn build_session_keys(&self, problems: &mut Problems) -> Option<crate::session::KeyRing> {
        use crate::session::KeyRing;
        // The token of the database that they are in.
        let token = self.value(env::SESSION_REDIS_TOKEN).or_else(|| self.value(env::REDIS_TOKEN));
        let keys = match (self.value(env::SESSION_SECRET), token) {
            (Some(secrets), _) if is_quoted(secrets) => {
                problems.add(format!("{} begins or ends with a quote", env::SESSION_SECRET.name));
                return None;
            }
            (Some(secrets), _) => KeyRing::within(secrets.split(',').map(str::trim), &self.namespace),
            (None, Some(token)) => KeyRing::derived(token, &self.namespace),
            (None, None) => self.keys_beside_tcp(),
        };
        keys.map_err(|error| problems.add(format!("{}: {}", env::SESSION_SECRET.name, error.message()))).ok()
    }

    /// A Redis over TCP has no token. Its password does as well, if it cannot be guessed.
    #[cfg(all(feature = "session", feature = "redis-tcp"))]
    fn keys_beside_tcp(&self) -> Result<crate::session::KeyRing, Error> {
        use crate::session::KeyRing;
        let Some(url) = self.redis_tcp_url() else { return KeyRing::random() };
        let password = url::Url::parse(url).ok().and_then(|url| url.password().map(str::to_owned));
        if let Some(password) = password.filter(|password| password.len() >= 16) {
            return KeyRing::derived(&password, &self.namespace);
        }
        tracing::warn!(
            "{} is not set: sessions end with this process, and no other instance accepts their cookies",
            env::SESSION_SECRET.name
        );
        KeyRing::random()
    }

    #[cfg(all(feature = "session", not(feature = "redis-tcp")))]
    #[allow(clippy::unused_self, reason = "the same call with and without TCP")]
    fn keys_beside_tcp(&self) -> Result<crate::session::KeyRing, Error> {
        crate::session::KeyRing::random()
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

/// Whether the quotes of a file of settings became part of the value.
#[cfg(feature = "session")]
fn is_quoted(value: &str) -> bool {
    value.trim().starts_with(['"', '\'']) || value.trim().ends_with(['"', '\''])
}

/// Writes to the log, and, for want of a log, once to the standard error: it is the first thing to know about an
/// application that nothing was configured for.
#[cfg(feature = "redis")]
fn tell(text: &str) {
    use std::{io::Write, sync::Once};
    static TOLD: Once = Once::new();
    tracing::warn!("{text}");
    let has_log = tracing::dispatcher::get_default(|log| !log.is::<tracing::subscriber::NoSubscriber>());
    if !has_log {
        TOLD.call_once(|| drop(writeln!(std::io::stderr(), "axum-upstash: {text}")));
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
