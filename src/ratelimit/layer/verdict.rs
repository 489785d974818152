//! What becomes of a request, and how everybody is told of it.

use super::{
    RateLimitLayer, Rule,
    settlement::Spent,
    signature::{Decided, Signature},
};
use crate::{
    Error, ErrorKind, Problem,
    ratelimit::{Basis, Decision, Permit, Ratelimit},
};
use bytes::Bytes;
use http::{Response, StatusCode};

/// What becomes of a request.
pub(super) enum Verdict {
    /// Nothing is known of it and nothing to be said.
    Skip,
    Refuse(Box<Response<Bytes>>),
    Pass(Signature),
}

pub(super) type DecidedList = (Decided, Vec<Decided>);

pub(super) fn vec_of(decided: Decided) -> DecidedList {
    (decided, Vec::new())
}

impl RateLimitLayer {
    /// A decision of one limit, at once.
    pub(super) fn decided(&self, decided: Decided, (identifier, cost, limiter): (&str, u32, &Ratelimit)) -> Verdict {
        let due = self.config.settlement.is_due() && decided.decision.allowed;
        let spent = due.then(|| Spent::new(limiter.clone(), identifier.to_owned(), cost, &decided.decision));
        self.finish(vec_of(decided), 0, spent.into_iter().flatten().collect(), None)
    }

    pub(super) fn finish(
        &self,
        decided: DecidedList,
        most: usize,
        spent: Vec<Spent>,
        permit: Option<Permit>,
    ) -> Verdict {
        let signature = Signature::new(self.clone(), decided, most, spent, permit);
        let decision = signature.decision();
        self.observe(signature.most().rule, decision);
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

    pub(super) fn observe(&self, rule: usize, decision: &Decision) {
        if let Some(observe) = &self.config.observe {
            observe(self.config.rules[rule].policy.name(), decision);
        }
    }

    /// A request of which nobody can say whose it is.
    pub(super) fn no_key(&self, rule: usize, problem: &Problem) -> Verdict {
        let (rule, policy) = (&self.config.rules[rule], self.config.rules[rule].policy.name());
        if self.config.shadow {
            tracing::info!(rate_limit.decision = "shadow", policy, "the request has no key");
            return self.undecided(rule);
        }
        tracing::debug!(rate_limit.decision = "deny", policy, "the request has no key");
        Verdict::Refuse(Box::new(self.config.refuse.refuse_undecided(problem)))
    }

    /// Lets pass what nothing is known of; the handler still finds a decision.
    fn undecided(&self, rule: &Rule) -> Verdict {
        let decision = Decision::exempt(rule.limiter.algorithm(), rule.limiter.now_ms());
        Verdict::Pass(Signature::of(self.clone(), Decided::new(0, decision)))
    }

    /// There is no decision.
    pub(super) fn failed(&self, rule: usize, error: &Error) -> Verdict {
        if error.kind() == ErrorKind::InvalidInput {
            tracing::error!(%error, "the rate limits of this layer do not go together");
            if self.config.shadow {
                return self.undecided(&self.config.rules[rule]);
            }
            let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
            return Verdict::Refuse(Box::new(self.config.refuse.refuse_undecided(&problem)));
        }
        let limiter = &self.config.rules[rule].limiter;
        let decision = Decision::outage(limiter.algorithm(), false, limiter.now_ms());
        debug_assert_eq!(decision.basis, Basis::Outage);
        self.finish(vec_of(Decided::new(rule, decision)), 0, Vec::new(), None)
    }
}
