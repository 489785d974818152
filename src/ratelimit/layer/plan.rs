use super::{
    Head, Key, RateLimitLayer,
    rule::FoundKey,
    settlement::Spent,
    signature::{Decided, Signature},
    verdict::{Verdict, vec_of},
};
use crate::{
    Error, ErrorKind,
    ratelimit::{Attempt, Decision, OnOutage, Origin, Permit, Ratelimit, wait::pause},
    rt::{Deadline, sleep},
};
use bytes::Bytes;
use http::Response;

/// What becomes of a request, as far as it is known at once.
pub(super) enum Begun {
    /// It is none of the layer's business.
    Skip,
    Refuse(Box<Response<Bytes>>),
    Pass(Signature),
    Ask(Box<Plan>),
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
        let mut origin = None;
        let simple = config.rules.len() == 1 && config.queue.is_none() && config.concurrency.is_none();
        let applying = config.rules.iter().enumerate().filter(|(_, rule)| rule.applies(head));
        let mut picks = Vec::new();
        for (index, rule) in applying {
            // Only where something is limited at all.
            if let (None, Some(source)) = (&origin, &config.origin) {
                match source.origin(head) {
                    Ok(found) => origin = Some(found),
                    Err(error) => return self.no_key(index, &error.into()).into(),
                }
            }
            let (key, cost) = (rule.key(head), rule.cost(head));
            if let (true, FoundKey::Now(key)) = (simple, &key) {
                match key {
                    Ok(Key::Limit(identifier)) => {
                        let attempt = attempt(identifier, cost, origin.as_ref());
                        if let Some(decision) = rule.limiter.limit_now(&attempt) {
                            if decision.allowed && !config.settlement.is_due() {
                                self.observe(index, &decision);
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
}

fn attempt<'a>(identifier: &'a str, cost: u32, origin: Option<&'a Origin>) -> Attempt<'a> {
    let attempt = Attempt::new(identifier).with_cost(cost);
    match origin {
        Some(origin) => attempt.with_origin(origin),
        None => attempt,
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
                Err(problem) => return layer.no_key(pick.rule, &problem),
            };
            chosen.push(Chosen { rule: pick.rule, limiter, identifier, cost: pick.cost, by_itself });
        }
        let Some(first) = chosen.first() else { return Verdict::Skip };

        let queue = config.queue.as_ref().filter(|_| !config.shadow);
        let deadline = queue.map(|queue| Deadline::after(queue.longest));
        let mut place = None;
        let (list, most, permit) = loop {
            let permit = match layer.permit(&chosen, origin.as_ref()).await {
                Ok(permit) => permit,
                Err(verdict) => return verdict,
            };
            let (list, most) = match ask(&chosen, origin.as_ref()).await {
                Ok(decisions) => decisions,
                Err(error) => return layer.failed(first.rule, &error),
            };
            if let (Some(queue), Some(deadline)) = (queue, deadline)
                && let Some(pause) = pause(&list[most], deadline)
            {
                place = place.or_else(|| queue.enter());
                if place.is_some() {
                    // Who waits keeps nobody from working.
                    drop(permit);
                    sleep(pause).await;
                    continue;
                }
            }
            break (list, most, permit);
        };
        drop(place);

        let mut spent = Vec::new();
        if config.settlement.is_due() && list[most].allowed {
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

/// Asks all limits at once.
async fn ask(chosen: &[Chosen], origin: Option<&Origin>) -> Result<(Vec<Decision>, usize), Error> {
    if let [one] = chosen {
        let decision = one.limiter.limit(attempt(&one.identifier, one.cost, origin)).await?;
        return Ok((vec![decision], 0));
    }
    // One place holds one kind of key: else an address could be counted as a name.
    let shared = |index: usize| chosen[..index].iter().any(|one| one.limiter.place() == chosen[index].limiter.place());
    if (1..chosen.len()).any(shared) {
        return Err(Error::new(ErrorKind::InvalidInput, "two rules that apply to one request share a prefix"));
    }
    let attempts: Vec<(&Ratelimit, Attempt<'_>)> =
        chosen.iter().map(|chosen| (&chosen.limiter, attempt(&chosen.identifier, chosen.cost, origin))).collect();
    Ok(Ratelimit::limit_all(&attempts).await?.into_parts())
}

impl RateLimitLayer {
    /// Lets a request in among those that are worked on, where that is limited. Not one that passes or fails whoever else
    /// is there.
    async fn permit(&self, chosen: &[Chosen], origin: Option<&Origin>) -> Result<Option<Permit>, Verdict> {
        let (Some(limit), Some(first)) = (&self.config.concurrency, chosen.first()) else { return Ok(None) };
        let known = |chosen: &Chosen| chosen.limiter.knows(&attempt(&chosen.identifier, chosen.cost, origin));
        if chosen.iter().any(known) {
            return Ok(None);
        }
        match limit.acquire(&first.identifier).await {
            Ok(Some(permit)) => Ok(Some(permit)),
            Ok(None) => {
                let decision = Decision::busy(limit.most(), first.limiter.now_ms());
                match self.finish(vec_of(Decided::new(first.rule, decision)), 0, Vec::new(), None) {
                    // In shadow mode the limits are asked all the same.
                    Verdict::Pass(_) => Ok(None),
                    refused => Err(refused),
                }
            }
            // What the limiter would do without its store.
            Err(error) if !matches!(first.limiter.policy(&error), OnOutage::Closed | OnOutage::Error) => Ok(None),
            Err(error) => Err(self.failed(first.rule, &error)),
        }
    }
}
