//! The scores of dense vectors, to the last bit those of the service, and a bound of them that is fast to find.

use super::Similarity;

/// Sums that are independent of one another, so that the compiler makes them of vector instructions.
const LANES: usize = 32;

/// Below this, squares of numbers have no full precision.
const TINY: f32 = 1e-30;

/// A vector that others are compared with.
#[derive(Debug, Clone)]
pub(crate) struct DenseQuery {
    vector: Vec<f32>,
    square: f32,
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
        let square = squared_length(&vector);
        Self { vector, square, similarity }
    }

    /// The score: sums go from the first dimension to the last in `f32`, and the quotient is one of `f64`.
    #[allow(clippy::cast_possible_truncation, reason = "the recipe of the service's scores")]
    pub(crate) fn score(&self, vector: &[f32], square: f32) -> f32 {
        let dot = || self.vector.iter().zip(vector).fold(0.0_f32, |sum, (a, b)| sum + a * b);
        let score = match self.similarity {
            Similarity::Cosine => {
                let lengths = (f64::from(self.square) * f64::from(square)).sqrt();
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

    /// Bounds between which [`score`](Self::score) is. Sums of `n` products differ by their order, each by less than
    /// `n * EPSILON / 2` of the product of the lengths (Higham, *Accuracy and Stability of Numerical Algorithms*, 3.1).
    #[allow(clippy::cast_precision_loss, reason = "dimensions are few")]
    pub(crate) fn bounds(&self, vector: &[f32], square: f32) -> Bounds {
        let unit = (self.vector.len() + 16) as f32 * f32::EPSILON;
        let (score, error) = match self.similarity {
            Similarity::Cosine if self.square < TINY || square < TINY => (0.0, f32::INFINITY),
            Similarity::Cosine => (0.5 + dot(&self.vector, vector) / (self.square.sqrt() * square.sqrt()) / 2.0, unit),
            Similarity::DotProduct => {
                let lengths = self.square.sqrt() * square.sqrt();
                (0.5 + dot(&self.vector, vector) / 2.0, unit * (lengths + 1.0) + TINY)
            }
            Similarity::Euclidean => {
                let score = 1.0 / (1.0 + squared_distance(&self.vector, vector));
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

fn dot(a: &[f32], b: &[f32]) -> f32 {
    summed(a, b, |a, b| a * b)
}

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    summed(a, b, |a, b| (a - b) * (a - b))
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "the loop is to be made of vector instructions for each term")]
fn summed(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder()).fold(0.0, |sum, (a, b)| sum + term(*a, *b));
    for (a, b) in a.zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += term(*a, *b);
        }
    }
    lanes.iter().sum::<f32>() + rest
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
                let score = query.score(&b, squared_length(&b));
                let Bounds { lower, upper } = query.bounds(&b, squared_length(&b));
                prop_assert!(lower <= score && score <= upper, "{similarity:?}: {lower} <= {score} <= {upper}");
                prop_assert!(score.is_finite());
            }
        }

        #[test]
        fn a_vector_is_like_itself((a, _) in vectors()) {
            let square = squared_length(&a);
            prop_assume!(square > TINY);
            prop_assert_eq!(DenseQuery::new(a.clone(), Similarity::Cosine).score(&a, square), 1.0);
            prop_assert_eq!(DenseQuery::new(a.clone(), Similarity::Euclidean).score(&a, square), 1.0);
        }
    }

    #[test]
    fn scores_are_those_of_the_formulas() {
        let score = |similarity, a: [f32; 2], b: [f32; 2]| {
            DenseQuery::new(a.to_vec(), similarity).score(&b, squared_length(&b))
        };
        assert_eq!(score(Similarity::Cosine, [1.0, 0.0], [0.0, 2.0]), 0.5);
        assert_eq!(score(Similarity::Cosine, [1.0, 0.0], [-3.0, 0.0]), 0.0);
        assert_eq!(score(Similarity::Cosine, [0.0, 0.0], [1.0, 0.0]), 0.5);
        assert_eq!(score(Similarity::Euclidean, [1.0, 2.0], [1.0, 4.0]), 0.2);
        assert_eq!(score(Similarity::DotProduct, [1.0, 2.0], [3.0, 4.0]), 6.0);
    }
}
