//! What a limiter is asked.

use super::{
    Attempt, Check, Decision, Decisions, OnOutage, RateLimitStore, Ratelimit, identifier::key_segment,
    together::decide_all, wait::pause,
};
use crate::{
    Error, ErrorKind,
    rt::{Deadline, sleep},
};
use std::time::Duration;

impl Ratelimit {
    /// Counts a request if it may pass. What is refused counts nothing.
    ///
    /// # Errors
    /// Only where the store cannot be asked and the policy is [`OnOutage::Error`](super::OnOutage::Error).
    pub async fn limit<'a>(&self, attempt: impl Into<Attempt<'a>>) -> Result<Decision, Error> {
        let attempt = attempt.into();
        match self.limit_now(&attempt) {
            Some(decision) => Ok(decision),
            None => self.limit_later(attempt).await,
        }
    }

    /// Counts a request under several limits at once: all of them count it, or none does. One request to the store.
    ///
    /// ```
    /// use axum_upstash::ratelimit::{FixedWindow, Ratelimit, SlidingWindow};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), axum_upstash::Error> {
    /// let burst = Ratelimit::memory(SlidingWindow::new(10, Duration::from_secs(1))).with_prefix("burst");
    /// let daily = burst.clone().with_algorithm(FixedWindow::new(2, Duration::from_secs(86_400))).with_prefix("daily");
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
    /// Where a limiter knows without asking that the request cannot pass, the others are not asked, and say of
    /// themselves that they were not ([`Basis::Exempt`](super::Basis::Exempt)); so they do where an allow list of one lets
    /// the request pass. The first limiter's clock, deadline and shared deny list are those of the whole request. In an
    /// outage the strictest of the [policies](Self::with_on_outage) holds.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where no limiter is given, where they do not count in one store (make them from one
    /// another with [`with_algorithm`](Self::with_algorithm)), and where two of them count the same in the same place.
    /// Otherwise as [`limit`](Self::limit).
    pub async fn limit_all(attempts: &[(&Self, Attempt<'_>)]) -> Result<Decisions, Error> {
        decide_all(attempts).await
    }

    /// Waits until the request may pass, and counts it; gives up where that would take longer than `timeout`.
    ///
    /// It sleeps for the exact time after which the request can pass, and up to a tenth of it longer, so that those who
    /// wait together do not come back together. Where the time is known to be too long, or the request can never pass, it
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
            let decision = self.limit(attempt.clone()).await?;
            let Some(pause) = pause(&decision, deadline) else { return Ok(decision) };
            sleep(pause).await;
        }
    }

    /// What is left for `identifier`, without counting anything: `allowed` where a request of cost 1 would pass.
    ///
    /// # Errors
    /// As [`limit`](Self::limit).
    pub async fn remaining(&self, identifier: &str) -> Result<Decision, Error> {
        self.look(identifier).await
    }

    /// Gives `amount` back to `identifier`.
    ///
    /// More can be given back than was used, and is then left beyond the limit: in windows until they end, in a bucket
    /// until the next refill. GCRA keeps nothing beyond its burst.
    ///
    /// # Errors
    /// Where the store cannot be asked. Nothing, or everything, was given back then.
    pub async fn refund(&self, identifier: &str, amount: u32) -> Result<Decision, Error> {
        self.give_back(identifier, amount).await
    }

    /// Forgets what was counted for `identifier`: exactly its own keys.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    pub async fn reset_used_tokens(&self, identifier: &str) -> Result<(), Error> {
        let identifier = key_segment(identifier);
        let (check, now_ms) = (self.check(&identifier, 0), self.now_ms());
        self.forget_block(&check);
        let (settings, fallback) = (&*self.settings, &*self.settings.fallback);
        for policy in [settings.on_timeout, settings.on_error] {
            if let OnOutage::MemoryLimit(algorithm) = &policy {
                fallback.reset(Check { algorithm, ..check }, now_ms, settings.timeout).await?;
            }
        }
        fallback.reset(check, now_ms, settings.timeout).await?;
        let done = settings.store.reset(check, now_ms, settings.timeout).await;
        // Whoever was refused meanwhile was refused before this.
        self.forget_block(&check);
        done
    }

    /// The [dynamic limit](super::DynamicLimits) of the prefix.
    ///
    /// # Errors
    /// Where the store cannot be asked, or the limiter has no dynamic limits.
    pub async fn dynamic_limit(&self) -> Result<Option<u32>, Error> {
        self.dynamic(false)?;
        self.settings.store.dynamic_limit(&self.settings.prefix, None).await
    }

    /// Sets the dynamic limit of the prefix, or takes it away. It has no time to live, as in `@upstash/ratelimit`.
    ///
    /// Other processes go by it with their next request to the store.
    ///
    /// # Errors
    /// Where the store cannot be asked, or the limiter has no dynamic limits.
    pub async fn set_dynamic_limit(&self, limit: Option<u32>) -> Result<(), Error> {
        self.dynamic(false)?;
        self.settings.store.set_dynamic_limit(&self.settings.prefix, None, limit).await?;
        self.limits_changed();
        Ok(())
    }

    /// The dynamic limit of one identifier.
    ///
    /// # Errors
    /// Where the store cannot be asked, or the limiter has no dynamic limits for identifiers.
    pub async fn dynamic_limit_of(&self, identifier: &str) -> Result<Option<u32>, Error> {
        self.dynamic(true)?;
        self.settings.store.dynamic_limit(&self.settings.prefix, Some(&key_segment(identifier))).await
    }

    /// Sets the dynamic limit of one identifier, or takes it away.
    ///
    /// # Errors
    /// Where the store cannot be asked, or the limiter has no dynamic limits for identifiers.
    pub async fn set_dynamic_limit_of(&self, identifier: &str, limit: Option<u32>) -> Result<(), Error> {
        self.dynamic(true)?;
        self.settings.store.set_dynamic_limit(&self.settings.prefix, Some(&key_segment(identifier)), limit).await?;
        self.limits_changed();
        Ok(())
    }

    fn dynamic(&self, of_identifier: bool) -> Result<(), Error> {
        use super::DynamicLimits::{Identifier, Off, Prefix};
        match self.settings.dynamic {
            Identifier => Ok(()),
            Prefix if !of_identifier => Ok(()),
            Off | Prefix => {
                Err(Error::new(ErrorKind::InvalidInput, "the limiter has no such dynamic limits: with_dynamic_limits"))
            }
        }
    }

    fn limits_changed(&self) {
        if let Some(blocks) = &self.settings.blocks {
            blocks.clear();
        }
    }
}
