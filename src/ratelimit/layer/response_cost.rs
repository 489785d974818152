use super::ResponseHead;
use crate::ratelimit::{Decision, Ratelimit, Reason};
use std::{fmt, sync::Arc};

type RefundIf = dyn Fn(ResponseHead<'_>) -> bool + Send + Sync;
type ExtraCost = dyn Fn(ResponseHead<'_>) -> u32 + Send + Sync;

/// The changes that a response makes in the cost of its request.
#[derive(Clone, Default)]
pub(super) struct ResponseCost {
    refund: Option<Arc<RefundIf>>,
    refund_errors: bool,
    extra: Option<Arc<ExtraCost>>,
}

impl ResponseCost {
    pub(super) fn refund_if(self, refund: impl Fn(ResponseHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self { refund: Some(Arc::new(refund)), refund_errors: false, ..self }
    }

    /// Refunds requests whose service returns an error instead of a response.
    pub(super) fn refund_errors(self) -> Self {
        Self { refund_errors: true, ..self }
    }

    pub(super) fn extra(self, extra: impl Fn(ResponseHead<'_>) -> u32 + Send + Sync + 'static) -> Self {
        Self { extra: Some(Arc::new(extra)), ..self }
    }

    pub(super) fn refunds(&self) -> bool {
        self.refund.is_some()
    }

    /// The charge that a response may change: `None` if nothing was counted, or nothing depends on the response.
    pub(super) fn charge(
        &self,
        limiter: &Ratelimit,
        identifier: &str,
        cost: u32,
        decision: &Decision,
    ) -> Option<Charge> {
        let is_due = self.refund.is_some() || self.extra.is_some();
        let counted = decision.allowed && matches!(decision.reason, Reason::Counted | Reason::CountedInMemory);
        (is_due && counted).then(|| Charge {
            limiter: limiter.clone(),
            identifier: identifier.to_owned(),
            cost,
            decision: decision.clone(),
        })
    }

    /// Settles charges by the response, or by the error in its place.
    pub(super) fn settle(&self, charges: Vec<Charge>, response: Option<ResponseHead<'_>>) {
        if charges.is_empty() {
            return;
        }
        let refunds = match (&self.refund, response) {
            (Some(refund), Some(response)) => refund(response),
            (Some(_), None) => self.refund_errors,
            (None, _) => false,
        };
        let extra = self.extra.as_ref().zip(response).map_or(0, |(extra, response)| extra(response));
        for charge in charges {
            if refunds {
                charge.refund();
            }
            if extra > 0 {
                charge.add(extra);
            }
        }
    }
}

impl fmt::Debug for ResponseCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCost").field("refund_errors", &self.refund_errors).finish_non_exhaustive()
    }
}

/// A counted cost.
#[derive(Debug)]
pub(super) struct Charge {
    limiter: Ratelimit,
    identifier: String,
    cost: u32,
    decision: Decision,
}

impl Charge {
    fn refund(&self) {
        // After its window a refund would make room in the next one, which did not count the request.
        let algorithm = self.decision.by.as_deref().unwrap_or(self.limiter.algorithm());
        let is_over = algorithm.is_windowed() && self.limiter.now_ms() >= self.decision.reset_ms;
        if self.cost > 0 && !is_over {
            self.limiter.give_back_later(self.identifier.clone(), self.cost, &self.decision);
        }
    }

    fn add(&self, cost: u32) {
        self.limiter.charge_later(self.identifier.clone(), cost, &self.decision);
    }
}
