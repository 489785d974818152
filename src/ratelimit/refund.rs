//! Changes after a decision: refunds, and charges on top.

use super::{Algorithm, Decision, Ratelimit, Reason, check::no_outcome, identifier::key_segment, store::Check};
use crate::Error;

/// The number of attempts to take the rest of a limit while other requests take from it too.
const TRIES: usize = 3;

impl Ratelimit {
    pub(super) async fn give_back(&self, identifier: &str, amount: u32) -> Result<Decision, Error> {
        self.usable()?;
        let identifier = key_segment(identifier);
        let (check, now_ms) = (self.check(&identifier, -i64::from(amount)), self.now_ms());
        self.unblock(&check);
        let checks = [check];
        let request = self.request(&checks, now_ms);
        if let Some(outcome) = self.settings.store.try_check_local(request) {
            return Ok(Decision::new(&outcome, now_ms, Reason::Counted));
        }
        // The policy for an outage is of no use here.
        let response = self.send(request).await?;
        // A refusal that came meanwhile was decided before the refund.
        self.unblock(&check);
        let outcome = response.outcomes.first().ok_or_else(no_outcome)?;
        Ok(Decision::new(outcome, now_ms, Reason::Counted))
    }

    /// Removes a client from the block cache.
    pub(super) fn unblock(&self, check: &Check<'_>) {
        if let Some(blocks) = &self.settings.blocks {
            blocks.forget(check);
        }
    }

    /// Refunds a request, in the background if the store has to be waited for.
    pub(super) fn give_back_later(&self, identifier: String, amount: u32, decision: &Decision) {
        if self.try_settle_local(&identifier, -i64::from(amount), decision).is_some() {
            return;
        }
        let limiter = self.clone();
        self.settings.background.run(async move {
            if let Err(error) = limiter.give_back(&identifier, amount).await {
                let error = error.without_key();
                tracing::warn!(%error, "a refund could not be stored");
            }
        });
    }

    /// Charges up to `amount` more for a request that was counted, and never more than what is left.
    pub(super) fn charge_later(&self, identifier: String, amount: u32, decision: &Decision) {
        let mut amount = i64::from(amount);
        for _ in 0..TRIES {
            match self.try_settle_local(&identifier, amount, decision) {
                Some(left) if left <= 0 => return,
                Some(left) => amount = left,
                None => break,
            }
        }
        let limiter = self.clone();
        self.settings.background.run(async move {
            if let Err(error) = limiter.charge(&identifier, amount).await {
                let error = error.without_key();
                tracing::warn!(%error, "the extra cost of a response could not be stored");
            }
        });
    }

    /// Counts without waiting. Returns the cost that still fits: 0 if all of it was counted.
    fn try_settle_local(&self, identifier: &str, cost: i64, decision: &Decision) -> Option<i64> {
        let (identifier, now_ms) = (key_segment(identifier), self.now_ms());
        let check = self.check(&identifier, cost);
        let outcome = if decision.reason == Reason::CountedInMemory {
            // In the memory that replaced the store, and by the algorithm that counted there.
            let algorithm: &Algorithm = decision.by.as_deref().unwrap_or(check.algorithm);
            self.settings.fallback.decide_all(&[Check { algorithm, ..check }], now_ms).pop()?
        } else {
            self.settings.store.try_check_local(self.request(&[check], now_ms))?
        };
        Some(if outcome.allowed { 0 } else { i64::try_from(outcome.remaining).unwrap_or(i64::MAX).min(cost) })
    }

    async fn charge(&self, identifier: &str, mut amount: i64) -> Result<(), Error> {
        let identifier = key_segment(identifier);
        for _ in 0..TRIES {
            let decision = self.check_in_store(&[self.check(&identifier, amount)], None, self.now_ms()).await?.pop();
            let decision = decision.ok_or_else(no_outcome)?;
            if decision.allowed || decision.remaining == 0 {
                break;
            }
            amount = i64::try_from(decision.remaining).unwrap_or(i64::MAX).min(amount);
        }
        Ok(())
    }
}
