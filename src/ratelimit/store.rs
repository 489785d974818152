use super::{Background, Check, Outcome, Question, RedisStore};
use crate::{CircuitBreaker, Error, ErrorKind};
use futures_core::future::BoxFuture;
use std::{fmt, sync::Arc, time::Duration};

/// Where a limiter counts. Redis and memory implement it; `conformance` (feature `testing`) is the suite for others.
///
/// Each call is atomic: of any number of concurrent calls exactly as many are admitted as the limits have room for.
pub trait RateLimitStore: fmt::Debug + Send + Sync + 'static {
    /// Admits the request and counts its cost under every limit, or refuses it and counts nothing.
    ///
    /// # Errors
    /// Where the store cannot be asked; what follows from that is the limiter's policy.
    fn take<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Answer, Error>>;

    /// As [`take`](Self::take) for one limit, for stores that need not wait.
    fn take_now(&self, check: Check<'_>, now_ms: u64, background: &Background) -> Option<Outcome> {
        let _ = (check, now_ms, background);
        None
    }

    /// Whether asking costs nothing, so that nothing need be remembered to spare it.
    fn is_local(&self) -> bool {
        false
    }

    /// The circuit breaker of the store, if it has one that others share.
    fn breaker(&self) -> Option<CircuitBreaker> {
        None
    }

    /// Forgets what was counted.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    fn reset<'a>(&'a self, check: Check<'a>, now_ms: u64, timeout: Duration) -> BoxFuture<'a, Result<(), Error>>;

    /// The store itself where it is Redis, for what only Redis keeps: deny lists that processes share.
    fn as_redis(&self) -> Option<&RedisStore> {
        None
    }

    /// The dynamic limit of a prefix, or of one identifier.
    ///
    /// # Errors
    /// Where the store cannot be asked, or keeps no such limits.
    fn dynamic_limit<'a>(
        &'a self,
        prefix: &'a str,
        identifier: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<u32>, Error>> {
        let _ = (prefix, identifier);
        Box::pin(std::future::ready(Err(no_dynamic_limits())))
    }

    /// Sets the dynamic limit of a prefix, or of one identifier, or takes it away.
    ///
    /// # Errors
    /// Where the store cannot be asked, or keeps no such limits.
    fn set_dynamic_limit<'a>(
        &'a self,
        prefix: &'a str,
        identifier: Option<&'a str>,
        limit: Option<u32>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let _ = (prefix, identifier, limit);
        Box::pin(std::future::ready(Err(no_dynamic_limits())))
    }
}

fn no_dynamic_limits() -> Error {
    Error::new(ErrorKind::InvalidInput, "this rate limit store keeps no dynamic limits")
}

/// What a [`RateLimitStore`] answers to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Answer {
    /// An outcome for each check, in order: either all of them are allowed, or nothing was counted. None where the
    /// request was denied.
    pub outcomes: Vec<Outcome>,
    /// The value of the deny query that is on the list. Nothing was counted.
    pub denied: Option<String>,
    /// The automatic list of addresses is due, and this caller is the one to fetch it.
    pub ip_list_due: bool,
}

impl Answer {
    /// An answer with an outcome for each check.
    pub fn counted(outcomes: Vec<Outcome>) -> Self {
        Self { outcomes, denied: None, ip_list_due: false }
    }

    /// An answer for somebody on the deny list.
    pub fn denied(value: impl Into<String>) -> Self {
        Self { outcomes: Vec::new(), denied: Some(value.into()), ip_list_due: false }
    }

    /// Whether the request may pass.
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.denied.is_none() && self.outcomes.iter().all(|outcome| outcome.allowed)
    }
}

/// Forwards what a wrapper has nothing to add to.
macro_rules! dynamic_limits_of {
    ($this:ident => $inner:expr) => {
        fn dynamic_limit<'a>(
            &'a $this,
            prefix: &'a str,
            identifier: Option<&'a str>,
        ) -> BoxFuture<'a, Result<Option<u32>, Error>> {
            $inner.dynamic_limit(prefix, identifier)
        }

        fn set_dynamic_limit<'a>(
            &'a $this,
            prefix: &'a str,
            identifier: Option<&'a str>,
            limit: Option<u32>,
        ) -> BoxFuture<'a, Result<(), Error>> {
            $inner.set_dynamic_limit(prefix, identifier, limit)
        }
    };
}
pub(super) use dynamic_limits_of;

impl<T: RateLimitStore + ?Sized> RateLimitStore for Arc<T> {
    fn take<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Answer, Error>> {
        (**self).take(question)
    }

    fn take_now(&self, check: Check<'_>, now_ms: u64, background: &Background) -> Option<Outcome> {
        (**self).take_now(check, now_ms, background)
    }

    fn reset<'a>(&'a self, check: Check<'a>, now_ms: u64, timeout: Duration) -> BoxFuture<'a, Result<(), Error>> {
        (**self).reset(check, now_ms, timeout)
    }

    fn is_local(&self) -> bool {
        (**self).is_local()
    }

    fn breaker(&self) -> Option<CircuitBreaker> {
        (**self).breaker()
    }

    fn as_redis(&self) -> Option<&RedisStore> {
        (**self).as_redis()
    }

    dynamic_limits_of!(self => (**self));
}
