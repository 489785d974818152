//! Dense embeddings by signed feature hashing (Weinberger et al., *Feature Hashing for Large Scale Multitask Learning*,
//! 2009): texts that share words and parts of words are near to each other. They know nothing of meaning.

use super::words::{hash, telling, words};

const WORD: f32 = 1.0;
const PAIR: f32 = 0.5;
const PART: f32 = 0.3;
/// The characters of a word whose parts count.
const LONGEST: usize = 256;

/// The embedding of a text, of length 1. Equal texts have equal ones.
#[allow(clippy::cast_precision_loss, reason = "a word has few parts")]
pub(crate) fn embedding(text: &str, dimension: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimension];
    let mut add = |hash: u64, weight: f32| {
        let at = usize::try_from(hash % dimension.max(1) as u64).unwrap_or_default();
        if let Some(number) = vector.get_mut(at) {
            *number += if hash >> 63 == 0 { weight } else { -weight };
        }
    };
    let words = words(text);
    let words = telling(&words);
    let mut buffer = String::new();
    for word in &words {
        add(hash(0, &[word]), WORD);
        let padded: Vec<char> =
            std::iter::once(' ').chain(word.chars().take(LONGEST)).chain(std::iter::once(' ')).collect();
        let count: usize = (3..=5).map(|length| (padded.len() + 1).saturating_sub(length)).sum();
        let weight = PART / (count as f32).sqrt();
        for part in (3..=5).flat_map(|length| padded.windows(length)) {
            buffer.clear();
            buffer.extend(part);
            add(hash(1, &[&buffer]), weight);
        }
    }
    for pair in words.windows(2) {
        add(hash(2, pair), PAIR);
    }
    let length = vector.iter().fold(0.0, |sum, a| sum + a * a).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    } else if let Some(first) = vector.first_mut() {
        // A text without words.
        *first = 1.0;
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::embedding;
    use crate::local::vector::score::{DenseQuery, Length, Similarity, squared_length};

    fn nearest<'a>(query: &str, texts: &[&'a str], dimension: usize) -> &'a str {
        let query = DenseQuery::new(embedding(query, dimension), Similarity::Cosine);
        let score = |text: &str| {
            let vector = embedding(text, dimension);
            query.score(&vector, Length::of(&vector))
        };
        texts.iter().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap()
    }

    #[test]
    fn texts_that_share_words_are_near_to_each_other() {
        const CAPITALS: [&str; 4] = [
            "Tokyo is the capital of Japan.",
            "Ankara is the capital of Türkiye.",
            "Paris is the capital of France.",
            "Berlin is the capital of Germany.",
        ];
        for dimension in [64, 384, 768, 1024] {
            for (country, at) in [("Japan", 0), ("Türkiye", 1), ("France", 2)] {
                let question = format!("What is the capital of {country}?");
                assert_eq!(nearest(&question, &CAPITALS, dimension), CAPITALS[at], "{dimension}");
            }
            let texts = ["testing-plan-text", "vector databases", "Hello world"];
            assert_eq!(nearest("testing-plain-text", &texts, dimension), texts[0]);
            assert_eq!(nearest("Hello", &texts, dimension), texts[2]);
        }
    }

    #[test]
    fn a_text_without_words_has_a_direction() {
        for text in ["", "?!", "  "] {
            assert_eq!(embedding(text, 4), [1.0, 0.0, 0.0, 0.0]);
        }
        assert_eq!(embedding("a text", 0), [0.0_f32; 0]);
        assert!((squared_length(&embedding("the and of", 384)) - 1.0).abs() < 1e-5);
    }
}
