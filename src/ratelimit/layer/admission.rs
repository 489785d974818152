//! From decisions to an admission: the response of a refusal, or the fields and the charges of an allowed request.

use super::{RateLimitLayer, ResponseHead, Rule, headers::Policy, response_cost::Charge};
use crate::{
    Error, ErrorKind, Problem,
    ratelimit::{Decision, Decisions, Permit, Ratelimit},
};
use bytes::Bytes;
use http::{Extensions, Response, StatusCode};

/// The layer's decision on a request.
pub(super) enum Admission {
    /// No rule applies: the request and its response are left alone.
    Skip,
    Refuse(Box<Response<Bytes>>),
    Allow(Allowed),
}

/// The decision of a rule.
#[derive(Debug)]
pub(super) struct RuleDecision {
    rule: usize,
    decision: Decision,
    /// Set if the limit was not the rule's own.
    policy: Option<Box<Policy>>,
}

impl RuleDecision {
    pub(super) fn new(rule: usize, decision: Decision) -> Self {
        Self { rule, decision, policy: None }
    }

    /// Sets the policy of a limit that a key brought along.
    pub(super) fn by(self, limiter: &Ratelimit, rule: &Rule) -> Self {
        Self { policy: Some(Box::new(Policy::new(rule.policy.name(), limiter.algorithm()))), ..self }
    }
}

/// An allowed request: the extensions and header fields that the layer adds to it and to its response.
///
/// It moves with every request, so the parts that few requests need are boxed.
pub(super) struct Allowed {
    layer: RateLimitLayer,
    first: RuleDecision,
    more: Option<Box<More>>,
}

/// The parts of an [`Allowed`] that few requests have.
pub(super) struct More {
    others: Vec<RuleDecision>,
    /// The index of the decision that leaves least; the first of all is 0.
    strictest: usize,
    charges: Vec<Charge>,
    permit: Option<Permit>,
}

impl More {
    /// `None` if there is nothing but one decision.
    pub(super) fn new(
        others: Vec<RuleDecision>,
        strictest: usize,
        charges: Vec<Charge>,
        permit: Option<Permit>,
    ) -> Option<Box<Self>> {
        let is_plain = others.is_empty() && charges.is_empty() && permit.is_none();
        (!is_plain).then(|| Box::new(Self { others, strictest, charges, permit }))
    }
}

impl Allowed {
    fn others(&self) -> &[RuleDecision] {
        self.more.as_ref().map_or(&[], |more| &more.others)
    }

    fn strictest(&self) -> &RuleDecision {
        let more = self.more.as_ref();
        more.and_then(|more| more.others.get(more.strictest.checked_sub(1)?)).unwrap_or(&self.first)
    }

    /// Puts the decision into the request, for the handler.
    pub(super) fn write_request(&self, extensions: &mut Extensions) {
        extensions.insert(self.strictest().decision.clone());
        // Those of a layer further out are not this layer's.
        extensions.remove::<Decisions>();
        if let Some(more) = self.more.as_ref().filter(|more| !more.others.is_empty()) {
            let all = std::iter::once(&self.first).chain(&more.others);
            let list = all.map(|decided| decided.decision.clone()).collect();
            extensions.insert(Decisions::from_parts(list, more.strictest));
        }
    }

    /// Writes the fields of the response, for the client.
    pub(super) fn write_response<B>(&self, response: &mut Response<B>) {
        let config = &*self.layer.config;
        if config.shadow {
            return;
        }
        let headers = response.headers_mut();
        for decided in std::iter::once(&self.first).chain(self.others()) {
            self.policy(decided).list(config.styles, headers, &decided.decision);
        }
        let strictest = self.strictest();
        self.policy(strictest).single(config.styles, headers, &strictest.decision);
    }

    fn policy<'a>(&'a self, decided: &'a RuleDecision) -> &'a Policy {
        decided.policy.as_deref().unwrap_or(&self.layer.config.rules[decided.rule].policy)
    }

    /// Settles the cost by the response. Returns the permit, which is held until the body has been sent.
    pub(super) fn settle<B>(self, response: &Response<B>) -> Option<Permit> {
        let more = *self.more?;
        self.layer.config.response_cost.settle(more.charges, Some(ResponseHead::new(response)));
        more.permit
    }

    /// Settles the cost if the service returned an error instead of a response.
    pub(super) fn settle_error(self) {
        if let Some(more) = self.more {
            self.layer.config.response_cost.settle(more.charges, None);
        }
    }
}

impl RateLimitLayer {
    /// Turns the decision of the first rule, and `more`, into an admission.
    pub(super) fn conclude(&self, first: RuleDecision, more: Option<Box<More>>) -> Admission {
        let allowed = Allowed { layer: self.clone(), first, more };
        let RuleDecision { rule, decision, .. } = allowed.strictest();
        let policy = self.config.rules[*rule].policy.name();
        if let Some(observe) = &self.config.observe {
            observe(policy, decision);
        }
        if decision.allowed {
            return Admission::Allow(allowed);
        }
        if self.config.shadow {
            tracing::info!(rate_limit.decision = "shadow", policy, reason = decision.reason.name());
            return Admission::Allow(allowed);
        }
        tracing::debug!(rate_limit.decision = "deny", policy, reason = decision.reason.name());
        let mut response = self.config.refuse.refuse(decision, policy);
        response.extensions_mut().insert(decision.clone());
        allowed.write_response(&mut response);
        Admission::Refuse(Box::new(response))
    }

    /// Refuses a request for which a rule found no key.
    pub(super) fn without_key(&self, rule: usize, problem: &Problem) -> Admission {
        let policy = self.config.rules[rule].policy.name();
        if self.config.shadow {
            tracing::info!(rate_limit.decision = "shadow", policy, "the request has no key");
            return self.exempt(rule);
        }
        tracing::debug!(rate_limit.decision = "deny", policy, "the request has no key");
        Admission::Refuse(Box::new(self.config.refuse.refuse_undecided(problem)))
    }

    /// Lets a request pass that no limit decided on. The handler still finds a decision.
    fn exempt(&self, rule: usize) -> Admission {
        let limiter = &self.config.rules[rule].limiter;
        let decision = Decision::exempt(limiter.algorithm(), limiter.now_ms());
        Admission::Allow(Allowed { layer: self.clone(), first: RuleDecision::new(rule, decision), more: None })
    }

    /// Refuses a request that could not be decided on: 500 for a mistake in the settings, 503 for an outage.
    pub(super) fn failed(&self, rule: usize, error: &Error) -> Admission {
        if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Configuration) {
            tracing::error!(%error, "the rate limits of this layer cannot be used");
            if self.config.shadow {
                return self.exempt(rule);
            }
            let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
            return Admission::Refuse(Box::new(self.config.refuse.refuse_undecided(&problem)));
        }
        let limiter = &self.config.rules[rule].limiter;
        let decision = Decision::outage(limiter.algorithm(), false, limiter.now_ms());
        self.conclude(RuleDecision::new(rule, decision), None)
    }
}
