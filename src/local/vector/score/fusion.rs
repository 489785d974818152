//! One order out of two: that of the dense and that of the sparse half of a hybrid index.

use std::collections::HashMap;

use super::{Ranked, best_first};

/// The constant of reciprocal rank fusion.
const RANK: f32 = 60.0;

/// How the halves of a hybrid index become one score
/// ([Hybrid indexes](https://upstash.com/docs/vector/features/hybridindexes)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fusion {
    /// The sum of `1 / (rank + 60)`, with ranks from 0.
    #[default]
    ReciprocalRank,
    /// The sum of the scores, each mapped to its place among three standard deviations around the mean of its half.
    DistributionBased,
}

/// The best `count` of two halves, each with the best one first.
#[allow(clippy::cast_precision_loss, reason = "ranks as the service's")]
pub(crate) fn fuse(fusion: Fusion, halves: [&[Ranked]; 2], count: usize) -> Vec<Ranked> {
    let mut sums: HashMap<u32, f32> = HashMap::with_capacity(halves[0].len());
    for half in halves {
        let normalised = Distribution::of(half);
        for (rank, record) in half.iter().enumerate() {
            let part = match fusion {
                Fusion::ReciprocalRank => 1.0 / (rank as f32 + RANK),
                Fusion::DistributionBased => normalised.place(record.score),
            };
            *sums.entry(record.slot).or_default() += part;
        }
    }
    best_first(sums.into_iter().map(|(slot, score)| Ranked { score, slot }).collect(), count)
}

/// Three standard deviations around a mean.
struct Distribution {
    least: f32,
    greatest: f32,
}

impl Distribution {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as the service's")]
    fn of(half: &[Ranked]) -> Self {
        let scores = || half.iter().map(|record| f64::from(record.score));
        let count = half.len() as f64;
        let mean = scores().sum::<f64>() / count;
        let variance = scores().map(|score| (score - mean) * (score - mean)).sum::<f64>() / (count - 1.0);
        let (mean, deviation) = (mean as f32, variance.sqrt() as f32);
        Self { least: mean - 3.0 * deviation, greatest: mean + 3.0 * deviation }
    }

    fn place(&self, score: f32) -> f32 {
        let width = self.greatest - self.least;
        // One score, or equal ones, have no place among others.
        if width > 0.0 && width.is_finite() { (score - self.least) / width } else { 0.5 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(scores: &[(u32, f32)]) -> Vec<Ranked> {
        scores.iter().map(|(slot, score)| Ranked { slot: *slot, score: *score }).collect()
    }

    #[test]
    fn ranks_are_those_of_the_service() {
        let fused = fuse(Fusion::ReciprocalRank, [&half(&[(2, 0.9), (1, 0.8), (0, 0.7)]), &half(&[(2, 3.0)])], 1);
        assert_eq!(fused, [Ranked { slot: 2, score: 0.033_333_335 }]);
        let fused =
            fuse(Fusion::ReciprocalRank, [&half(&[(2, 0.9), (1, 0.8), (0, 0.7)]), &half(&[(0, 3.0), (1, 2.0)])], 1);
        assert_eq!(fused, [Ranked { slot: 0, score: 0.032_795_697 }]);
    }

    #[test]
    fn one_score_is_in_the_middle() {
        let fused = fuse(Fusion::DistributionBased, [&half(&[(0, 0.9)]), &half(&[(0, 7.0), (1, 7.0)])], 9);
        assert_eq!(fused, half(&[(0, 1.0), (1, 0.5)]));
        assert_eq!(fuse(Fusion::DistributionBased, [&[], &[]], 9), []);
    }

    #[test]
    fn equal_scores_are_in_the_order_of_insertion() {
        let fused = fuse(Fusion::ReciprocalRank, [&half(&[(5, 1.0)]), &half(&[(3, 1.0)])], 9);
        assert_eq!(fused.iter().map(|record| record.slot).collect::<Vec<_>>(), [3, 5]);
    }
}
