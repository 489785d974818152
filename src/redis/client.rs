use super::{
    Access, Call, Cmd, FromReply, Pipeline, RedisBuilder, Reply, Script, ScriptCall, encode,
    error::from_text,
    reply::Item,
    sync_token::{SYNC_TOKEN, SyncToken},
};
use crate::{
    Error, ErrorKind,
    http::{Deadline, Repeat, RestClient, RestRequest, RestResponse},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const ENCODING: HeaderName = HeaderName::from_static("upstash-encoding");

/// A Redis database over REST. Cloning is cheap, and clones share everything.
///
/// See the [module](crate::redis) for an example.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    rest: RestClient,
    sync: Option<SyncToken>,
    key_locking: KeyLocking,
    /// Learned in [`KeyLocking::Auto`]: this Redis does not know the flag.
    refuses_key_locking: AtomicBool,
}

/// Whether scripts begin with the line that tells Upstash to lock only the keys a script names.
///
/// Without it Upstash locks the whole database while a script runs; plain Redis does not know the flag and refuses it
/// ([key locking](https://upstash.com/docs/redis/features/key-locking)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum KeyLocking {
    /// With the line, until the server refuses it once.
    #[default]
    Auto,
    /// Always with the line.
    On,
    /// Never with the line.
    Off,
}

impl Redis {
    /// A client for the database at `url`, with its REST token.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where the URL or the token cannot be right.
    pub fn new(url: impl Into<String>, token: impl Into<String>) -> Result<Self, Error> {
        Self::builder(url, token).build()
    }

    /// Sets up a client with settings of its own.
    pub fn builder(url: impl Into<String>, token: impl Into<String>) -> RedisBuilder {
        RedisBuilder::new(url.into(), token.into())
    }

    /// A client whose every call fails with what has to be set.
    pub(crate) fn not_configured(reason: impl Into<String>) -> Self {
        Self::over(RestClient::not_configured(reason), false, KeyLocking::Off)
    }

    pub(super) fn over(rest: RestClient, read_your_writes: bool, key_locking: KeyLocking) -> Self {
        let sync = read_your_writes.then(SyncToken::default);
        Self { inner: Arc::new(Inner { rest, sync, key_locking, refuses_key_locking: AtomicBool::new(false) }) }
    }

