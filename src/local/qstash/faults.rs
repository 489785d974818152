use super::dispatch::JobId;
use crate::local::chance::{CallFault, CallFaults, are_probabilities, first};

/// Faults that a local QStash makes, each with a probability from 0 to 1 (0).
///
/// The seed decides which attempts and calls have one: the same messages in the same order have the same faults,
/// whatever runs beside them.
///
/// ```
/// use axum::{Router, routing::post};
/// use axum_upstash::{
///     local::{LocalQStash, LocalQStashFaults},
///     qstash::{Message, QStashClient},
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = Router::new().route("/hook", post(|| async { "received" }));
/// let faults = LocalQStashFaults::seeded(17).lost_responses(1.0);
/// let local = LocalQStash::builder().destination("https://app.example.com", app).faults(faults).start().await?;
/// let qstash = QStashClient::builder(local.token()).url(local.url()).build()?;
///
/// // The handler received it, and QStash does not know: a handler has to bear a message twice.
/// qstash.publish(Message::to_url("https://app.example.com/hook").retries(0)).await?;
/// local.idle().await;
/// assert_eq!(local.messages()[0].last_status, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct LocalQStashFaults {
    seed: u64,
    unreachable: f64,
    lost_response: f64,
    repeated: f64,
    calls: CallFaults,
}

/// The fault of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptFault {
    Unreachable,
    LostResponse,
    Repeated,
}

impl LocalQStashFaults {
    /// No faults yet.
    pub const fn seeded(seed: u64) -> Self {
        Self { seed, unreachable: 0.0, lost_response: 0.0, repeated: 0.0, calls: CallFaults::NONE }
    }

    /// Sets how many attempts do not reach their destination.
    pub const fn unreachable(mut self, probability: f64) -> Self {
        self.unreachable = probability;
        self
    }

    /// Sets how many attempts lose the response of their destination, so that it gets the message again.
    pub const fn lost_responses(mut self, probability: f64) -> Self {
        self.lost_response = probability;
        self
    }

    /// Sets how many attempts are made twice, one after the other, as QStash delivers at least once.
    pub const fn repeated(mut self, probability: f64) -> Self {
        self.repeated = probability;
        self
    }

    /// Sets how many calls of the API do nothing, and are answered by HTTP 500.
    pub const fn refused_calls(mut self, probability: f64) -> Self {
        self.calls.refused = probability;
        self
    }

    /// Sets how many calls of the API are done, and are answered by HTTP 500 all the same.
    pub const fn lost_answers(mut self, probability: f64) -> Self {
        self.calls.lost_answer = probability;
        self
    }

    pub(super) fn are_probabilities(&self) -> bool {
        let of_attempts = [self.unreachable, self.lost_response, self.repeated];
        are_probabilities(&of_attempts) && are_probabilities(&self.calls.probabilities())
    }

    /// The fault of an attempt: the first one that it has.
    pub(super) fn of_attempt(&self, job: JobId, retried: u32) -> Option<AttemptFault> {
        let faults = [
            (self.unreachable, AttemptFault::Unreachable),
            (self.lost_response, AttemptFault::LostResponse),
            (self.repeated, AttemptFault::Repeated),
        ];
        first(self.seed, [1, job, u64::from(retried)], faults)
    }

    /// The fault of a call, by its number.
    pub(super) fn of_call(&self, number: u64) -> Option<CallFault> {
        self.calls.of(self.seed, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_as_many_as_asked_for_and_the_same_each_time() {
        let faults = LocalQStashFaults::seeded(7).unreachable(0.25).repeated(0.5);
        let all = |faults: LocalQStashFaults| (0..10_000).map(|job| faults.of_attempt(job, 1)).collect::<Vec<_>>();
        let count = |fault| all(faults).iter().filter(|found| **found == fault).count();
        assert!((2_300..2_700).contains(&count(Some(AttemptFault::Unreachable))));
        // Of those that are left.
        assert!((3_550..3_950).contains(&count(Some(AttemptFault::Repeated))));
        assert_eq!(all(faults), all(faults));
        let other = LocalQStashFaults { seed: 8, ..faults };
        assert_ne!(all(faults), all(other));
        assert!((0..100).all(|number| faults.of_call(number).is_none()));
        assert!((0..100).all(|job| LocalQStashFaults::seeded(job).of_attempt(job, 0).is_none()));
    }

    #[test]
    fn certain_is_always() {
        let faults = LocalQStashFaults::seeded(0).lost_answers(1.0);
        assert!((0..1_000).all(|number| faults.of_call(number) == Some(CallFault::LostAnswer)));
        assert!(faults.are_probabilities() && !faults.repeated(1.1).are_probabilities());
        assert!(!faults.unreachable(f64::NAN).are_probabilities());
    }
}
