use std::cmp::Ordering;

/// A record of a namespace with its score. Records have numbers in the order in which they were inserted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ranked {
    pub(crate) score: f32,
    pub(crate) slot: u32,
}

impl Ranked {
    /// The best first; of equal scores, the one that was inserted first.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.slot.cmp(&other.slot))
    }
}

/// The first `count` of the records, the best one first.
pub(crate) fn best_first(mut records: Vec<Ranked>, count: usize) -> Vec<Ranked> {
    if count == 0 {
        return Vec::new();
    }
    if count < records.len() {
        records.select_nth_unstable_by(count - 1, Ranked::compare);
        records.truncate(count);
    }
    records.sort_unstable_by(Ranked::compare);
    records
}
