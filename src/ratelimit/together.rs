//! Several limits at once.

use super::{
    Algorithm, Attempt, Check, Decision, Decisions, OnOutage, Ratelimit, decide::no_outcome, identifier::key_segment,
};
use crate::{Error, ErrorKind};
use std::{borrow::Cow, sync::Arc};

pub(super) async fn decide_all(attempts: &[(&Ratelimit, Attempt<'_>)]) -> Result<Decisions, Error> {
    let invalid = |message| Err(Error::new(ErrorKind::InvalidInput, message));
    let Some((first, attempt)) = attempts.first() else {
        return invalid("no limiter was given");
    };
    if !attempts.iter().all(|(limiter, _)| Arc::ptr_eq(&limiter.settings.store, &first.settings.store)) {
        return invalid("limiters that are checked together have to count in one store: make them by with_algorithm");
    }
    let identifiers: Vec<Cow<'_, str>> = attempts.iter().map(|(_, attempt)| key_segment(attempt.identifier)).collect();
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
        match first.ask(&checks, Some(attempt), now_ms).await {
            Ok(list) => list,
            // By the time that it is after the wait.
            Err(error) => without_store(attempts, &checks, first.now_ms(), error)?,
        }
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

/// The strictest policy decides: a limit that must not be passed unseen is not passed because another one is lenient.
fn without_store(
    attempts: &[(&Ratelimit, Attempt<'_>)],
    checks: &[Check<'_>],
    now_ms: u64,
    error: Error,
) -> Result<Vec<Decision>, Error> {
    let policies: Vec<OnOutage> = attempts.iter().map(|(limiter, _)| limiter.policy(&error)).collect();
    if policies.contains(&OnOutage::Error) {
        return Err(error);
    }
    let outage = |check: &Check<'_>, allowed| Decision::outage(check.algorithm, allowed, now_ms);
    if policies.contains(&OnOutage::Closed) {
        let closed = |policy: &OnOutage| *policy == OnOutage::Closed;
        return Ok(checks.iter().zip(&policies).map(|(check, policy)| outage(check, !closed(policy))).collect());
    }
    // Some count here, all of them or none; the others let pass.
    let counts = |policy: &OnOutage| matches!(policy, OnOutage::Memory | OnOutage::MemoryLimit(_));
    let (here, by): (Vec<Check<'_>>, Vec<Option<Algorithm>>) = checks
        .iter()
        .zip(&policies)
        .filter(|(_, policy)| counts(policy))
        .map(|(check, policy)| match policy {
            OnOutage::MemoryLimit(algorithm) => (*check, Some(*algorithm)),
            _ => (*check, None),
        })
        .unzip();
    let mut counted = match attempts.first() {
        Some((first, _)) if !here.is_empty() => first.in_memory(&here, &by, now_ms),
        _ => Vec::new(),
    }
    .into_iter();
    let decide = |(check, policy)| if counts(policy) { counted.next() } else { Some(outage(check, true)) };
    Ok(checks.iter().zip(&policies).filter_map(decide).collect())
}
