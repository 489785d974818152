//! Faults that are made on request: a seed decides, so that they are the same each time.

/// The fault of a call of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallFault {
    /// Nothing is done, and the answer is HTTP 500.
    Refused,
    /// The call is done, and the answer is HTTP 500 all the same.
    LostAnswer,
}

/// The fault of a call, by its number.
pub(super) fn of_call(seed: u64, number: u64, refused: f64, lost_answer: f64) -> Option<CallFault> {
    first(seed, [2, number, 0], [(refused, CallFault::Refused), (lost_answer, CallFault::LostAnswer)])
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
