use super::{Cmd, FromReply, Redis, Reply, call::convert};
use crate::{Error, ErrorKind};
use std::{
    fmt,
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Commands that travel as one request: a pipeline, or a transaction.
///
/// Each command returns a [`Slot`] by which its result is taken from the [`Results`]. Commands have the names they
/// have on [`Redis`]; any other goes through [`issue`](Self::issue).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let before = local.requests();
/// let mut pipe = redis.pipeline();
/// let visits = pipe.incr("visits");
/// let name = pipe.get::<Option<String>>("name");
/// let mut results = pipe.exec().await?;
/// assert_eq!(results.take(visits)?, 1);
/// assert_eq!(results.take(name)?, None);
/// assert_eq!(local.requests() - before, 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "a pipeline is sent by exec()"]
pub struct Pipeline {
    redis: Redis,
    cmds: Vec<Cmd>,
    atomic: bool,
    timeout: Option<Duration>,
    id: u64,
}

/// The place of one command's result.
///
/// ```
/// use axum_upstash::redis::Slot;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let mut pipe = redis.pipeline();
/// // The type of each result is known when its command is added.
/// let visits: Vec<Slot<i64>> = ["home", "shop"].into_iter().map(|page| pipe.incr(page)).collect();
/// let mut results = pipe.exec().await?;
/// for slot in visits {
///     assert_eq!(results.take(slot)?, 1);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Slot<T> {
    pipeline: u64,
    index: usize,
    reply: PhantomData<fn() -> T>,
}

impl Redis {
    /// Commands that go out as one request. They are not atomic; see [`transaction`](Self::transaction).
    pub fn pipeline(&self) -> Pipeline {
        Pipeline::new(self.clone(), false)
    }

    /// Commands that go out as one request and run as one (`MULTI`/`EXEC`).
    pub fn transaction(&self) -> Pipeline {
        Pipeline::new(self.clone(), true)
    }
}

impl Pipeline {
    pub(super) fn new(redis: Redis, atomic: bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { redis, cmds: Vec::new(), atomic, timeout: None, id: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// Adds a prepared command.
    pub fn issue<T: FromReply>(&mut self, cmd: Cmd) -> Slot<T> {
        self.cmds.push(cmd);
        Slot { pipeline: self.id, index: self.cmds.len() - 1, reply: PhantomData }
    }

    /// A deadline of its own, instead of the client's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The number of commands.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cmds.len()
    }

    /// Whether no command was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cmds.is_empty()
    }

    /// Sends the commands. An empty pipeline sends nothing.
    ///
    /// # Errors
    /// If the request as a whole failed, or the transaction was discarded ([`ErrorKind::Aborted`] or the reason the
    /// service gave). The error of one command is in its slot.
    pub async fn exec(self) -> Result<Results, Error> {
        let replies = if self.cmds.is_empty() {
            Vec::new()
        } else {
            self.redis.run_many(&self.cmds, self.atomic, self.timeout).await?
        };
        Ok(Results { replies: replies.into_iter().map(Some).collect(), cmds: self.cmds, id: self.id })
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("cmds", &self.cmds).field("atomic", &self.atomic).finish_non_exhaustive()
    }
}

/// The results of a [`Pipeline`], one for each command.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let mut pipe = redis.transaction();
/// pipe.set("text", "not a number");
/// let broken = pipe.incr("text");
/// let fine = pipe.incr("n");
/// let mut results = pipe.exec().await?;
/// assert!(results.take(broken).is_err()); // an error reaches only its own command
/// assert_eq!(results.take(fine)?, 1);
/// # Ok(())
/// # }
/// ```
pub struct Results {
    replies: Vec<Option<Result<Reply, Error>>>,
    cmds: Vec<Cmd>,
    id: u64,
}

impl Results {
    /// Takes the result of one command.
    ///
    /// # Errors
    /// The command's own error; [`ErrorKind::Decode`] if the reply is not of the slot's type;
    /// [`ErrorKind::InvalidInput`] if the slot belongs to another pipeline.
    #[allow(clippy::needless_pass_by_value, reason = "a slot is good for one result")]
    pub fn take<T: FromReply>(&mut self, slot: Slot<T>) -> Result<T, Error> {
        match (self.replies.get_mut(slot.index), self.cmds.get(slot.index)) {
            (Some(reply), Some(cmd)) if slot.pipeline == self.id => {
                convert(reply.take().unwrap_or(Ok(Reply::Nil))?, cmd)
            }
            _ => Err(Error::new(ErrorKind::InvalidInput, "the slot is not one of this pipeline")),
        }
    }

    /// The results in order, as Redis gave them.
    #[must_use]
    pub fn into_replies(self) -> impl ExactSizeIterator<Item = Result<Reply, Error>> {
        self.replies.into_iter().map(|reply| reply.unwrap_or(Ok(Reply::Nil)))
    }
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("cmds", &self.cmds).finish_non_exhaustive()
    }
}
