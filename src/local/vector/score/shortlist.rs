//! The records that may be among the best, of which only bounds are known.

use super::dense::Bounds;

/// Entries beyond which those that cannot be among the best are dropped.
const LEAST: usize = 1024;

/// Keeps each record whose score may be among the best `count`.
///
/// A record is out when `count` others have a lower bound above its upper bound. It is exact: which of the kept ones are the
/// best is for their exact scores to tell.
#[derive(Debug)]
pub(crate) struct Shortlist {
    count: usize,
    entries: Vec<(Bounds, u32)>,
    /// The `count`-th best lower bound so far.
    threshold: f32,
    room: usize,
}

impl Shortlist {
    pub(crate) fn new(count: usize) -> Self {
        let room = LEAST.max(count.saturating_mul(2));
        Self { count: count.max(1), entries: Vec::new(), threshold: f32::NEG_INFINITY, room }
    }

    /// Whether a record with these bounds has a place, so far.
    pub(crate) fn admits(&self, bounds: Bounds) -> bool {
        bounds.upper >= self.threshold
    }

    pub(crate) fn push(&mut self, bounds: Bounds, slot: u32) {
        self.entries.push((bounds, slot));
        if self.entries.len() >= self.room {
            self.compact();
            // Many records that are equal cannot be told apart: looking again and again would take too long.
            self.room = self.room.max(self.entries.len() * 2);
        }
    }

    /// Takes the records of another part of the namespace.
    pub(crate) fn merge(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// The records that may be among the best.
    pub(crate) fn into_slots(mut self) -> Vec<u32> {
        self.compact();
        self.entries.into_iter().map(|(_, slot)| slot).collect()
    }

    fn compact(&mut self) {
        if self.entries.len() <= self.count {
            return;
        }
        let by_lower = |a: &(Bounds, u32), b: &(Bounds, u32)| b.0.lower.total_cmp(&a.0.lower);
        let (_, (bounds, _), _) = self.entries.select_nth_unstable_by(self.count - 1, by_lower);
        self.threshold = self.threshold.max(bounds.lower);
        let threshold = self.threshold;
        self.entries.retain(|(bounds, _)| bounds.upper >= threshold);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn none_of_the_best_is_dropped(
            scores in proptest::collection::vec((0..500_u16, 0..20_u16, 0..20_u16), 0..4_000),
            count in 1..40_usize,
        ) {
            let score = |at: usize| f32::from(scores[at].0);
            let mut parts = [Shortlist::new(count), Shortlist::new(count)];
            for (at, (score, below, above)) in scores.iter().enumerate() {
                let (score, below, above) = (f32::from(*score), f32::from(*below), f32::from(*above));
                let bounds = Bounds { lower: score - below, upper: score + above };
                let part = &mut parts[at % 2];
                if part.admits(bounds) {
                    part.push(bounds, u32::try_from(at).unwrap());
                }
            }
            let [mut all, other] = parts;
            all.merge(other);
            let kept = all.into_slots();
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|a, b| score(*b).total_cmp(&score(*a)).then(a.cmp(b)));
            for best in order.iter().take(count) {
                prop_assert!(kept.contains(&u32::try_from(*best).unwrap()));
            }
        }
    }
}
