//! Sparse vectors, and the scores of records by what they have in common with one.

use std::collections::{BTreeMap, HashMap};

use super::Ranked;

/// A sparse vector, its entries in the order of their indices.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SparseVector {
    pub(crate) indices: Vec<i32>,
    pub(crate) values: Vec<f32>,
}

impl SparseVector {
    /// The entries in the order of their indices. Values of one index are added up, as the service takes them.
    pub(crate) fn sorted(mut entries: Vec<(i32, f32)>) -> Self {
        entries.sort_by_key(|(index, _)| *index);
        entries.dedup_by(|(index, value), (kept, sum)| {
            let is_same = index == kept;
            if is_same {
                *sum = (*sum + *value).clamp(f32::MIN, f32::MAX);
            }
            is_same
        });
        let (indices, values) = entries.into_iter().unzip();
        Self { indices, values }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (i32, f32)> {
        self.indices.iter().copied().zip(self.values.iter().copied())
    }
}

/// How the values of a query count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Weighting {
    #[default]
    AsGiven,
    /// More, the fewer records have the index.
    Idf,
}

/// The records that have each index, with their values.
#[derive(Debug, Default)]
pub(crate) struct Postings(HashMap<i32, BTreeMap<u32, f32>>);

impl Postings {
    pub(crate) fn insert(&mut self, slot: u32, vector: &SparseVector) {
        for (index, value) in vector.entries() {
            self.0.entry(index).or_default().insert(slot, value);
        }
    }

    pub(crate) fn remove(&mut self, slot: u32, vector: &SparseVector) {
        for index in &vector.indices {
            if let Some(records) = self.0.get_mut(index) {
                records.remove(&slot);
                if records.is_empty() {
                    self.0.remove(index);
                }
            }
        }
    }

    /// The scores of the records that share an index with the query, in the order of their slots. There are `total` records
    /// in the namespace, in slots below `slots`.
    pub(crate) fn scores(&self, query: &SparseVector, weighting: Weighting, total: usize, slots: usize) -> Vec<Ranked> {
        let (mut sums, mut is_found) = (vec![0.0_f32; slots], vec![false; slots]);
        let mut found = Vec::new();
        for (index, value) in query.entries() {
            let Some(records) = self.0.get(&index) else { continue };
            // JSON has no infinity, and the difference of two is no number.
            let value = match weighting {
                Weighting::AsGiven => value,
                Weighting::Idf => (value * idf(total, records.len())).clamp(f32::MIN, f32::MAX),
            };
            for (slot, weight) in records {
                let at = *slot as usize;
                let (Some(sum), Some(is_found)) = (sums.get_mut(at), is_found.get_mut(at)) else { continue };
                if !std::mem::replace(is_found, true) {
                    found.push(*slot);
                }
                *sum = (*sum + (value * weight).clamp(f32::MIN, f32::MAX)).clamp(f32::MIN, f32::MAX);
            }
        }
        found.sort_unstable();
        found.into_iter().map(|slot| Ranked { score: sums[slot as usize], slot }).collect()
    }
}

/// The inverse document frequency of an index that `having` of `total` records have.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "the recipe of the service's scores")]
fn idf(total: usize, having: usize) -> f32 {
    let (total, having) = (total as f64, having as f64);
    ((total - having + 0.5) / (having + 0.5) + 1.0).ln() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(entries: &[(i32, f32)]) -> SparseVector {
        SparseVector::sorted(entries.to_vec())
    }

    fn postings() -> Postings {
        let mut postings = Postings::default();
        postings.insert(0, &vector(&[(0, 0.1), (1, 0.2)]));
        postings.insert(1, &vector(&[(1, 0.2), (2, 0.3)]));
        postings.insert(2, &vector(&[(2, 0.3), (3, 0.4)]));
        postings
    }

    #[test]
    fn weights_by_rarity_are_those_of_the_service() {
        let found = postings().scores(&vector(&[(1, 0.2), (0, 0.1)]), Weighting::Idf, 3, 3);
        let expected = [Ranked { score: 0.028_608_438, slot: 0 }, Ranked { score: 0.018_800_145, slot: 1 }];
        assert_eq!(found, expected);
        let found = postings().scores(&vector(&[(2, 0.5), (3, 0.5)]), Weighting::Idf, 3, 3);
        assert_eq!(found[1], Ranked { score: 0.266_666_38, slot: 2 });
    }

    #[test]
    fn values_of_one_index_are_added_up() {
        assert_eq!(vector(&[(3, 0.5), (1, 1.0), (3, 0.25)]), vector(&[(1, 1.0), (3, 0.75)]));
    }

    #[test]
    fn a_record_that_has_gone_is_not_found() {
        let mut postings = postings();
        postings.remove(0, &vector(&[(0, 0.1), (1, 0.2)]));
        let found = postings.scores(&vector(&[(0, 1.0), (1, 1.0)]), Weighting::AsGiven, 2, 3);
        assert_eq!(found, [Ranked { score: 0.2, slot: 1 }]);
    }

    #[test]
    fn sums_stay_numbers() {
        let mut postings = Postings::default();
        postings.insert(0, &vector(&[(0, f32::MAX), (1, f32::MAX)]));
        let found = postings.scores(&vector(&[(0, f32::MAX), (1, f32::MIN)]), Weighting::AsGiven, 1, 1);
        assert!(found[0].score.is_finite());
        // A weight beyond all numbers, times nothing.
        postings.insert(1, &vector(&[(7, 0.0), (8, 1.0)]));
        let found = postings.scores(&vector(&[(7, 3e38), (8, 1.0)]), Weighting::Idf, 1_000, 2);
        assert_eq!(found.iter().map(|found| (found.slot, found.score.is_finite())).collect::<Vec<_>>(), [(1, true)]);
    }
}
