/// A pattern for a whole text: `*` any characters, `?` one, `[abc]`, `[a-z]` and `[^a]` one of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Char(char),
    Class { is_negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    pub(super) fn new(pattern: &str) -> Self {
        let chars: Vec<char> = pattern.chars().collect();
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(char) = chars.get(at) {
            at += 1;
            parts.push(match char {
                '*' if parts.last() == Some(&Part::Any) => continue,
                '*' => Part::Any,
                '?' => Part::One,
                '[' => match class(&chars[at..]) {
                    Some((class, length)) => {
                        at += length;
                        class
                    }
                    // A bracket without its end is a bracket.
                    None => Part::Char('['),
                },
                char => Part::Char(*char),
            });
        }
        Self(parts)
    }

    /// In the worst case the time is the product of both lengths.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut part, mut at) = (0, 0);
        // The last `*`, and the place up to which it reaches.
        let mut star = None;
        while at < text.len() {
            match self.0.get(part) {
                Some(Part::Any) => {
                    star = Some((part, at));
                    part += 1;
                }
                Some(other) if other.takes(text[at]) => (part, at) = (part + 1, at + 1),
                _ => match &mut star {
                    Some((any, reached)) => {
                        *reached += 1;
                        (part, at) = (*any + 1, *reached);
                    }
                    None => return false,
                },
            }
        }
        self.0[part..].iter().all(|part| *part == Part::Any)
    }
}

impl Part {
    fn takes(&self, char: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Char(own) => *own == char,
            Self::Class { is_negated, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&char)) != *is_negated
            }
        }
    }
}

/// The class after a bracket, and its length with the bracket that ends it.
fn class(chars: &[char]) -> Option<(Part, usize)> {
    let is_negated = chars.first() == Some(&'^');
    let begin = usize::from(is_negated);
    // A bracket at the beginning is one of the class.
    let length = chars.iter().skip(begin + 1).position(|char| *char == ']')? + 1;
    let members = &chars[begin..begin + length];
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < members.len() {
        if members.get(at + 1) == Some(&'-') && at + 2 < members.len() {
            ranges.push((members[at], members[at + 2]));
            at += 3;
        } else {
            ranges.push((members[at], members[at]));
            at += 1;
        }
    }
    Some((Part::Class { is_negated, ranges }, begin + length + 1))
}

#[cfg(test)]
mod tests {
    use super::Glob;
    use proptest::prelude::*;

    #[test]
    fn patterns_are_for_whole_texts() {
        for (pattern, text, expected) in [
            ("A*", "Ankara", true),
            ("A*", "ankara", false),
            ("A?a", "Ada", true),
            ("A?a", "Aa", false),
            ("*[abc]", "lab", true),
            ("[a-c]?[^x-z]", "b-w", true),
            ("[a-c]?[^x-z]", "b-y", false),
            ("[]]", "]", true),
            ("[^]]", "a", true),
            ("[a-]", "-", true),
            ("[", "[", true),
            ("[]", "[]", true),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**ü*", "Zürich", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    fn slow(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some(b'*'), _) => slow(&pattern[1..], text) || (!text.is_empty() && slow(pattern, &text[1..])),
            (Some(b'?'), Some(_)) => slow(&pattern[1..], &text[1..]),
            (Some(a), Some(b)) => a == b && slow(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matches_as_the_definition_does(pattern in "[ab*?]{0,8}", text in "[abc]{0,10}") {
            prop_assert_eq!(Glob::new(&pattern).matches(&text), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
