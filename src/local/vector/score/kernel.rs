//! Sums over the dimensions of many vectors, with the widest vector instructions that the processor has.

use pulp::{Arch, Simd, WithSimd, as_arrays};

/// The term of a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Term {
    Product,
    SquaredDifference,
}

/// The sum of a vector with each of several that are stored one behind the other. Sums are in any order.
pub(super) fn sums(term: Term, vector: &[f32], others: &[f32], sums: &mut Vec<f32>) {
    sums.clear();
    if vector.is_empty() {
        return;
    }
    let arch = Arch::new();
    match term {
        Term::Product => arch.dispatch(Sums::<false> { vector, others, sums }),
        Term::SquaredDifference => arch.dispatch(Sums::<true> { vector, others, sums }),
    }
}

struct Sums<'a, const IS_DIFFERENCE: bool> {
    vector: &'a [f32],
    others: &'a [f32],
    sums: &'a mut Vec<f32>,
}

impl<const IS_DIFFERENCE: bool> WithSimd for Sums<'_, IS_DIFFERENCE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let term = |a: S::f32s, b: S::f32s, sum: S::f32s| {
            if IS_DIFFERENCE {
                let difference = simd.sub_f32s(a, b);
                simd.mul_add_e_f32s(difference, difference, sum)
            } else {
                simd.mul_add_e_f32s(a, b, sum)
            }
        };
        let (a, a_rest) = S::as_simd_f32s(self.vector);
        // Four sums at the same time: each waits for itself alone.
        let (a_fours, a_ones) = as_arrays::<4, _>(a);
        for other in self.others.chunks_exact(self.vector.len()) {
            let (b, b_rest) = S::as_simd_f32s(other);
            let (b_fours, b_ones) = as_arrays::<4, _>(b);
            let mut four = [simd.splat_f32s(0.0); 4];
            for ([a0, a1, a2, a3], [b0, b1, b2, b3]) in a_fours.iter().zip(b_fours) {
                four[0] = term(*a0, *b0, four[0]);
                four[1] = term(*a1, *b1, four[1]);
                four[2] = term(*a2, *b2, four[2]);
                four[3] = term(*a3, *b3, four[3]);
            }
            for (a, b) in a_ones.iter().zip(b_ones) {
                four[0] = term(*a, *b, four[0]);
            }
            let [s0, s1, s2, s3] = four;
            let sum = simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(s0, s1), simd.add_f32s(s2, s3)));
            let rest = a_rest
                .iter()
                .zip(b_rest)
                .fold(0.0, |sum, (a, b)| sum + if IS_DIFFERENCE { (a - b) * (a - b) } else { a * b });
            self.sums.push(sum + rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_counts_once() {
        for dimension in 1..200_usize {
            let vector: Vec<f32> = (0..dimension).map(|at| (at % 7) as f32 - 3.0).collect();
            let others: Vec<f32> = (0..3 * dimension).map(|at| (at % 5) as f32 - 1.0).collect();
            let mut found = Vec::new();
            for term in [Term::Product, Term::SquaredDifference] {
                sums(term, &vector, &others, &mut found);
                let expected: Vec<f32> = others
                    .chunks(dimension)
                    .map(|other| {
                        let pairs = vector.iter().zip(other);
                        pairs.map(|(a, b)| if term == Term::Product { a * b } else { (a - b) * (a - b) }).sum()
                    })
                    .collect();
                // Whole numbers, whose sums are exact in any order.
                assert_eq!(found, expected, "{dimension} {term:?}");
            }
        }
        let mut found = vec![1.0];
        sums(Term::Product, &[], &[], &mut found);
        assert!(found.is_empty());
    }
}
