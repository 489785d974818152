//! How a decision comes about: what is known here first, then the store, then the policy for its outage.

use super::{
    Answer, Attempt, Basis, Check, Decision, Decisions, DenyQuery, OnOutage, Question, Ratelimit, identifier::bounded,
};
use crate::{Error, ErrorKind, http::timeout};
use std::{borrow::Cow, sync::Arc};

impl Ratelimit {
    /// The decision where nothing has to be waited for.
    pub(super) fn limit_now(&self, attempt: &Attempt<'_>) -> Option<Decision> {
        let (settings, now_ms) = (&*self.settings, self.now_ms());
        let identifier = bounded(attempt.identifier);
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
        let identifier = bounded(attempt.identifier);
        let check = self.check(&identifier, attempt.cost.into());
        let decision = self.ask(&[check], Some(&attempt)).await?.swap_remove(0);
        self.record(&attempt, &decision);
        Ok(decision)
    }

    pub(super) async fn look(&self, identifier: &str) -> Result<Decision, Error> {
        let identifier = bounded(identifier);
        let (check, now_ms) = (self.check(&identifier, 0), self.now_ms());
        let decision = match self.settings.store.take_now(check, now_ms, &self.settings.background) {
            Some(outcome) => Decision::new(&outcome, now_ms, Basis::Counted),
            None => self.ask(&[check], None).await?.swap_remove(0),
        };
        Ok(decision.looked())
    }

    pub(super) async fn give_back(&self, identifier: &str, amount: u32) -> Result<Decision, Error> {
        let identifier = bounded(identifier);
        let (check, now_ms) = (self.check(&identifier, -i64::from(amount)), self.now_ms());
        if let Some(blocks) = &self.settings.blocks {
            blocks.forget(&check);
        }
        if let Some(outcome) = self.settings.store.take_now(check, now_ms, &self.settings.background) {
            return Ok(Decision::new(&outcome, now_ms, Basis::Counted));
        }
        // What an outage would decide is of no use here.
        let answer = self.question(&[check], None, now_ms).await?;
        let outcome = answer.outcomes.first().ok_or_else(no_outcome)?;
        Ok(Decision::new(outcome, now_ms, Basis::Counted))
    }

    /// Gives back what a request was counted with, in the background where that has to be waited for.
    pub(super) fn give_back_later(&self, identifier: String, amount: u32, basis: &Basis) {
        let now_ms = self.now_ms();
        {
            let id = bounded(&identifier);
            let check = self.check(&id, -i64::from(amount));
            let background = &self.settings.background;
            // Where it was counted in place of the store, it is given back there.
            if *basis == Basis::CountedInMemory {
                self.settings.fallback.decide_all(&[check], now_ms);
                return;
            }
            if self.settings.store.take_now(check, now_ms, background).is_some() {
                return;
            }
        }
        let limiter = self.clone();
        self.settings.background.run(async move {
            if let Err(error) = limiter.give_back(&identifier, amount).await {
                tracing::warn!(%error, "what a request was counted with could not be given back");
            }
        });
    }

