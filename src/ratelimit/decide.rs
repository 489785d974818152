//! How a decision comes about: what is known here first, then the store, then the policy for its outage.

use super::{
    Algorithm, Answer, Attempt, Basis, Check, Decision, DenyQuery, OnOutage, Question, Ratelimit,
    identifier::key_segment,
};
use crate::{Error, ErrorKind, rt::timeout};

/// Its name in the log.
const STORE: &str = "rate limit store";

impl Ratelimit {
    /// The decision where nothing has to be waited for.
    pub(super) fn limit_now(&self, attempt: &Attempt<'_>) -> Option<Decision> {
        let (settings, now_ms) = (&*self.settings, self.now_ms());
        let identifier = key_segment(attempt.identifier);
        let check = self.check(&identifier, attempt.cost.into());
        let decision = match self.known(&check, attempt, now_ms) {
            Some(decision) => decision,
            None if settings.deny.as_ref().is_some_and(|deny| deny.is_shared()) => return None,
            None => {
                Decision::new(&settings.store.take_now(check, now_ms, &settings.background)?, now_ms, Basis::Counted)
            }
        };
        self.record(attempt, &decision);
        Some(decision)
    }

    /// The decision of a store that has to be waited for.
    pub(super) async fn limit_later(&self, attempt: Attempt<'_>) -> Result<Decision, Error> {
        let identifier = key_segment(attempt.identifier);
        let check = self.check(&identifier, attempt.cost.into());
        let decision = self.ask_one(check, Some(&attempt)).await?;
        self.record(&attempt, &decision);
        Ok(decision)
    }

    /// Whether what becomes of a request is known without asking anybody.
    pub(super) fn knows(&self, attempt: &Attempt<'_>) -> bool {
        let identifier = key_segment(attempt.identifier);
        self.known(&self.check(&identifier, attempt.cost.into()), attempt, self.now_ms()).is_some()
    }

    pub(super) async fn look(&self, identifier: &str) -> Result<Decision, Error> {
        let identifier = key_segment(identifier);
        let (check, now_ms) = (self.check(&identifier, 0), self.now_ms());
        let decision = match self.settings.store.take_now(check, now_ms, &self.settings.background) {
            Some(outcome) => Decision::new(&outcome, now_ms, Basis::Counted),
            None => self.ask_one(check, None).await?,
        };
        Ok(decision.looked())
    }

    /// What need not be asked.
    pub(super) fn known(&self, check: &Check<'_>, attempt: &Attempt<'_>, now_ms: u64) -> Option<Decision> {
        let settings = &*self.settings;
        if settings.allow.as_ref().is_some_and(|allow| allow.contains(attempt)) {
            return Some(Decision::exempt(&settings.algorithm, now_ms));
        }
        if let Some(deny) = &settings.deny
            && let Some(value) = deny.known(&settings.prefix, attempt, now_ms)
        {
            return Some(Decision::denied(&settings.algorithm, &value, now_ms));
        }
        let limit = i64::try_from(settings.algorithm.limit()).unwrap_or(i64::MAX);
        if check.cost > limit && settings.dynamic == super::DynamicLimits::Off {
            // No store has to be asked for what can never be.
            return Some(Decision::too_costly(&settings.algorithm, now_ms));
        }
        let outcome = settings.blocks.as_ref().filter(|_| check.cost > 0)?.refusal(check, now_ms)?;
        Some(Decision::new(&outcome, now_ms, Basis::Blocked))
    }

    /// Asks the store about one limit; the policy decides where it cannot be asked.
    async fn ask_one(&self, check: Check<'_>, attempt: Option<&Attempt<'_>>) -> Result<Decision, Error> {
        let now_ms = self.now_ms();
        match self.ask(&[check], attempt, now_ms).await {
            Ok(mut decisions) => decisions.pop().ok_or_else(no_outcome),
            // By the time that it is after the wait.
            Err(error) => self.without_store(check, self.now_ms(), error),
        }
    }

