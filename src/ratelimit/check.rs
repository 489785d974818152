//! One limit: the local checks, then the store, then the policy for its outage.

use super::{
    Algorithm, Attempt, Decision, OutagePolicy, Ratelimit, Reason,
    identifier::key_segment,
    store::{Check, CheckRequest, CheckResponse, DenyQuery, DynamicLimits},
};
use crate::{Error, ErrorKind, rt::timeout};

/// The name of the store in the log.
const STORE: &str = "rate limit store";

impl Ratelimit {
    /// The decision, if no store has to be waited for.
    pub(super) fn try_limit_local(&self, attempt: &Attempt<'_>) -> Option<Decision> {
        if self.settings.problem.is_some() {
            return None;
        }
        // Both read one time and one identifier.
        let (identifier, now_ms) = (key_segment(&attempt.identifier), self.now_ms());
        let check = self.check(&identifier, attempt.cost.into());
        let decision = match self.known(&check, attempt, now_ms) {
            Some(decision) => decision,
            None => self.try_check_local(check, now_ms)?,
        };
        self.record(attempt, &decision);
        Some(decision)
    }

    /// Counts the attempt in the store, whatever else is known.
    pub(super) async fn count(&self, attempt: &Attempt<'_>) -> Result<Decision, Error> {
        let identifier = key_segment(&attempt.identifier);
        let check = self.check(&identifier, attempt.cost.into());
        let decision = match self.try_check_local(check, self.now_ms()) {
            Some(decision) => decision,
            None => self.check_one(check, Some(attempt)).await?,
        };
        self.record(attempt, &decision);
        Ok(decision)
    }

    /// The store's decision, if it needs not be waited for.
    fn try_check_local(&self, check: Check<'_>, now_ms: u64) -> Option<Decision> {
        let settings = &*self.settings;
        if settings.deny.as_ref().is_some_and(|deny| deny.is_shared()) {
            return None;
        }
        let outcome = settings.store.try_check_local(self.request(&[check], now_ms))?;
        Some(Decision::new(&outcome, now_ms, Reason::Counted))
    }

    /// Counts the attempt in a store that has to be waited for.
    pub(super) async fn count_remote(&self, attempt: &Attempt<'_>) -> Result<Decision, Error> {
        let identifier = key_segment(&attempt.identifier);
        let check = self.check(&identifier, attempt.cost.into());
        let decision = self.check_one(check, Some(attempt)).await?;
        self.record(attempt, &decision);
        Ok(decision)
    }

    pub(super) async fn look(&self, identifier: &str) -> Result<Decision, Error> {
        self.usable()?;
        let identifier = key_segment(identifier);
        let (check, now_ms) = (self.check(&identifier, 0), self.now_ms());
        let decision = match self.settings.store.try_check_local(self.request(&[check], now_ms)) {
            Some(outcome) => Decision::new(&outcome, now_ms, Reason::Counted),
            None => self.check_one(check, None).await?,
        };
        Ok(decision.looked())
    }

