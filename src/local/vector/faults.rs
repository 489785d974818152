use std::time::Duration;

use crate::local::chance::{self, CallFault};

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
    refused_call: f64,
    lost_answer: f64,
    latency: Duration,
}

impl LocalVectorFaults {
    /// No faults yet.
    pub const fn seeded(seed: u64) -> Self {
        Self { seed, refused_call: 0.0, lost_answer: 0.0, latency: Duration::ZERO }
    }

    /// Sets how many requests do nothing, and are answered by HTTP 500.
    pub const fn refused_calls(mut self, probability: f64) -> Self {
        self.refused_call = probability;
        self
    }

    /// Sets how many requests are done, and are answered by HTTP 500 all the same.
    pub const fn lost_answers(mut self, probability: f64) -> Self {
        self.lost_answer = probability;
        self
    }

    /// Sets a time that each answer takes longer (0).
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    pub(super) fn are_probabilities(&self) -> bool {
        [self.refused_call, self.lost_answer].iter().all(|probability| (0.0..=1.0).contains(probability))
    }

    /// The fault of a request, by its number.
    pub(super) fn of_call(&self, number: u64) -> Option<CallFault> {
        chance::of_call(self.seed, number, self.refused_call, self.lost_answer)
    }

    pub(super) fn delay(&self) -> Duration {
        self.latency
    }
}
