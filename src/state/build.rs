//! The last step of a builder: it checks the settings of every client.

use super::{Upstash, UpstashBuilder, upstash::Inner};
use crate::{
    Error,
    env::{self, Variable},
    problems::Problems,
};

impl UpstashBuilder {
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
