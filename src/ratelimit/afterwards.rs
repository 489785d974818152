//! What changes after a decision: given back, or charged on top.

use super::{Algorithm, Basis, Check, Decision, Ratelimit, decide::no_outcome, identifier::key_segment};
use crate::Error;

/// So often what is left is tried to be taken, while others take from it too.
const TRIES: usize = 3;

impl Ratelimit {
    pub(super) async fn give_back(&self, identifier: &str, amount: u32) -> Result<Decision, Error> {
        let identifier = key_segment(identifier);
        let (check, now_ms) = (self.check(&identifier, -i64::from(amount)), self.now_ms());
        self.forget_block(&check);
        if let Some(outcome) = self.settings.store.take_now(check, now_ms, &self.settings.background) {
            return Ok(Decision::new(&outcome, now_ms, Basis::Counted));
        }
        // What an outage would decide is of no use here.
        let answer = self.question(&[check], None, now_ms).await?;
        // Whoever was refused meanwhile was refused before this.
        self.forget_block(&check);
        let outcome = answer.outcomes.first().ok_or_else(no_outcome)?;
        Ok(Decision::new(outcome, now_ms, Basis::Counted))
    }

    /// Forgets that somebody has nothing left.
    pub(super) fn forget_block(&self, check: &Check<'_>) {
        if let Some(blocks) = &self.settings.blocks {
            blocks.forget(check);
        }
    }

    /// Gives back what a request was counted with, in the background where that has to be waited for.
    pub(super) fn give_back_later(&self, identifier: String, amount: u32, decision: &Decision) {
        if self.settled_now(&identifier, -i64::from(amount), decision).is_some() {
            return;
        }
        let limiter = self.clone();
        self.settings.background.run(async move {
            if let Err(error) = limiter.give_back(&identifier, amount).await {
                let error = error.without_key();
                tracing::warn!(%error, "what a request was counted with could not be given back");
            }
        });
    }

    /// Takes up to `amount` more for a request that was counted: what is left, at the most.
    pub(super) fn charge_later(&self, identifier: String, amount: u32, decision: &Decision) {
        let mut amount = i64::from(amount);
        for _ in 0..TRIES {
            match self.settled_now(&identifier, amount, decision) {
                Some(left) if left <= 0 => return,
                Some(left) => amount = left,
                None => break,
            }
        }
        let limiter = self.clone();
        self.settings.background.run(async move {
            if let Err(error) = limiter.charge(&identifier, amount).await {
                let error = error.without_key();
                tracing::warn!(%error, "what a response costs could not be counted");
            }
        });
    }

    /// Counts where nobody has to be asked, and says what could be tried instead where it did not fit: nothing where it
    /// did.
    fn settled_now(&self, identifier: &str, cost: i64, decision: &Decision) -> Option<i64> {
        let (id, now_ms) = (key_segment(identifier), self.now_ms());
        let check = self.check(&id, cost);
        let outcome = if decision.basis == Basis::CountedInMemory {
            // Where it was counted in place of the store, and as it was counted there.
            let algorithm: &Algorithm = decision.by.as_deref().unwrap_or(check.algorithm);
            self.settings.fallback.decide_all(&[Check { algorithm, ..check }], now_ms).pop()?
        } else {
            self.settings.store.take_now(check, now_ms, &self.settings.background)?
        };
        Some(if outcome.allowed { 0 } else { i64::try_from(outcome.remaining).unwrap_or(i64::MAX).min(cost) })
    }

    async fn charge(&self, identifier: &str, mut amount: i64) -> Result<(), Error> {
        let identifier = key_segment(identifier);
        for _ in 0..TRIES {
            let decision = self.ask(&[self.check(&identifier, amount)], None, self.now_ms()).await?.pop();
            let decision = decision.ok_or_else(no_outcome)?;
            if decision.allowed || decision.remaining == 0 {
                break;
            }
            amount = i64::try_from(decision.remaining).unwrap_or(i64::MAX).min(amount);
        }
        Ok(())
    }
}
