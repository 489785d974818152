//! Several limits at once, all or none.

use super::{
    Algorithm, Attempt, Decision, Decisions, OutagePolicy, Ratelimit, check::no_outcome, identifier::key_segment,
    store::Check,
};
use crate::{Error, ErrorKind};
use std::{borrow::Cow, sync::Arc};

/// Limiters with their attempts.
pub(super) type Attempts<'a, 'b> = &'a [(&'a Ratelimit, Attempt<'b>)];

/// Whether the limits can be checked together: in one store, and each with a counter of its own.
pub(super) fn validate(attempts: Attempts<'_, '_>) -> Result<(), Error> {
    let invalid = |message| Err(Error::new(ErrorKind::InvalidInput, message));
    let Some((first, _)) = attempts.first() else {
        return invalid("no limiter was given");
    };
    attempts.iter().try_for_each(|(limiter, _)| limiter.usable())?;
    if attempts.len() == 1 {
        return Ok(());
    }
    if !attempts.iter().all(|(limiter, _)| Arc::ptr_eq(&limiter.settings.store, &first.settings.store)) {
        return invalid("limiters that are checked together must count in one store: make them with with_algorithm");
    }
    let identifiers = identifiers(attempts);
    let checks = checks(attempts, &identifiers);
    let twice = |index: usize| checks[..index].iter().any(|check| check.name() == checks[index].name());
    if (0..checks.len()).any(twice) {
        return invalid("two of the limiters share a counter: give them prefixes of their own");
    }
    Ok(())
}

/// The decisions, if one limiter can decide without the store. The others are exempt.
pub(super) fn try_known(attempts: Attempts<'_, '_>) -> Option<Decisions> {
    let (first, _) = attempts.first()?;
    let now_ms = first.now_ms();
    let known = attempts.iter().map(|(limiter, attempt)| {
        let identifier = key_segment(&attempt.identifier);
        limiter.known(&limiter.check(&identifier, attempt.cost.into()), attempt, now_ms)
    });
    let known: Vec<Option<Decision>> = known.collect();
    if known.iter().all(Option::is_none) {
        return None;
    }
    let exempt = |limiter: &Ratelimit| Decision::exempt(limiter.algorithm(), now_ms);
    let list = known.into_iter().zip(attempts).map(|(known, (limiter, _))| known.unwrap_or_else(|| exempt(limiter)));
    recorded(attempts, list.collect())
}

/// Counts all attempts in the store, or none of them.
pub(super) async fn count(attempts: Attempts<'_, '_>) -> Result<Decisions, Error> {
    let Some((first, attempt)) = attempts.first() else { return Err(no_outcome()) };
    if attempts.len() == 1 {
        return first.count(attempt).await.map(Decisions::from);
    }
    let identifiers = identifiers(attempts);
    let checks = checks(attempts, &identifiers);
    let list = match first.check_in_store(&checks, Some(attempt), first.now_ms()).await {
        Ok(list) => list,
        // The clock is read again: the wait took time.
        Err(error) => without_store(attempts, &checks, first.now_ms(), error)?,
    };
    recorded(attempts, list).ok_or_else(no_outcome)
}

fn identifiers<'a>(attempts: Attempts<'a, '_>) -> Vec<Cow<'a, str>> {
    attempts.iter().map(|(_, attempt)| key_segment(&attempt.identifier)).collect()
}

fn checks<'a>(attempts: Attempts<'a, '_>, identifiers: &'a [Cow<'a, str>]) -> Vec<Check<'a>> {
    let checks = attempts.iter().zip(identifiers);
    checks.map(|((limiter, attempt), identifier)| limiter.check(identifier, attempt.cost.into())).collect()
}

fn recorded(attempts: Attempts<'_, '_>, list: Vec<Decision>) -> Option<Decisions> {
    let allowed = list.iter().all(|decision| decision.allowed);
    for ((limiter, attempt), decision) in attempts.iter().zip(&list) {
        // A limit that would have admitted a refused request has nothing to record.
        if allowed || !decision.allowed {
            limiter.record(attempt, decision);
        }
    }
    Decisions::new(list)
}

/// The strictest policy decides: a limit that must hold is not passed because another one is lenient.
fn without_store(
    attempts: Attempts<'_, '_>,
    checks: &[Check<'_>],
    now_ms: u64,
    error: Error,
) -> Result<Vec<Decision>, Error> {
    let policies: Vec<OutagePolicy> = attempts.iter().map(|(limiter, _)| limiter.policy(&error)).collect();
    if policies.contains(&OutagePolicy::Error) {
        return Err(error);
    }
    let outage = |check: &Check<'_>, allowed| Decision::outage(check.algorithm, allowed, now_ms);
    if policies.contains(&OutagePolicy::Closed) {
        let closed = |policy: &OutagePolicy| *policy == OutagePolicy::Closed;
        return Ok(checks.iter().zip(&policies).map(|(check, policy)| outage(check, !closed(policy))).collect());
    }
    // Some count here, all of them or none; the others let the request pass.
    let counts = |policy: &OutagePolicy| matches!(policy, OutagePolicy::Memory | OutagePolicy::MemoryLimit(_));
    let (here, by): (Vec<Check<'_>>, Vec<Option<Algorithm>>) = checks
        .iter()
        .zip(&policies)
        .filter(|(_, policy)| counts(policy))
        .map(|(check, policy)| match policy {
            OutagePolicy::MemoryLimit(algorithm) => (*check, Some(*algorithm)),
            _ => (*check, None),
        })
        .unzip();
    let mut counted = match attempts.first() {
        Some((first, _)) if !here.is_empty() => first.count_in_memory(&here, &by, now_ms),
        _ => Vec::new(),
    }
    .into_iter();
    let decide = |(check, policy)| if counts(policy) { counted.next() } else { Some(outage(check, true)) };
    Ok(checks.iter().zip(&policies).filter_map(decide).collect())
}
