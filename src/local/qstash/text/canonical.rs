//! Names of fields as Go writes them, for JSON.

use std::collections::BTreeMap;

use http::HeaderMap;

/// The canonical form of a name: the first letter and each one after a hyphen in upper case, the others in lower case.
pub(crate) fn canonical(name: &str) -> String {
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
    use http::{HeaderName, HeaderValue};

    #[test]
    fn as_go_writes_them() {
        for (name, expected) in [
            ("content-type", "Content-Type"),
            ("TEST-HEADER", "Test-Header"),
            ("x--y", "X--Y"),
            ("etag", "Etag"),
            ("x-1a-b", "X-1a-B"),
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
}
