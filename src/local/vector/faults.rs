use std::time::Duration;

use crate::local::chance::{CallFault, CallFaults, are_probabilities};

/// Faults that a local Vector makes, each with a probability from 0 to 1 (0).
///
/// The seed decides which requests have one: the same requests in the same order have the same faults.
///
/// ```
/// use axum_upstash::local::{LocalVector, LocalVectorFaults};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Every fifth request fails, and some of them have been done all the same.
/// let faults = LocalVectorFaults::seeded(17).refused_calls(0.1).lost_answers(0.1);
/// let vector = LocalVector::builder().faults(faults).start().await?;
/// # drop(vector);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct LocalVectorFaults {
    seed: u64,
    calls: CallFaults,
    latency: Duration,
}

impl LocalVectorFaults {
    /// No faults yet.
    pub const fn seeded(seed: u64) -> Self {
        Self { seed, calls: CallFaults::NONE, latency: Duration::ZERO }
    }

    /// Sets how many requests do nothing, and are answered by HTTP 500.
    pub const fn refused_calls(mut self, probability: f64) -> Self {
        self.calls.refused = probability;
        self
    }

    /// Sets how many requests are done, and are answered by HTTP 500 all the same.
    pub const fn lost_answers(mut self, probability: f64) -> Self {
        self.calls.lost_answer = probability;
        self
    }

    /// Sets a time that each answer takes longer (0).
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    pub(super) fn are_probabilities(&self) -> bool {
        are_probabilities(&self.calls.probabilities())
    }

    /// The fault of a request, by its number.
    pub(super) fn of_call(&self, number: u64) -> Option<CallFault> {
        self.calls.of(self.seed, number)
    }

    pub(super) fn delay(&self) -> Duration {
        self.latency
    }
}
