use super::ResponseHead;
use crate::ratelimit::{Algorithm, Basis, Decision, Ratelimit};
use std::{fmt, sync::Arc};

type RefundIf = dyn Fn(ResponseHead<'_>) -> bool + Send + Sync;
type Charge = dyn Fn(ResponseHead<'_>) -> u32 + Send + Sync;

/// What a response changes in what its request has cost.
#[derive(Clone, Default)]
pub(super) struct Settlement {
    refund: Option<Arc<RefundIf>>,
    refund_errors: bool,
    charge: Option<Arc<Charge>>,
}

impl Settlement {
    pub(super) fn refund_if(self, refund: impl Fn(ResponseHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self { refund: Some(Arc::new(refund)), refund_errors: false, ..self }
    }

    /// Of services that return an error instead of a response.
    pub(super) fn refund_errors(self) -> Self {
        Self { refund_errors: true, ..self }
    }

    pub(super) fn charge(self, charge: impl Fn(ResponseHead<'_>) -> u32 + Send + Sync + 'static) -> Self {
        Self { charge: Some(Arc::new(charge)), ..self }
    }

    pub(super) fn refunds(&self) -> bool {
        self.refund.is_some()
    }

    /// Whether anything depends on the response.
    pub(super) fn is_due(&self) -> bool {
        self.refund.is_some() || self.charge.is_some()
    }

    /// Settles what was spent by the response, or by an error in its place.
    pub(super) fn settle(&self, spent: Vec<Spent>, response: Option<ResponseHead<'_>>) {
        if spent.is_empty() {
            return;
        }
        let refunds = match (&self.refund, response) {
            (Some(refund), Some(response)) => refund(response),
            (Some(_), None) => self.refund_errors,
            (None, _) => false,
        };
        let charge = self.charge.as_ref().zip(response).map_or(0, |(charge, response)| charge(response));
        for spent in spent {
            if refunds {
                spent.give_back();
            }
            if charge > 0 {
                spent.charge(charge);
            }
        }
    }
}

impl fmt::Debug for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settlement").field("refund_errors", &self.refund_errors).finish_non_exhaustive()
    }
}

/// What a request was counted with.
#[derive(Debug)]
pub(super) struct Spent {
    limiter: Ratelimit,
    identifier: String,
    cost: u32,
    decision: Decision,
}

impl Spent {
    /// Nothing, where nothing was counted.
    pub(super) fn new(limiter: Ratelimit, identifier: String, cost: u32, decision: &Decision) -> Option<Self> {
        let counted = decision.allowed && matches!(decision.basis, Basis::Counted | Basis::CountedInMemory);
        counted.then(|| Self { limiter, identifier, cost, decision: decision.clone() })
    }

    fn give_back(&self) {
        // Given back after its window, it would make room in the next one, where it was not counted.
        let algorithm = self.decision.by.as_deref().unwrap_or(self.limiter.algorithm());
        let windows = matches!(algorithm, Algorithm::FixedWindow(_) | Algorithm::SlidingWindow(_));
        if self.cost > 0 && !(windows && self.limiter.now_ms() >= self.decision.reset_ms) {
            self.limiter.give_back_later(self.identifier.clone(), self.cost, &self.decision);
        }
    }

    fn charge(&self, cost: u32) {
        self.limiter.charge_later(self.identifier.clone(), cost, &self.decision);
    }
}
