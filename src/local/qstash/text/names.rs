//! Names that publishers choose.

use std::fmt;

/// The longest name.
const MAX_LENGTH: usize = 256;
const MAX_LABELS: usize = 100;
/// The longest id that tells repetitions.
const MAX_ID: usize = 4_096;

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidName {
    /// Of a queue, a URL group or a schedule.
    Characters,
    TooLong,
    TooLongId,
    Colon,
    TooManyLabels,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Characters => "should only contain alphanumeric characters, hyphens, underscores and periods",
            Self::TooLong => "should have at most 256 characters",
            Self::TooLongId => "DeduplicationId should have at most 4096 characters",
            Self::Colon => "DeduplicationId cannot contain ':'",
            Self::TooManyLabels => "there should be at most 100 labels",
        })
    }
}

impl std::error::Error for InvalidName {}

/// Checks the name of a queue, of a URL group or of a schedule.
pub(crate) fn check_name(name: &str) -> Result<(), InvalidName> {
    if name.len() > MAX_LENGTH {
        return Err(InvalidName::TooLong);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(allowed) { Err(InvalidName::Characters) } else { Ok(()) }
}

/// Checks an id that tells repetitions.
pub(crate) fn check_deduplication_id(id: &str) -> Result<(), InvalidName> {
    if id.contains(':') {
        return Err(InvalidName::Colon);
    }
    if id.len() > MAX_ID { Err(InvalidName::TooLongId) } else { Ok(()) }
}

/// The labels of a list with commas, each once.
pub(crate) fn labels(list: &str) -> Result<Vec<String>, InvalidName> {
    let mut labels: Vec<String> = Vec::new();
    for label in list.split(',').map(str::trim).filter(|label| !label.is_empty()) {
        if label.len() > MAX_LENGTH {
            return Err(InvalidName::TooLong);
        }
        if labels.len() == MAX_LABELS {
            return Err(InvalidName::TooManyLabels);
        }
        if labels.iter().all(|before| before != label) {
            labels.push(label.to_owned());
        }
    }
    Ok(labels)
}

/// Whether a field says yes: `true` in any case, or 1.
pub(crate) fn boolean(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value == "1"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_have_letters_digits_hyphens_underscores_and_periods() {
        for name in ["a", "my-queue_1.x", "-"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "a b", "a/b", "\u{e9}", "a:b", "a\n"] {
            assert_eq!(check_name(name), Err(InvalidName::Characters), "{name}");
        }
        assert_eq!(check_name(&"a".repeat(257)), Err(InvalidName::TooLong));
        assert_eq!(check_deduplication_id("a:b"), Err(InvalidName::Colon));
    }

    #[test]
    fn labels_are_trimmed_and_counted_once() {
        assert_eq!(labels(" a, b c ,,a,").unwrap(), ["a", "b c"]);
        assert_eq!(labels(" , ").unwrap(), [""; 0]);
        assert!(labels(&(0..101).map(|n| format!("{n},")).collect::<String>()).is_err());
        for (value, expected) in [("true", true), ("True", true), ("1", true), ("false", false), ("", false)] {
            assert_eq!(boolean(value), expected);
        }
    }

    proptest! {
        #[test]
        fn labels_are_those_that_were_joined(list in "[a-c ,]{0,40}|\\PC{0,40}") {
            let mut expected: Vec<&str> = Vec::new();
            for label in list.split(',').map(str::trim) {
                if !label.is_empty() && !expected.contains(&label) {
                    expected.push(label);
                }
            }
            let labels = labels(&list).unwrap();
            prop_assert_eq!(&labels, &expected);
            // Each is one by itself, as filters take it.
            prop_assert!(labels.iter().all(|label| super::labels(label).as_deref() == Ok(std::slice::from_ref(label))));
        }

        #[test]
        fn a_name_stays_as_it_is_in_a_path(name in "[A-Za-z0-9._-]{1,20}|\\PC{0,20}") {
            if check_name(&name).is_ok() {
                let url = format!("http://a/{name}x");
                prop_assert_eq!(url::Url::parse(&url).unwrap().to_string(), url);
            }
        }
    }
}