    /// The error of an algorithm that cannot work.
    pub(super) fn usable(&self) -> Result<(), Error> {
        match self.settings.problem {
            Some(problem) => Err(Error::new(ErrorKind::Configuration, format!("rate limit: {problem}"))),
            None => Ok(()),
        }
    }

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
        if check.cost > limit && settings.dynamic == DynamicLimits::Off {
            return Some(Decision::too_costly(&settings.algorithm, now_ms));
        }
        let outcome = settings.blocks.as_ref().filter(|_| check.cost > 0)?.refusal(check, now_ms)?;
        Some(Decision::new(&outcome, now_ms, Reason::Blocked))
    }

    /// Checks one limit in the store. If the store fails, the policy decides.
    async fn check_one(&self, check: Check<'_>, attempt: Option<&Attempt<'_>>) -> Result<Decision, Error> {
        match self.check_in_store(&[check], attempt, self.now_ms()).await {
            Ok(mut decisions) => decisions.pop().ok_or_else(no_outcome),
            // The clock is read again: the wait took time.
            Err(error) => self.without_store(check, self.now_ms(), error),
        }
    }

    /// Checks limits in the store, through the circuit breaker.
    pub(super) async fn check_in_store(
        &self,
        checks: &[Check<'_>],
        attempt: Option<&Attempt<'_>>,
        now_ms: u64,
    ) -> Result<Vec<Decision>, Error> {
        let settings = &*self.settings;
        let permit = settings.breaker.permit(settings.timeout)?;
        // A look is not denied.
        let shared = settings.deny.as_deref().filter(|deny| deny.is_shared()).zip(attempt);
        let values = shared.map(|(deny, attempt)| deny.values(attempt));
        let query = values.as_deref().map(|values| DenyQuery {
            prefix: &settings.prefix,
            values,
            ip_list: shared.is_some_and(|(deny, _)| deny.ip_list().is_some()),
        });
        let generation = settings.blocks.as_ref().map(super::BlockCache::generation);
        match self.send(CheckRequest { deny: query, ..self.request(checks, now_ms) }).await {
            Ok(response) => {
                permit.succeeded(STORE);
                if response.ip_list_due {
                    self.fetch_ip_list();
                }
                self.read(checks, &response, now_ms, generation)
            }
            Err(error) => {
                permit.failed(&error, STORE);
                Err(error)
            }
        }
    }

    pub(super) fn request<'a>(&'a self, checks: &'a [Check<'a>], now_ms: u64) -> CheckRequest<'a> {
        let settings = &*self.settings;
        CheckRequest { timeout: settings.timeout, ..CheckRequest::at(checks, now_ms, &settings.background) }
    }

    pub(super) async fn send(&self, request: CheckRequest<'_>) -> Result<CheckResponse, Error> {
        match timeout(request.timeout, self.settings.store.check(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(crate::breaker::late(STORE)),
        }
    }

    /// `generation`: that of the block cache when the store was asked.
    fn read(
        &self,
        checks: &[Check<'_>],
        response: &CheckResponse,
        now_ms: u64,
        generation: Option<u64>,
    ) -> Result<Vec<Decision>, Error> {
        let settings = &*self.settings;
        if let Some(value) = &response.denied {
            if let Some(deny) = &settings.deny {
                deny.learn(&settings.prefix, value, now_ms);
            }
            return Ok(checks.iter().map(|check| Decision::denied(check.algorithm, value, now_ms)).collect());
        }
        if response.outcomes.len() != checks.len() {
            return Err(no_outcome());
        }
        // A response from before a refund does not know of it.
        if let Some(blocks) = settings.blocks.as_ref().filter(|blocks| Some(blocks.generation()) == generation) {
            checks.iter().zip(&response.outcomes).for_each(|(check, outcome)| blocks.learn(check, outcome, now_ms));
        }
        Ok(response.outcomes.iter().map(|outcome| Decision::new(outcome, now_ms, Reason::Counted)).collect())
    }

    fn without_store(&self, check: Check<'_>, now_ms: u64, error: Error) -> Result<Decision, Error> {
        match self.policy(&error) {
            OutagePolicy::Open => Ok(Decision::outage(check.algorithm, true, now_ms)),
            OutagePolicy::Closed => Ok(Decision::outage(check.algorithm, false, now_ms)),
            OutagePolicy::Error => Err(error),
            OutagePolicy::Memory => Ok(self.count_in_memory(&[check], &[None], now_ms).swap_remove(0)),
            OutagePolicy::MemoryLimit(algorithm) => {
                Ok(self.count_in_memory(&[check], &[Some(algorithm)], now_ms).swap_remove(0))
            }
        }
    }

    /// The policy after such an error.
    pub(super) fn policy(&self, error: &Error) -> OutagePolicy {
        if error.kind() == ErrorKind::Timeout { self.settings.timeout_policy } else { self.settings.error_policy }
    }

    /// Counts in this process, by the algorithms of the policies that name one.
    pub(super) fn count_in_memory(&self, checks: &[Check<'_>], by: &[Option<Algorithm>], now_ms: u64) -> Vec<Decision> {
        let checks: Vec<_> = checks
            .iter()
            .zip(by)
            .map(|(check, by)| Check { algorithm: by.as_ref().unwrap_or(check.algorithm), ..*check })
            .collect();
        let outcomes = self.settings.fallback.decide_all(&checks, now_ms);
        let decisions = outcomes.iter().map(|outcome| Decision::new(outcome, now_ms, Reason::CountedInMemory));
        decisions.zip(by).map(|(decision, by)| decision.counted_by(*by)).collect()
    }

    pub(super) fn record(&self, attempt: &Attempt<'_>, decision: &Decision) {
        if let Some(analytics) = &self.settings.analytics {
            analytics.record(&self.settings.prefix, attempt, decision, &self.settings.background);
        }
    }
}

pub(super) fn no_outcome() -> Error {
    Error::new(ErrorKind::Decode, "the rate limit store returned fewer outcomes than checks")
}
