//! The scores of dense vectors, to the last bit those of the service, and a bound of them that is fast to find.

use super::{
    Similarity,
    kernel::{Term, sums},
};

/// Below this, squares of numbers have no full precision.
const TINY: f32 = 1e-30;

/// The length of a vector, as scores and their bounds need it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Length {
    /// Its square, as the recipe of the scores sums it.
    square: f32,
    /// Its inverse. 0 if the square has no full precision.
    inverse: f32,
}

impl Length {
    pub(crate) fn of(vector: &[f32]) -> Self {
        let square = squared_length(vector);
        Self { square, inverse: if square < TINY { 0.0 } else { square.sqrt().recip() } }
    }
}

/// A vector that others are compared with.
#[derive(Debug, Clone)]
pub(crate) struct DenseQuery {
    vector: Vec<f32>,
    length: Length,
    similarity: Similarity,
}

/// Bounds of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) lower: f32,
    pub(crate) upper: f32,
}

impl DenseQuery {
    pub(crate) fn new(vector: Vec<f32>, similarity: Similarity) -> Self {
        let length = Length::of(&vector);
        Self { vector, length, similarity }
    }

    /// The score: sums go from the first dimension to the last in `f32`, and the quotient is one of `f64`.
    #[allow(clippy::cast_possible_truncation, reason = "the recipe of the service's scores")]
    pub(crate) fn score(&self, vector: &[f32], length: Length) -> f32 {
        let dot = || self.vector.iter().zip(vector).fold(0.0_f32, |sum, (a, b)| sum + a * b);
        let score = match self.similarity {
            Similarity::Cosine => {
                let lengths = (f64::from(self.length.square) * f64::from(length.square)).sqrt();
                // A vector of zeros has no direction.
                let cosine = if lengths > 0.0 { (f64::from(dot()) / lengths) as f32 } else { 0.0 };
                f32::midpoint(1.0, cosine)
            }
            Similarity::DotProduct => (1.0 + dot()) / 2.0,
            Similarity::Euclidean => {
                let square = self.vector.iter().zip(vector).fold(0.0_f32, |sum, (a, b)| sum + (a - b) * (a - b));
                1.0 / (1.0 + square)
            }
        };
        // JSON has no infinity.
        score.clamp(f32::MIN, f32::MAX)
    }

    /// Bounds between which the [`score`](Self::score) of each vector is, of vectors one behind the other. `buffer` is
    /// room for sums.
    pub(crate) fn bounds<'a>(
        &'a self,
        vectors: &[f32],
        lengths: &'a [Length],
        buffer: &'a mut Vec<f32>,
    ) -> impl Iterator<Item = Bounds> + 'a {
        let term = if self.similarity == Similarity::Euclidean { Term::SquaredDifference } else { Term::Product };
        sums(term, &self.vector, vectors, buffer);
        buffer.iter().zip(lengths).map(|(sum, length)| self.bounds_of(*sum, *length))
    }

    /// Sums of `n` products differ by their order, each by less than `n * EPSILON / 2` of the product of the lengths
    /// (Higham, *Accuracy and Stability of Numerical Algorithms*, 3.1).
    #[allow(clippy::cast_precision_loss, reason = "dimensions are few")]
    fn bounds_of(&self, sum: f32, length: Length) -> Bounds {
        let unit = (self.vector.len() + 16) as f32 * f32::EPSILON;
        let (score, error) = match self.similarity {
            Similarity::Cosine => {
                let inverse = self.length.inverse * length.inverse;
                let error = if inverse > 0.0 { unit } else { f32::INFINITY };
                (0.5 + sum * inverse / 2.0, error)
            }
            Similarity::DotProduct => {
                let lengths = self.length.square.sqrt() * length.square.sqrt();
                (0.5 + sum / 2.0, unit * (lengths + 1.0) + TINY)
            }
            Similarity::Euclidean => {
                let score = 1.0 / (1.0 + sum);
                // The relative error of the score is at most that of the sum.
                (score, unit * score)
            }
        };
        let (lower, upper) = (score - error, score + error);
        // Sums that overflowed say nothing.
        if lower.is_nan() || upper.is_nan() {
            return Bounds { lower: f32::NEG_INFINITY, upper: f32::INFINITY };
        }
        Bounds { lower, upper }
    }
}

/// The square of the length, as the recipe of the scores sums it.
pub(crate) fn squared_length(vector: &[f32]) -> f32 {
    vector.iter().fold(0.0, |sum, a| sum + a * a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vectors() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        let number = || prop_oneof![-1.0_f32..1.0, Just(0.0), -1e-20_f32..1e-20, -1e18_f32..1e18, any::<f32>()];
        (1..200_usize)
            .prop_flat_map(move |n| (proptest::collection::vec(number(), n), proptest::collection::vec(number(), n)))
            .prop_filter("squares are numbers", |(a, b)| squared_length(a).is_finite() && squared_length(b).is_finite())
    }

    proptest! {
        #[test]
        fn a_score_is_within_its_bounds((a, b) in vectors()) {
            for similarity in [Similarity::Cosine, Similarity::Euclidean, Similarity::DotProduct] {
                let query = DenseQuery::new(a.clone(), similarity);
                let score = query.score(&b, Length::of(&b));
                let mut buffer = Vec::new();
                let lengths = [Length::of(&b)];
                let Bounds { lower, upper } = query.bounds(&b, &lengths, &mut buffer).next().unwrap();
                prop_assert!(lower <= score && score <= upper, "{similarity:?}: {lower} <= {score} <= {upper}");
                prop_assert!(score.is_finite());
            }
        }

        #[test]
        fn a_vector_is_like_itself((a, _) in vectors()) {
            let length = Length::of(&a);
            prop_assume!(length.inverse > 0.0);
            prop_assert_eq!(DenseQuery::new(a.clone(), Similarity::Cosine).score(&a, length), 1.0);
            prop_assert_eq!(DenseQuery::new(a.clone(), Similarity::Euclidean).score(&a, length), 1.0);
        }
    }

    #[test]
    fn scores_are_those_of_the_formulas() {
        let score =
            |similarity, a: [f32; 2], b: [f32; 2]| DenseQuery::new(a.to_vec(), similarity).score(&b, Length::of(&b));
        assert_eq!(score(Similarity::Cosine, [1.0, 0.0], [0.0, 2.0]), 0.5);
        assert_eq!(score(Similarity::Cosine, [1.0, 0.0], [-3.0, 0.0]), 0.0);
        assert_eq!(score(Similarity::Cosine, [0.0, 0.0], [1.0, 0.0]), 0.5);
        assert_eq!(score(Similarity::Euclidean, [1.0, 2.0], [1.0, 4.0]), 0.2);
        assert_eq!(score(Similarity::DotProduct, [1.0, 2.0], [3.0, 4.0]), 6.0);
    }
}
