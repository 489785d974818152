//! From a request to the decisions of its rules. Each step is taken once, in the order of the file.

use super::{
    Key, RateLimitLayer, RequestHead,
    admission::{Admission, More, RuleDecision},
    key::FoundKey,
    response_cost::Charge,
};
use crate::{
    Error, ErrorKind,
    ratelimit::{Attempt, ClientInfo, Decision, Decisions, OutagePolicy, Permit, Ratelimit, backoff::pause, check_all},
    rt::{Deadline, sleep},
};

/// The part of the evaluation that waits for nothing.
pub(super) enum FirstStep {
    Done(Admission),
    Evaluate(Box<Evaluation>),
}

/// A request whose evaluation has to wait: for a key, a permit, the store, or a place in the queue.
pub(super) struct Evaluation {
    layer: RateLimitLayer,
    rules: Vec<KeyedRule>,
    client_info: Option<ClientInfo>,
    /// The only rule was tried without its store, and could not decide.
    is_tried: bool,
}

/// A rule that applies, with the key and the cost of the request.
struct KeyedRule {
    rule: usize,
    key: FoundKey,
    cost: u32,
}

/// A rule with the limiter and the identifier that count.
struct ResolvedRule {
    rule: usize,
    limiter: Ratelimit,
    identifier: String,
    cost: u32,
    /// The key brought an algorithm of its own.
    has_own_limit: bool,
}

impl RateLimitLayer {
    /// Decides on a request if nothing has to be waited for.
    pub(super) fn first_step(&self, head: RequestHead<'_>) -> FirstStep {
        let config = &*self.config;
        let is_skipped = config.skips_preflights && head.is_cors_preflight();
        if is_skipped || config.skip.as_ref().is_some_and(|skip| skip(head)) {
            return FirstStep::Done(Admission::Skip);
        }
        let is_simple = config.rules.len() == 1 && config.queue.is_none() && config.concurrency.is_none();
        let (mut client_info, mut is_tried, mut rules) = (None, false, Vec::new());
        for (index, rule) in config.rules.iter().enumerate().filter(|(_, rule)| rule.applies(head)) {
            // Only if something is limited at all.
            if let (None, Some(source)) = (&client_info, &config.client_info) {
                match source.client_info(head) {
                    Ok(found) => client_info = Some(found),
                    Err(error) => return FirstStep::Done(self.without_key(index, &error.into())),
                }
            }
            let (key, cost) = (rule.key(head, &config.key), rule.cost(head, config.cost.as_deref()));
            if let (true, FoundKey::Now(Ok(Key::Limit(identifier)))) = (is_simple, &key) {
                let attempt = attempt(identifier, cost, client_info.as_ref());
                if let Some(decision) = rule.limiter.try_limit_local(&attempt) {
                    let charge = config.response_cost.charge(&rule.limiter, identifier, cost, &decision);
                    let charges = charge.into_iter().collect();
                    return FirstStep::Done(
                        self.conclude(RuleDecision::new(index, decision), More::new(Vec::new(), 0, charges, None)),
                    );
                }
                is_tried = true;
            }
            rules.push(KeyedRule { rule: index, key, cost });
        }
        if rules.is_empty() {
            return FirstStep::Done(Admission::Skip);
        }
        FirstStep::Evaluate(Box::new(Evaluation { layer: self.clone(), rules, client_info, is_tried }))
    }
}

fn attempt<'a>(identifier: &'a str, cost: u32, client_info: Option<&'a ClientInfo>) -> Attempt<'a> {
    let attempt = Attempt::new(identifier).with_cost(cost);
    match client_info {
        Some(client_info) => attempt.with_client_info(client_info),
        None => attempt,
    }
}

