use super::{
    Head, Key, RateLimitLayer,
    rule::FoundKey,
    signature::{Decided, Signature, Spent},
};
use crate::{
    Error, ErrorKind, Problem,
    http::{Deadline, sleep},
    ratelimit::{Attempt, Basis, Decision, Origin, Ratelimit, wait::pause},
};
use bytes::Bytes;
use http::{Response, StatusCode};

/// What becomes of a request, as far as it is known at once.
pub(super) enum Begun {
    /// It is none of the layer's business.
    Skip,
    Refuse(Box<Response<Bytes>>),
    Pass(Signature),
    Ask(Box<Plan>),
}

/// What becomes of a request.
pub(super) enum Verdict {
    /// Nothing is known of it and nothing to be said.
    Skip,
    Refuse(Box<Response<Bytes>>),
    Pass(Signature),
}

/// What has to be asked for a request.
pub(super) struct Plan {
    layer: RateLimitLayer,
    picks: Vec<Pick>,
    origin: Option<Origin>,
}

struct Pick {
    rule: usize,
    key: FoundKey,
    cost: u32,
}

/// A limit with what it is to count.
struct Chosen {
    rule: usize,
    limiter: Ratelimit,
    identifier: String,
    cost: u32,
    by_itself: bool,
}

impl RateLimitLayer {
    /// Decides on a request, or says what has to be asked for that.
    pub(super) fn begin(&self, head: Head<'_>) -> Begun {
        let config = &*self.config;
        if config.skip.as_ref().is_some_and(|skip| skip(head)) {
            return Begun::Skip;
        }
        let origin = match config.origin.as_ref().map(|source| source.origin(head)).transpose() {
            Ok(origin) => origin,
            Err(error) => return self.no_key(error.into()).into(),
        };
        let simple = config.rules.len() == 1 && config.queue.is_none() && config.concurrency.is_none();
        let applying = config.rules.iter().enumerate().filter(|(_, rule)| rule.applies(head));
        let mut picks = Vec::new();
        for (index, rule) in applying {
            let (key, cost) = (rule.key(head), rule.cost(head));
            if let (true, FoundKey::Now(key)) = (simple, &key) {
                match key {
                    Ok(Key::Limit(identifier)) => {
                        let attempt = attempt(identifier, cost, origin.as_ref());
                        if let Some(decision) = rule.limiter.limit_now(&attempt) {
                            if decision.allowed && config.refund.is_none() {
                                return Begun::Pass(Signature::of(self.clone(), Decided::new(index, decision)));
                            }
                            let chosen = (identifier.as_str(), cost, &rule.limiter);
                            return self.decided(Decided::new(index, decision), chosen).into();
                        }
                    }
                    Ok(Key::Skip) => return Begun::Skip,
                    _ => {}
                }
            }
            picks.push(Pick { rule: index, key, cost });
        }
        if picks.is_empty() { Begun::Skip } else { Begun::Ask(Box::new(Plan { layer: self.clone(), picks, origin })) }
    }

    /// A decision of one limit, at once.
    fn decided(&self, decided: Decided, (identifier, cost, limiter): (&str, u32, &Ratelimit)) -> Verdict {
        let spends = self.config.refund.is_some() && decided.decision.allowed;
        let spent = spends.then(|| Spent::new(limiter.clone(), identifier.to_owned(), cost, &decided.decision));
        self.finish(vec_of(decided), 0, spent.into_iter().flatten().collect(), None)
    }

    fn finish(
        &self,
        decided: DecidedList,
        most: usize,
        spent: Vec<Spent>,
        permit: Option<crate::ratelimit::Permit>,
    ) -> Verdict {
        let signature = Signature::new(self.clone(), decided, most, spent, permit);
        let decision = signature.decision();
        if decision.allowed {
            return Verdict::Pass(signature);
        }
        let policy = self.config.rules[signature.most().rule].policy.name();
        if self.config.shadow {
            tracing::info!(rate_limit.decision = "shadow", policy, basis = decision.basis.name());
            return Verdict::Pass(signature);
        }
        tracing::debug!(rate_limit.decision = "deny", policy, basis = decision.basis.name());
        let mut response = self.config.refuse.refuse(decision, policy);
        response.extensions_mut().insert(decision.clone());
        signature.sign(&mut response);
        Verdict::Refuse(Box::new(response))
    }

    /// A request of which nobody can say whose it is.
    fn no_key(&self, problem: Problem) -> Verdict {
        if self.config.shadow {
            tracing::info!(rate_limit.decision = "shadow", "the request has no key");
            return Verdict::Skip;
        }
        Verdict::Refuse(Box::new(problem.into_bytes_response()))
    }
}

pub(super) type DecidedList = (Decided, Vec<Decided>);

fn vec_of(decided: Decided) -> DecidedList {
    (decided, Vec::new())
}

fn attempt<'a>(identifier: &'a str, cost: u32, origin: Option<&'a Origin>) -> Attempt<'a> {
    let attempt = Attempt::new(identifier).with_cost(cost);
    match origin {
        Some(origin) => attempt.with_origin(origin),
        None => attempt,
    }
}

