use super::{RateLimitLayer, ResponseHead, Rule, headers::Policy, settlement::Spent, verdict::DecidedList};
use crate::ratelimit::{Decision, Decisions, Permit, Ratelimit};
use http::{Extensions, Response};

/// What is written on a request and its response.
///
/// It moves with every request: what few of them need is apart.
pub(super) struct Signature {
    layer: RateLimitLayer,
    first: Decided,
    more: Option<Box<More>>,
}

struct More {
    others: Vec<Decided>,
    most: usize,
    spent: Vec<Spent>,
    permit: Option<Permit>,
}

/// What a rule decided.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) rule: usize,
    pub(super) decision: Decision,
    /// Where the limit was not the rule's own.
    policy: Option<Box<Policy>>,
}

impl Decided {
    pub(super) fn new(rule: usize, decision: Decision) -> Self {
        Self { rule, decision, policy: None }
    }

    /// By a limit of its own.
    pub(super) fn by(self, limiter: &Ratelimit, rule: &Rule) -> Self {
        Self { policy: Some(Box::new(Policy::new(rule.policy.name(), limiter.algorithm()))), ..self }
    }
}

impl Signature {
    /// Of one limit, with nothing to give back.
    pub(super) fn of(layer: RateLimitLayer, decided: Decided) -> Self {
        Self { layer, first: decided, more: None }
    }

    pub(super) fn new(
        layer: RateLimitLayer,
        (first, others): DecidedList,
        most: usize,
        spent: Vec<Spent>,
        permit: Option<Permit>,
    ) -> Self {
        let plain = others.is_empty() && spent.is_empty() && permit.is_none();
        let more = (!plain).then(|| Box::new(More { others, most, spent, permit }));
        Self { layer, first, more }
    }

    fn others(&self) -> &[Decided] {
        self.more.as_ref().map_or(&[], |more| &more.others)
    }

    /// The one that leaves least.
    pub(super) fn most(&self) -> &Decided {
        let more = self.more.as_ref();
        more.and_then(|more| more.others.get(more.most.checked_sub(1)?)).unwrap_or(&self.first)
    }

    pub(super) fn decision(&self) -> &Decision {
        &self.most().decision
    }

    /// Tells the handler.
    pub(super) fn announce(&self, extensions: &mut Extensions) {
        extensions.insert(self.decision().clone());
        // Of this layer, and not of another one around it.
        extensions.remove::<Decisions>();
        if let Some(more) = self.more.as_ref().filter(|more| !more.others.is_empty()) {
            let all = std::iter::once(&self.first).chain(&more.others);
            extensions.insert(Decisions::from_parts(all.map(|decided| decided.decision.clone()).collect(), more.most));
        }
    }

    /// Tells the client.
    pub(super) fn sign<B>(&self, response: &mut Response<B>) {
        let config = &*self.layer.config;
        if config.shadow {
            return;
        }
        let headers = response.headers_mut();
        for decided in std::iter::once(&self.first).chain(self.others()) {
            self.policy(decided).list(config.styles, headers, &decided.decision);
        }
        let most = self.most();
        self.policy(most).single(config.styles, headers, &most.decision);
    }

    fn policy<'a>(&'a self, decided: &'a Decided) -> &'a Policy {
        decided.policy.as_deref().unwrap_or(&self.layer.config.rules[decided.rule].policy)
    }

    /// Settles what the request was counted with. Returns what is held until the body has been sent.
    pub(super) fn settle<B>(self, response: &Response<B>) -> Option<Permit> {
        let more = *self.more?;
        self.layer.config.settlement.settle(more.spent, Some(ResponseHead::new(response)));
        more.permit
    }

    /// The same where the service returned an error instead of a response.
    pub(super) fn settle_error(self) {
        if let Some(more) = self.more {
            self.layer.config.settlement.settle(more.spent, None);
        }
    }
}
