//! Names of fields as Go writes them, for JSON.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};

/// The bytes of names and values.
pub(crate) fn fields_size(fields: &HeaderMap) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// The canonical form of a name: the first letter and each one after a hyphen in upper case, the others in lower case.
/// If it is no name of a field, as it is.
pub(crate) fn canonical(name: &str) -> String {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return name.to_owned();
    }
    let mut begins = true;
    name.chars()
        .map(|c| {
            let c = if begins { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            begins = c == '-';
            c
        })
        .collect()
}

/// Fields by their canonical names. Bytes of a value that are not UTF-8 become U+FFFD.
pub(crate) fn field_lists(fields: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut lists = BTreeMap::new();
    for (name, value) in fields {
        let list: &mut Vec<String> = lists.entry(canonical(name.as_str())).or_default();
        list.push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    #[test]
    fn as_go_writes_them() {
        for (name, expected) in [
            ("content-type", "Content-Type"),
            ("TEST-HEADER", "Test-Header"),
            ("x--y", "X--Y"),
            ("etag", "Etag"),
            ("x-1a-b", "X-1a-B"),
            ("x_a-b", "X_a-B"),
            ("no name", "no name"),
            ("", ""),
            ("n\u{e4}me", "n\u{e4}me"),
        ] {
            assert_eq!(canonical(name), expected);
        }
        let mut fields = HeaderMap::new();
        fields.append(HeaderName::from_static("test-header"), HeaderValue::from_static("a"));
        fields.append(HeaderName::from_static("test-header"), HeaderValue::from_bytes(b"b\xff").unwrap());
        assert_eq!(
            field_lists(&fields),
            BTreeMap::from([("Test-Header".into(), vec!["a".into(), "b\u{fffd}".into()])])
        );
    }

    proptest! {
        #[test]
        fn a_canonical_name_is_the_same_name(name in "[!#$a-zA-Z0-9_-]{1,20}|\\PC{0,20}") {
            let canonical_name = canonical(&name);
            prop_assert!(canonical_name.eq_ignore_ascii_case(&name));
            prop_assert_eq!(canonical(&canonical_name), canonical_name);
        }
    }
}
