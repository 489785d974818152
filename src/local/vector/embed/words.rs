//! The words of a text.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// English words that say little of a text, in order.
const STOP_WORDS: &[&str] = &[
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "because", "been", "but",
    "by", "can", "could", "did", "do", "does", "each", "for", "from", "had", "has", "have", "he", "her", "here", "his",
    "how", "i", "if", "in", "into", "is", "it", "its", "just", "many", "me", "more", "most", "much", "my", "no", "not",
    "of", "on", "only", "or", "other", "our", "out", "over", "s", "she", "should", "so", "some", "such", "t", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "through", "to", "too", "under",
    "up", "us", "very", "was", "we", "were", "what", "when", "where", "which", "while", "who", "why", "will", "with",
    "would", "you", "your",
];

/// The runs of letters and digits, in lower case and without accents: `Café` and `CAFE` are one word.
pub(super) fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let plain: String = lower.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The words without those that say little. If there are no others, all.
pub(super) fn telling(words: &[String]) -> Vec<&str> {
    let telling: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| STOP_WORDS.binary_search(word).is_err()).collect();
    if telling.is_empty() { words.iter().map(String::as_str).collect() } else { telling }
}

/// FNV-1a with 64 bits, and the finalizer of `SplitMix64`: the same on every machine and in every version.
pub(super) fn hash(kind: u8, parts: &[&str]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut state: u64 = 0xcbf2_9ce4_8422_2325;
    let mut take = |byte: u8| state = (state ^ u64::from(byte)).wrapping_mul(PRIME);
    take(kind);
    for part in parts {
        part.bytes().for_each(&mut take);
        take(0xff);
    }
    crate::local::chance::mixed(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_say_little_are_left_out_unless_there_are_no_others() {
        assert!(STOP_WORDS.is_sorted());
        let words = words("What is the Capital of Türkiye?");
        assert_eq!(telling(&words), ["capital", "turkiye"]);
        assert_eq!(super::words("İstanbul CAFE\u{301} café ﬁve"), ["istanbul", "cafe", "cafe", "five"]);
        let words = super::words("who are they");
        assert_eq!(telling(&words), ["who", "are", "they"]);
    }
}
