//! Faults that are made on request: a seed decides, so that they are the same each time.

use super::refusal::Refusal;

/// The fault of a call of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallFault {
    /// Nothing is done, and the answer is HTTP 500.
    Refused,
    /// The call is done, and the answer is HTTP 500 all the same.
    LostAnswer,
}

/// The faults of calls of an API, each with its probability.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallFaults {
    pub(super) refused: f64,
    pub(super) lost_answer: f64,
}

impl CallFaults {
    pub(super) const NONE: Self = Self { refused: 0.0, lost_answer: 0.0 };

    pub(super) fn probabilities(self) -> [f64; 2] {
        [self.refused, self.lost_answer]
    }

    /// The fault of a call, by its number.
    pub(super) fn of(self, seed: u64, number: u64) -> Option<CallFault> {
        let faults = [(self.refused, CallFault::Refused), (self.lost_answer, CallFault::LostAnswer)];
        first(seed, [2, number, 0], faults)
    }
}

impl CallFault {
    /// Does a call, with the fault that it has. A call that is refused is not done, and its answer not lost.
    pub(super) async fn around<T>(
        fault: Option<Self>,
        call: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        if fault == Some(Self::Refused) {
            return Err(Refusal::new(500, "a fault was asked for: nothing was done"));
        }
        let answer = call.await?;
        match fault {
            Some(Self::LostAnswer) => Err(Refusal::new(500, "a fault was asked for")),
            _ => Ok(answer),
        }
    }
}

/// Whether these are probabilities.
pub(super) fn are_probabilities(numbers: &[f64]) -> bool {
    numbers.iter().all(|number| (0.0..=1.0).contains(number))
}

/// The first fault that something has, each with its probability. The parts name the thing.
pub(super) fn first<T, const N: usize>(seed: u64, parts: [u64; 3], faults: [(f64, T); N]) -> Option<T> {
    let mut state = parts.into_iter().fold(seed, |state, part| mixed(state ^ mixed(part)));
    faults.into_iter().find_map(|(probability, fault)| {
        state = mixed(state);
        (fraction(state) < probability).then_some(fault)
    })
}

/// The next number of SplitMix64 (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014).
pub(super) const fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// A number of 53 bits, as one from 0 to below 1.
#[allow(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn fraction(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}