impl From<Verdict> for Begun {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Skip => Self::Skip,
            Verdict::Refuse(response) => Self::Refuse(response),
            Verdict::Pass(signature) => Self::Pass(signature),
        }
    }
}

impl Plan {
    pub(super) async fn decide(self: Box<Self>) -> Verdict {
        let Self { layer, picks, origin } = *self;
        let config = &*layer.config;
        let mut chosen = Vec::with_capacity(picks.len());
        for pick in picks {
            let rule = &config.rules[pick.rule];
            let key = match pick.key {
                FoundKey::Now(key) => key,
                FoundKey::Later(key) => key.await,
            };
            let alone = |decision| layer.finish(vec_of(Decided::new(pick.rule, decision)), 0, Vec::new(), None);
            let (algorithm, now_ms) = (rule.limiter.algorithm(), rule.limiter.now_ms());
            let (identifier, limiter, by_itself) = match key {
                Ok(Key::Limit(identifier)) => (identifier, rule.limiter.clone(), false),
                Ok(Key::LimitBy(identifier, algorithm)) => {
                    (identifier, rule.limiter.clone().with_algorithm(algorithm), true)
                }
                Ok(Key::Skip) => continue,
                Ok(Key::Allow) => return alone(Decision::exempt(algorithm, now_ms)),
                Ok(Key::Deny) => return alone(Decision::denied(algorithm, "key", now_ms)),
                Err(problem) => return layer.no_key(problem),
            };
            chosen.push(Chosen { rule: pick.rule, limiter, identifier, cost: pick.cost, by_itself });
        }
        let Some(first) = chosen.first() else { return Verdict::Skip };

        let mut permit = None;
        if let Some(limit) = &config.concurrency {
            match limit.acquire(&first.identifier).await {
                Ok(Some(acquired)) => permit = Some(acquired),
                Ok(None) => {
                    let decision = Decision::busy(limit.most(), first.limiter.now_ms());
                    return layer.finish(vec_of(Decided::new(first.rule, decision)), 0, Vec::new(), None);
                }
                // What the limiter would do without its store.
                Err(_) if first.limiter.passes_without_store() => {}
                Err(error) => return layer.failed(first, &error),
            }
        }

        let queue = config.queue.as_ref();
        let deadline = queue.map(|queue| Deadline::after(queue.longest));
        let mut place = None;
        let (list, most) = loop {
            let (list, most) = match ask(&chosen, origin.as_ref()).await {
                Ok(decisions) => decisions,
                Err(error) => return layer.failed(first, &error),
            };
            if let (Some(queue), Some(deadline)) = (queue, deadline)
                && let Some(pause) = pause(&list[most], deadline)
            {
                place = place.or_else(|| queue.enter());
                if place.is_some() {
                    sleep(pause).await;
                    continue;
                }
            }
            break (list, most);
        };
        drop(place);

        let mut spent = Vec::new();
        if config.refund.is_some() && list[most].allowed {
            for (chosen, decision) in chosen.iter().zip(&list) {
                let limiter = chosen.limiter.clone();
                spent.extend(Spent::new(limiter, chosen.identifier.clone(), chosen.cost, decision));
            }
        }
        let mut decided = chosen.iter().zip(list).map(|(chosen, decision)| {
            let decided = Decided::new(chosen.rule, decision);
            if chosen.by_itself { decided.by(&chosen.limiter, &config.rules[chosen.rule]) } else { decided }
        });
        match decided.next() {
            Some(first) => layer.finish((first, decided.collect()), most, spent, permit),
            None => Verdict::Skip,
        }
    }
}

async fn ask(chosen: &[Chosen], origin: Option<&Origin>) -> Result<(Vec<Decision>, usize), Error> {
    if let [one] = chosen {
        let decision = one.limiter.limit(attempt(&one.identifier, one.cost, origin)).await?;
        return Ok((vec![decision], 0));
    }
    let attempts: Vec<(&Ratelimit, Attempt<'_>)> =
        chosen.iter().map(|chosen| (&chosen.limiter, attempt(&chosen.identifier, chosen.cost, origin))).collect();
    Ok(Ratelimit::limit_all(&attempts).await?.into_parts())
}

impl RateLimitLayer {
    /// There is no decision.
    fn failed(&self, first: &Chosen, error: &Error) -> Verdict {
        if self.config.shadow {
            tracing::info!(rate_limit.decision = "shadow", %error, "there is no decision");
            return Verdict::Skip;
        }
        if error.kind() == ErrorKind::InvalidInput {
            tracing::error!(%error, "the rate limits of this layer do not go together");
            let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
            return Verdict::Refuse(Box::new(problem.into_bytes_response()));
        }
        let decision = Decision::outage(first.limiter.algorithm(), false, first.limiter.now_ms());
        debug_assert_eq!(decision.basis, Basis::Outage);
        self.finish(vec_of(Decided::new(first.rule, decision)), 0, Vec::new(), None)
    }
}