    /// What need not be asked.
    fn known(&self, check: &Check<'_>, attempt: &Attempt<'_>, now_ms: u64) -> Option<Decision> {
        let settings = &*self.settings;
        if settings.allow.as_ref().is_some_and(|allow| allow.contains(attempt)) {
            return Some(Decision::exempt(&settings.algorithm, now_ms));
        }
        if let Some(deny) = &settings.deny
            && let Some(value) = deny.known(attempt, now_ms)
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

    /// Asks the store, by way of the breaker; the policy decides where it cannot be asked.
    async fn ask(&self, checks: &[Check<'_>], attempt: Option<&Attempt<'_>>) -> Result<Vec<Decision>, Error> {
        let (settings, now_ms) = (&*self.settings, self.now_ms());
        let permission = match settings.breaker.attempt() {
            Ok(permission) => permission,
            Err(error) => return self.without_store(checks, now_ms, error),
        };
        // Who only looks is not refused.
        let shared = settings.deny.as_deref().filter(|deny| deny.is_shared()).zip(attempt);
        let values = shared.map(|(deny, attempt)| deny.values(attempt));
        let query = values.as_deref().map(|values| DenyQuery {
            prefix: &settings.prefix,
            values,
            ip_list: shared.is_some_and(|(deny, _)| deny.ip_list().is_some()),
        });
        match self.question(checks, query, now_ms).await {
            Ok(answer) => {
                if permission.succeeded() {
                    tracing::info!("the rate limit store answers again");
                }
                if answer.ip_list_due {
                    self.fetch_ip_list();
                }
                self.read(checks, &answer, now_ms)
            }
            Err(error) => {
                permission.failed_with(&error, "the rate limit store cannot be asked");
                self.without_store(checks, now_ms, error)
            }
        }
    }

    async fn question(&self, checks: &[Check<'_>], deny: Option<DenyQuery<'_>>, now_ms: u64) -> Result<Answer, Error> {
        let settings = &*self.settings;
        let question = Question { checks, now_ms, timeout: settings.timeout, deny, background: &settings.background };
        match timeout(settings.timeout, settings.store.take(question)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::new(ErrorKind::Timeout, "the rate limit store did not answer in time")),
        }
    }

    fn read(&self, checks: &[Check<'_>], answer: &Answer, now_ms: u64) -> Result<Vec<Decision>, Error> {
        let settings = &*self.settings;
        if let Some(value) = &answer.denied {
            if let Some(deny) = &settings.deny {
                deny.learn(value, now_ms);
            }
            return Ok(checks.iter().map(|check| Decision::denied(check.algorithm, value, now_ms)).collect());
        }
        if answer.outcomes.len() != checks.len() {
            return Err(no_outcome());
        }
        if let Some(blocks) = &settings.blocks {
            checks.iter().zip(&answer.outcomes).for_each(|(check, outcome)| blocks.learn(check, outcome, now_ms));
        }
        Ok(answer.outcomes.iter().map(|outcome| Decision::new(outcome, now_ms, Basis::Counted)).collect())
    }

    fn without_store(&self, checks: &[Check<'_>], now_ms: u64, error: Error) -> Result<Vec<Decision>, Error> {
        let settings = &*self.settings;
        let policy = if error.kind() == ErrorKind::Timeout { settings.on_timeout } else { settings.on_error };
        let all = |allowed| checks.iter().map(|check| Decision::outage(check.algorithm, allowed, now_ms)).collect();
        let in_memory = |checks: &[Check<'_>]| {
            let outcomes = settings.fallback.decide_all(checks, now_ms);
            outcomes.iter().map(|outcome| Decision::new(outcome, now_ms, Basis::CountedInMemory)).collect()
        };
        match policy {
            OnOutage::Open => Ok(all(true)),
            OnOutage::Closed => Ok(all(false)),
            OnOutage::Error => Err(error),
            OnOutage::Memory => Ok(in_memory(checks)),
            OnOutage::MemoryLimit(algorithm) => {
                let checks: Vec<_> = checks.iter().map(|check| Check { algorithm: &algorithm, ..*check }).collect();
                Ok(in_memory(&checks))
            }
        }
    }

    fn record(&self, attempt: &Attempt<'_>, decision: &Decision) {
        if let Some(analytics) = &self.settings.analytics {
            analytics.record(&self.settings.prefix, attempt, decision, &self.settings.background);
        }
    }
}

fn no_outcome() -> Error {
    Error::new(ErrorKind::Decode, "the rate limit store gave fewer outcomes than it was asked for")
}

/// Several limits at once.
pub(super) async fn decide_all(attempts: &[(&Ratelimit, Attempt<'_>)]) -> Result<Decisions, Error> {
    let invalid = |message| Err(Error::new(ErrorKind::InvalidInput, message));
    let Some((first, attempt)) = attempts.first() else {
        return invalid("no limiter was given");
    };
    if !attempts.iter().all(|(limiter, _)| Arc::ptr_eq(&limiter.settings.store, &first.settings.store)) {
        return invalid("limiters that are checked together have to count in one store: make them by with_algorithm");
    }
    let identifiers: Vec<Cow<'_, str>> = attempts.iter().map(|(_, attempt)| bounded(attempt.identifier)).collect();
    let checks = attempts.iter().zip(&identifiers);
    let checks: Vec<Check<'_>> =
        checks.map(|((limiter, attempt), id)| limiter.check(id, attempt.cost.into())).collect();
    let twice = |index: usize| checks[..index].iter().any(|check| check.name() == checks[index].name());
    if (0..checks.len()).any(twice) {
        return invalid("two of the limiters count the same in the same place: they need prefixes of their own");
    }

    let now_ms = first.now_ms();
    let known = attempts.iter().zip(&checks).map(|((limiter, attempt), check)| limiter.known(check, attempt, now_ms));
    let known: Vec<Option<Decision>> = known.collect();
    let list = if known.iter().any(Option::is_some) {
        let exempt = |limiter: &Ratelimit| Decision::exempt(limiter.algorithm(), now_ms);
        known.into_iter().zip(attempts).map(|(known, (limiter, _))| known.unwrap_or_else(|| exempt(limiter))).collect()
    } else {
        first.ask(&checks, Some(attempt)).await?
    };
    let allowed = list.iter().all(|decision| decision.allowed);
    for ((limiter, attempt), decision) in attempts.iter().zip(&list) {
        // Whoever would have let a refused request pass has nothing to tell of it.
        if allowed || !decision.allowed {
            limiter.record(attempt, decision);
        }
    }
    Decisions::new(list).ok_or_else(no_outcome)
}
