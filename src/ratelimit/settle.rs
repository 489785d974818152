use super::{Algorithm, Outcome, algorithms::State};

/// Makes the outcomes of several limits say what became of the whole request.
///
/// A limit that would have admitted it did not count it where another refused: it is told as it was found.
pub(super) fn settle(
    outcomes: Vec<Outcome>,
    asked: impl Iterator<Item = (Algorithm, Option<State>, i64)>,
    now_ms: u64,
) -> Vec<Outcome> {
    if outcomes.iter().all(|outcome| outcome.allowed) {
        return outcomes;
    }
    let settled = outcomes.into_iter().zip(asked).map(|(outcome, (algorithm, state, _))| {
        if outcome.allowed { algorithm.decide(now_ms, state, 0).0 } else { outcome }
    });
    settled.collect()
}