    /// Any command: add arguments, name the type of the reply, and await it.
    pub fn cmd(&self, name: &str) -> Call<'_, Reply> {
        self.issue(Cmd::new(name))
    }

    /// A prepared command.
    pub fn issue<T: FromReply>(&self, cmd: Cmd) -> Call<'_, T> {
        Call::new(self, cmd)
    }

    /// Commands that go out as one request. They are not atomic; see [`transaction`](Self::transaction).
    pub fn pipeline(&self) -> Pipeline {
        Pipeline::new(self.clone(), false)
    }

    /// Commands that go out as one request and run as one (`MULTI`/`EXEC`).
    pub fn transaction(&self) -> Pipeline {
        Pipeline::new(self.clone(), true)
    }

    /// A Lua script: add keys and arguments, name the type of the reply, and await it.
    pub fn script<'a>(&'a self, script: &'a Script) -> ScriptCall<'a> {
        ScriptCall::new(self, script)
    }

    /// The time until a call with this deadline, or the client's, has to be answered.
    pub(super) fn deadline(&self, timeout: Option<Duration>) -> Deadline {
        self.inner.rest.deadline(timeout)
    }

    pub(super) fn locks_keys(&self) -> bool {
        match self.inner.key_locking {
            KeyLocking::On => true,
            KeyLocking::Off => false,
            KeyLocking::Auto => !self.inner.refuses_key_locking.load(Ordering::Relaxed),
        }
    }

    /// Remembers that the server does not know key locking; `false` where the setting insists on it.
    pub(super) fn learn_no_key_locking(&self) -> bool {
        let auto = self.inner.key_locking == KeyLocking::Auto;
        if auto {
            self.inner.refuses_key_locking.store(true, Ordering::Relaxed);
        }
        auto
    }

    pub(super) async fn run(&self, cmd: &Cmd, timeout: Option<Duration>, repeatable: bool) -> Result<Reply, Error> {
        let name = cmd.name().to_uppercase();
        let describe = |error: Error| error.with_operation(name.clone()).with_key(cmd.first_key());
        let encoded = encode::single(cmd)?;
        let repeat = if repeatable || cmd.access() == Access::Read { Repeat::Safe } else { Repeat::IfNotSent };
        let response =
            self.send(encoded.path, encoded.body, encoded.is_json, repeat, timeout).await.map_err(describe)?;
        match serde_json::from_slice(&response.body) {
            Ok(Item::Result(reply)) if response.status.is_success() => Ok(reply),
            Ok(Item::Error(text)) => Err(describe(refused(&response, &text))),
            outcome => Err(describe(unreadable(&response, outcome.err()))),
        }
    }

    /// Sends a body of several commands; the outer error is the whole request's, the inner ones each command's.
    pub(super) async fn run_many(
        &self,
        cmds: &[Cmd],
        atomic: bool,
        timeout: Option<Duration>,
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        let (path, name) = if atomic { ("/multi-exec", "MULTI") } else { ("/pipeline", "pipeline") };
        let describe = |error: Error| error.with_operation(name);
        let body = encode::many(cmds)?;
        let safe = cmds.iter().all(|cmd| cmd.access() == Access::Read);
        let repeat = if safe { Repeat::Safe } else { Repeat::IfNotSent };
        let response = self.send(path.to_owned(), body, true, repeat, timeout).await.map_err(describe)?;
        if !response.status.is_success() {
            return Err(describe(match serde_json::from_slice(&response.body) {
                Ok(Item::Error(text)) => refused(&response, &text),
                outcome => unreadable(&response, outcome.err()),
            }));
        }
        let items: Vec<Item> =
            serde_json::from_slice(&response.body).map_err(|error| describe(unreadable(&response, Some(error))))?;
        if items.len() != cmds.len() {
            return Err(describe(Error::new(ErrorKind::Decode, "the answer has not one item for each command")));
        }
        Ok(items
            .into_iter()
            .zip(cmds)
            .map(|(item, cmd)| match item {
                Item::Result(reply) => Ok(reply),
                Item::Error(text) => {
                    Err(from_text(&text, None).with_operation(cmd.name().to_uppercase()).with_key(cmd.first_key()))
                }
            })
            .collect())
    }

    async fn send(
        &self,
        path: String,
        body: Bytes,
        is_json: bool,
        repeat: Repeat,
        timeout: Option<Duration>,
    ) -> Result<RestResponse, Error> {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(ENCODING, HeaderValue::from_static("base64"));
        let content_type = if is_json { "application/json" } else { "application/octet-stream" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let order = self.inner.sync.as_ref().map(|sync| {
            let (order, token) = sync.begin();
            headers.insert(SYNC_TOKEN, token.unwrap_or_else(|| HeaderValue::from_static("")));
            order
        });
        let request = RestRequest { method: Method::POST, path, headers, body, repeat, timeout };
        let response = self.inner.rest.send(request).await?;
        if let (Some(sync), Some(order), true) = (&self.inner.sync, order, response.status.is_success()) {
            sync.finish(order, &response.headers);
        }
        Ok(response)
    }
}

/// An answer that says why not.
fn refused(response: &RestResponse, text: &str) -> Error {
    from_text(text, Some(response.status)).with_retry_after(response.retry_after())
}

/// An answer that is not of the REST protocol: a gateway's page, a broken proxy.
fn unreadable(response: &RestResponse, source: Option<serde_json::Error>) -> Error {
    let error = if response.status.is_success() {
        Error::new(ErrorKind::Decode, "the answer is not of the Upstash REST protocol")
    } else {
        refused(response, "the service answered with an error and no reason")
    };
    let error = error.with_status(response.status);
    // serde's own text repeats what it read.
    match source {
        Some(source) => error.with_source(format!("{:?} at byte {}", source.classify(), source.column())),
        None => error,
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("rest", &self.inner.rest).field("key_locking", &self.inner.key_locking).finish()
    }
}
