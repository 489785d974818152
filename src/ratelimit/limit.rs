//! The questions to a limiter.

use super::{
    Attempt, Decision, Decisions, OutagePolicy, Ratelimit, backoff::pause, check_all, identifier::key_segment,
    store::Check,
};
use crate::{
    Error,
    rt::{Deadline, sleep},
};
use std::{fmt, time::Duration};

impl Ratelimit {
    /// Counts a request if it may pass. A refused request counts nothing.
    ///
    /// # Errors
    /// If the store fails and the policy is [`OutagePolicy::Error`], or the algorithm has a window or a rate of zero.
    pub async fn limit<'a>(&self, attempt: impl Into<Attempt<'a>>) -> Result<Decision, Error> {
        self.limit_once(&attempt.into()).await
    }

    async fn limit_once(&self, attempt: &Attempt<'_>) -> Result<Decision, Error> {
        match self.try_limit_local(attempt) {
            Some(decision) => Ok(decision),
            None => {
                self.usable()?;
                self.count_remote(attempt).await
            }
        }
    }

    /// Counts a request under several limits at once: all of them count it, or none does. One request to the store.
    ///
    /// ```
    /// use axum_upstash::{Upstash, ratelimit::{FixedWindow, Ratelimit, SlidingWindow}};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::builder().or_memory().build()?;
    /// let burst = upstash.ratelimit(SlidingWindow::new(10, Duration::from_secs(1))).with_prefix("burst");
    /// let daily = upstash.ratelimit(FixedWindow::new(2, Duration::from_secs(86_400))).with_prefix("daily");
    ///
    /// for left in [1, 0] {
    ///     let decisions = Ratelimit::limit_all(&[(&burst, "203.0.113.7".into()), (&daily, "user:7".into())]).await?;
    ///     assert!(decisions.allowed());
    ///     assert_eq!(decisions.most_restrictive().remaining, left); // the day's
    /// }
    /// let decisions = Ratelimit::limit_all(&[(&burst, "203.0.113.7".into()), (&daily, "user:7".into())]).await?;
    /// assert!(!decisions.allowed());
    /// assert_eq!(decisions.each()[0].remaining, 8); // nothing was taken from the burst
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// If one limiter can refuse locally, the store is not contacted; the others report
    /// [`Reason::Exempt`](super::Reason::Exempt). They do so as well if the allow list of one lets the request pass. The
    /// first limiter's clock, timeout and shared deny list apply to the whole request. In an outage the strictest of the
    /// [policies](Self::with_outage_policy) holds.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if no limiter is given, if they do not count in one
    /// store (make them from one another with [`with_algorithm`](Self::with_algorithm), or from one
    /// [`Upstash`](crate::Upstash)), or if two of them share a counter. Otherwise as [`limit`](Self::limit).
    pub async fn limit_all(attempts: &[(&Self, Attempt<'_>)]) -> Result<Decisions, Error> {
        check_all::validate(attempts)?;
        match check_all::try_known(attempts) {
            Some(decisions) => Ok(decisions),
            None => check_all::count(attempts).await,
        }
    }

    /// Waits until the request may pass, and counts it. Gives up if that takes longer than `timeout`.
    ///
    /// It sleeps for the exact time after which the request can pass, and up to a tenth of it longer, so that requests
    /// that wait together do not come back together. If that time is too long, or the request can never pass, it
    /// returns the refusal at once. Dropping the future gives the request up; nothing was counted for it.
    ///
    /// # Errors
    /// As [`limit`](Self::limit).
    pub async fn block_until_ready<'a>(
        &self,
        attempt: impl Into<Attempt<'a>>,
        timeout: Duration,
    ) -> Result<Decision, Error> {
        let (attempt, deadline) = (attempt.into(), Deadline::after(timeout));
        loop {
            let decision = self.limit_once(&attempt).await?;
            let Some(pause) = pause(&decision, deadline) else { return Ok(decision) };
            sleep(pause).await;
        }
    }

    /// Looks how much is left for `identifier`, and counts nothing. `allowed` tells whether a request of cost 1 would
    /// pass.
    ///
    /// # Errors
    /// As [`limit`](Self::limit).
    pub async fn remaining(&self, identifier: impl fmt::Display) -> Result<Decision, Error> {
        self.look(&identifier.to_string()).await
    }

    /// Gives `amount` back to `identifier`.
    ///
    /// A refund of more than was used stays beyond the limit: in windows until they end, in a bucket until the next
    /// refill. GCRA keeps nothing beyond its burst.
    ///
    /// # Errors
    /// If the store fails. Either nothing or everything was given back then.
    pub async fn refund(&self, identifier: impl fmt::Display, amount: u32) -> Result<Decision, Error> {
        self.give_back(&identifier.to_string(), amount).await
    }

    /// Deletes the counters of `identifier`, and no other keys.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn reset_used_tokens(&self, identifier: impl fmt::Display) -> Result<(), Error> {
        self.usable()?;
        let identifier = identifier.to_string();
        let identifier = key_segment(&identifier);
        let (check, now_ms) = (self.check(&identifier, 0), self.now_ms());
        self.unblock(&check);
        let settings = &*self.settings;
        for policy in [settings.timeout_policy, settings.error_policy] {
            if let OutagePolicy::MemoryLimit(algorithm) = &policy {
                self.reset_in(&*settings.fallback, Check { algorithm, ..check }, now_ms).await?;
            }
        }
        self.reset_in(&*settings.fallback, check, now_ms).await?;
        let done = self.reset_in(&*settings.store, check, now_ms).await;
        // A refusal that came meanwhile was decided before this.
        self.unblock(&check);
        done
    }

    async fn reset_in(
        &self,
        store: &dyn super::store::RateLimitStore,
        check: Check<'_>,
        now_ms: u64,
    ) -> Result<(), Error> {
        store.reset(self.request(&[check], now_ms)).await
    }
}