impl Evaluation {
    pub(super) async fn run(self: Box<Self>) -> Admission {
        let Self { layer, rules, client_info, is_tried } = *self;
        let config = &*layer.config;
        let resolved = match layer.resolve(rules).await {
            Ok(resolved) => resolved,
            Err(admission) => return *admission,
        };
        let Some(first) = resolved.first() else { return Admission::Skip };
        let attempts: Vec<(&Ratelimit, Attempt<'_>)> = resolved
            .iter()
            .map(|rule| (&rule.limiter, attempt(&rule.identifier, rule.cost, client_info.as_ref())))
            .collect();
        if let Err(error) = count_apart(&resolved).and_then(|()| check_all::validate(&attempts)) {
            return layer.failed(first.rule, &error);
        }

        let queue = config.queue.as_ref().filter(|_| !config.shadow);
        let deadline = queue.map(|queue| Deadline::after(queue.max_wait));
        let mut place = None;
        let (decisions, permit) = loop {
            let known = if is_tried { None } else { check_all::try_known(&attempts) };
            let (decisions, permit) = match known {
                Some(decisions) => (decisions, None),
                None => {
                    let permit = match layer.acquire(first).await {
                        Ok(permit) => permit,
                        Err(admission) => return *admission,
                    };
                    let counted = match &attempts[..] {
                        [(limiter, attempt)] if is_tried => limiter.count_remote(attempt).await.map(Decisions::from),
                        _ => check_all::count(&attempts).await,
                    };
                    match counted {
                        Ok(decisions) => (decisions, permit),
                        Err(error) => return layer.failed(first.rule, &error),
                    }
                }
            };
            if let (Some(queue), Some(deadline)) = (queue, deadline)
                && let Some(pause) = pause(decisions.most_restrictive(), deadline)
            {
                place = place.or_else(|| queue.enter());
                if place.is_some() {
                    // A request that waits keeps no other from being worked on.
                    drop(permit);
                    sleep(pause).await;
                    continue;
                }
            }
            break (decisions, permit);
        };
        drop(place);

        let (list, strictest) = decisions.into_parts();
        let charges = resolved.iter().zip(&list).filter_map(|(rule, decision)| {
            let is_due = list[strictest].allowed;
            config.response_cost.charge(&rule.limiter, &rule.identifier, rule.cost, decision).filter(|_| is_due)
        });
        let charges: Vec<Charge> = charges.collect();
        let mut decided = resolved.iter().zip(list).map(|(resolved, decision)| {
            let decided = RuleDecision::new(resolved.rule, decision);
            let rule = &config.rules[resolved.rule];
            if resolved.has_own_limit { decided.by(&resolved.limiter, rule) } else { decided }
        });
        match decided.next() {
            Some(first) => layer.conclude(first, More::new(decided.collect(), strictest, charges, permit)),
            None => Admission::Skip,
        }
    }
}

impl RateLimitLayer {
    /// Waits for the keys, and drops the rules that they skip.
    async fn resolve(&self, rules: Vec<KeyedRule>) -> Result<Vec<ResolvedRule>, Box<Admission>> {
        let mut resolved = Vec::with_capacity(rules.len());
        for KeyedRule { rule: index, key, cost } in rules {
            let rule = &self.config.rules[index];
            let decided = |decision| Err(Box::new(self.conclude(RuleDecision::new(index, decision), None)));
            let (algorithm, now_ms) = (rule.limiter.algorithm(), || rule.limiter.now_ms());
            let (identifier, limiter, has_own_limit) = match key.resolve().await {
                Ok(Key::Limit(identifier)) => (identifier, rule.limiter.clone(), false),
                Ok(Key::LimitBy(identifier, algorithm)) => {
                    (identifier, rule.limiter.clone().with_algorithm(algorithm), true)
                }
                Ok(Key::Skip) => continue,
                Ok(Key::Allow) => return decided(Decision::exempt(algorithm, now_ms())),
                Ok(Key::Deny) => return decided(Decision::denied(algorithm, "key", now_ms())),
                Err(problem) => return Err(Box::new(self.without_key(index, &problem))),
            };
            resolved.push(ResolvedRule { rule: index, limiter, identifier, cost, has_own_limit });
        }
        Ok(resolved)
    }

    /// Acquires a permit, if the number of requests at a time is limited.
    async fn acquire(&self, first: &ResolvedRule) -> Result<Option<Permit>, Box<Admission>> {
        let Some(limiter) = &self.config.concurrency else { return Ok(None) };
        match limiter.acquire(&first.identifier).await {
            Ok(Some(permit)) => Ok(Some(permit)),
            Ok(None) => {
                let decision = Decision::busy(limiter.max(), first.limiter.now_ms());
                match self.conclude(RuleDecision::new(first.rule, decision), None) {
                    // In shadow mode the limits are checked all the same.
                    Admission::Allow(_) => Ok(None),
                    refused => Err(Box::new(refused)),
                }
            }
            // The limiter's policy holds for permits as well.
            Err(error) => match first.limiter.policy(&error) {
                OutagePolicy::Closed | OutagePolicy::Error => Err(Box::new(self.failed(first.rule, &error))),
                _ => Ok(None),
            },
        }
    }
}

/// One counter holds one kind of key, or an address could be counted as a name.
fn count_apart(rules: &[ResolvedRule]) -> Result<(), Error> {
    let location = |index: usize| rules[index].limiter.counter_location();
    let shared = |index: usize| (0..index).any(|other| location(other) == location(index));
    if (1..rules.len()).any(shared) {
        return Err(Error::new(ErrorKind::InvalidInput, "two rules that apply to one request share a prefix"));
    }
    Ok(())
}