    /// Asks the store, by way of the breaker.
    pub(super) async fn ask(
        &self,
        checks: &[Check<'_>],
        attempt: Option<&Attempt<'_>>,
        now_ms: u64,
    ) -> Result<Vec<Decision>, Error> {
        let settings = &*self.settings;
        let permission = settings.breaker.permit(settings.timeout)?;
        // Who only looks is not refused.
        let shared = settings.deny.as_deref().filter(|deny| deny.is_shared()).zip(attempt);
        let values = shared.map(|(deny, attempt)| deny.values(attempt));
        let query = values.as_deref().map(|values| DenyQuery {
            prefix: &settings.prefix,
            values,
            ip_list: shared.is_some_and(|(deny, _)| deny.ip_list().is_some()),
        });
        let forgotten = settings.blocks.as_ref().map(super::BlockCache::forgotten);
        match self.question(checks, query, now_ms).await {
            Ok(answer) => {
                permission.succeeded(STORE);
                if answer.ip_list_due {
                    self.fetch_ip_list();
                }
                self.read(checks, &answer, now_ms, forgotten)
            }
            Err(error) => {
                permission.failed(&error, STORE);
                Err(error)
            }
        }
    }

    pub(super) async fn question(
        &self,
        checks: &[Check<'_>],
        deny: Option<DenyQuery<'_>>,
        now_ms: u64,
    ) -> Result<Answer, Error> {
        let settings = &*self.settings;
        let question = Question { checks, now_ms, timeout: settings.timeout, deny, background: &settings.background };
        match timeout(settings.timeout, settings.store.take(question)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::new(ErrorKind::Timeout, "the rate limit store did not answer in time")),
        }
    }

    /// `forgotten`: how often the block cache had forgotten somebody when the store was asked.
    fn read(
        &self,
        checks: &[Check<'_>],
        answer: &Answer,
        now_ms: u64,
        forgotten: Option<u64>,
    ) -> Result<Vec<Decision>, Error> {
        let settings = &*self.settings;
        if let Some(value) = &answer.denied {
            if let Some(deny) = &settings.deny {
                deny.learn(&settings.prefix, value, now_ms);
            }
            return Ok(checks.iter().map(|check| Decision::denied(check.algorithm, value, now_ms)).collect());
        }
        if answer.outcomes.len() != checks.len() {
            return Err(no_outcome());
        }
        // What was given back meanwhile may not be in the answer.
        if let Some(blocks) = settings.blocks.as_ref().filter(|blocks| Some(blocks.forgotten()) == forgotten) {
            checks.iter().zip(&answer.outcomes).for_each(|(check, outcome)| blocks.learn(check, outcome, now_ms));
        }
        Ok(answer.outcomes.iter().map(|outcome| Decision::new(outcome, now_ms, Basis::Counted)).collect())
    }

    fn without_store(&self, check: Check<'_>, now_ms: u64, error: Error) -> Result<Decision, Error> {
        match self.policy(&error) {
            OnOutage::Open => Ok(Decision::outage(check.algorithm, true, now_ms)),
            OnOutage::Closed => Ok(Decision::outage(check.algorithm, false, now_ms)),
            OnOutage::Error => Err(error),
            OnOutage::Memory => Ok(self.in_memory(&[check], &[None], now_ms).swap_remove(0)),
            OnOutage::MemoryLimit(algorithm) => Ok(self.in_memory(&[check], &[Some(algorithm)], now_ms).swap_remove(0)),
        }
    }

    /// What the limiter does after such an error.
    pub(super) fn policy(&self, error: &Error) -> OnOutage {
        if error.kind() == ErrorKind::Timeout { self.settings.on_timeout } else { self.settings.on_error }
    }

    /// Counts in this process, by other algorithms where the policy names them.
    pub(super) fn in_memory(&self, checks: &[Check<'_>], by: &[Option<Algorithm>], now_ms: u64) -> Vec<Decision> {
        let checks: Vec<_> = checks
            .iter()
            .zip(by)
            .map(|(check, by)| Check { algorithm: by.as_ref().unwrap_or(check.algorithm), ..*check })
            .collect();
        let outcomes = self.settings.fallback.decide_all(&checks, now_ms);
        let decisions = outcomes.iter().map(|outcome| Decision::new(outcome, now_ms, Basis::CountedInMemory));
        decisions.zip(by).map(|(decision, by)| decision.counted_by(*by)).collect()
    }

    pub(super) fn record(&self, attempt: &Attempt<'_>, decision: &Decision) {
        if let Some(analytics) = &self.settings.analytics {
            analytics.record(&self.settings.prefix, attempt, decision, &self.settings.background);
        }
    }
}

pub(super) fn no_outcome() -> Error {
    Error::new(ErrorKind::Decode, "the rate limit store gave fewer outcomes than it was asked for")
}
