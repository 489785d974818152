use super::{Cmd, FromReply, Redis, Reply, ToArg};
use crate::{Error, ErrorKind};
use futures_core::future::BoxFuture;
use std::{fmt, future::IntoFuture, marker::PhantomData, time::Duration};

/// A command on its way: awaiting it sends it, dropping it gives it up.
///
/// ```
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// // A command runs when it is awaited.
/// let idle: Option<u64> = redis.cmd("OBJECT").arg("IDLETIME").key("greeting").query().await?;
/// assert_eq!(idle, None);
/// assert_eq!(redis.incr("visits").timeout(Duration::from_secs(1)).await?, 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "a command is sent when it is awaited"]
pub struct Call<'a, T> {
    redis: &'a Redis,
    cmd: Cmd,
    timeout: Option<Duration>,
    repeatable: bool,
    reply: PhantomData<fn() -> T>,
}

impl Redis {
    /// Any command: add arguments, name the type of the reply, and await it.
    pub fn cmd(&self, name: &str) -> Call<'_, Reply> {
        self.issue(Cmd::new(name))
    }

    /// A prepared command.
    pub fn issue<T: FromReply>(&self, cmd: Cmd) -> Call<'_, T> {
        Call::new(self, cmd)
    }
}

impl<'a, T> Call<'a, T> {
    fn new(redis: &'a Redis, cmd: Cmd) -> Self {
        Self { redis, cmd, timeout: None, repeatable: false, reply: PhantomData }
    }

    /// Adds one argument, or the two of a pair.
    pub fn arg(mut self, arg: impl ToArg) -> Self {
        self.cmd = self.cmd.arg(arg);
        self
    }

    /// Adds an argument that is a key.
    pub fn key(mut self, key: impl ToArg) -> Self {
        self.cmd = self.cmd.key(key);
        self
    }

    /// Adds each argument of an iterator.
    pub fn args<I: IntoIterator<Item: ToArg>>(mut self, args: I) -> Self {
        self.cmd = self.cmd.args(args);
        self
    }

    call_setters!();

    /// The command as it will be sent.
    pub fn command(&self) -> &Cmd {
        &self.cmd
    }

    /// Names the type of the reply.
    pub fn query<U: FromReply>(self) -> Call<'a, U> {
        let Self { redis, cmd, timeout, repeatable, .. } = self;
        Call { redis, cmd, timeout, repeatable, reply: PhantomData }
    }
}

impl<'a, T: FromReply> IntoFuture for Call<'a, T> {
    type Output = Result<T, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let reply = self.redis.run(&self.cmd, self.timeout, self.repeatable).await?;
            convert(reply, &self.cmd)
        })
    }
}

/// The reply as the caller's type.
pub(super) fn convert<T: FromReply>(reply: Reply, cmd: &Cmd) -> Result<T, Error> {
    T::from_reply(reply).map_err(|error| cmd.describe(Error::new(ErrorKind::Decode, error.to_string())))
}

impl<T> fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.cmd).finish()
    }
}
