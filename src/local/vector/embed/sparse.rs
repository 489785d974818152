//! Sparse embeddings by BM25 ([Sparse indexes](https://upstash.com/docs/vector/features/sparseindexes)): the documents have
//! the weights of their terms, and queries count each term once.

use std::collections::BTreeMap;

use rust_stemmers::{Algorithm, Stemmer};

use super::words::{hash, telling, words};
use crate::local::vector::score::SparseVector;

const K1: f32 = 1.2;
const B: f32 = 0.75;
/// The length that documents are taken to have.
const AVERAGE_LENGTH: f32 = 32.0;

/// The embedding of a text to be found, of its `most` heaviest terms.
#[allow(clippy::cast_precision_loss, reason = "texts have few terms")]
pub(crate) fn document(text: &str, most: usize) -> SparseVector {
    let counts = terms(text);
    let length = counts.values().sum::<u32>() as f32;
    let weight = |count: u32| {
        let count = count as f32;
        count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / AVERAGE_LENGTH))
    };
    heaviest(counts.into_iter().map(|(term, count)| (term, weight(count))).collect(), most)
}

/// The embedding of a text to look for.
pub(crate) fn query(text: &str, most: usize) -> SparseVector {
    heaviest(terms(text).into_keys().map(|term| (term, 1.0)).collect(), most)
}

fn heaviest(mut entries: Vec<(i32, f32)>, most: usize) -> SparseVector {
    entries.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    entries.truncate(most);
    SparseVector::sorted(entries)
}

/// How often the text has each term.
fn terms(text: &str) -> BTreeMap<i32, u32> {
    let stemmer = Stemmer::create(Algorithm::English);
    let words = words(text);
    let mut counts = BTreeMap::new();
    for word in telling(&words) {
        let term = hash(3, &[&stemmer.stem(word)]);
        let term = i32::try_from(term & 0x7fff_ffff).unwrap_or_default();
        *counts.entry(term).or_insert(0_u32) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::vector::score::{Postings, Weighting};

    #[test]
    fn texts_are_found_by_the_terms_that_they_share() {
        let texts = ["hello", "hello world", "Hello world Upstash", "running fast"];
        let mut postings = Postings::default();
        for (slot, text) in (0..).zip(texts) {
            postings.insert(slot, &document(text, 1_000));
        }
        let found = |text: &str| {
            let mut found = postings.scores(&query(text, 1_000), Weighting::AsGiven, 4, 4);
            found.sort_by(|a, b| b.score.total_cmp(&a.score));
            found.iter().map(|found| found.slot).collect::<Vec<_>>()
        };
        assert_eq!(found("hello world upstash"), [2, 1, 0]);
        assert_eq!(found("UPSTASH"), [2]);
        assert_eq!(found("he runs"), [3]);
        assert_eq!(found("?"), [0_u32; 0]);
    }

    #[test]
    fn the_weight_of_a_term_is_that_of_the_formula() {
        let vector = document("cats and a cat", 10);
        assert_eq!(vector.indices.len(), 1);
        let expected = 2.0 * 2.2 / (2.0 + 1.2 * (0.25 + 0.75 * 2.0 / 32.0));
        assert!((vector.values[0] - expected).abs() < 1e-6);
        assert_eq!(document("one two three", 2).indices.len(), 2);
    }
}
