use std::fmt::{self, Write};

use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

/// The fields and the body of a message that are not shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Redaction {
    hides_body: bool,
    hides_all_fields: bool,
    hidden_fields: Vec<HeaderName>,
}

/// A list that names something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidRedaction;

impl fmt::Display for InvalidRedaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upstash-Redact-Fields should be a list of body, header and header[Name]")
    }
}

impl std::error::Error for InvalidRedaction {}

impl Redaction {
    /// Reads a list of `body`, `header` and `header[Name]`.
    pub(crate) fn parse(list: &str) -> Result<Self, InvalidRedaction> {
        let mut redaction = Self::default();
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let name = item.strip_prefix("headers").or_else(|| item.strip_prefix("header")).map(str::trim);
            match (item, name) {
                ("body", _) => redaction.hides_body = true,
                (_, Some("")) => redaction.hides_all_fields = true,
                (_, Some(name)) => {
                    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).map(str::trim);
                    let name = name.and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok());
                    redaction.hidden_fields.push(name.ok_or(InvalidRedaction)?);
                }
                _ => return Err(InvalidRedaction),
            }
        }
        Ok(redaction)
    }

    /// The redaction of the callback of a message: that of the callback itself, that of the message, and the body, which
    /// has fields and body of the message in it.
    pub(crate) fn of_callback(&self, own: Option<&Self>) -> Self {
        let mut both = own.cloned().unwrap_or_default();
        both.hides_body = true;
        both.hides_all_fields |= self.hides_all_fields;
        both.hidden_fields.extend(self.hidden_fields.iter().cloned());
        both
    }

    /// The fields as they are shown.
    pub(crate) fn fields(&self, fields: &HeaderMap) -> HeaderMap {
        let mut shown = fields.clone();
        for (name, value) in shown.iter_mut() {
            if (self.hides_all_fields || self.hidden_fields.contains(name))
                && let Ok(hidden) = HeaderValue::try_from(hidden(value.as_bytes()))
            {
                *value = hidden;
            }
        }
        shown
    }

    /// The placeholder of a body that is not shown.
    pub(crate) fn body(&self, body: &[u8]) -> Option<String> {
        self.hides_body.then(|| hidden(body))
    }
}

/// The text that is shown in the place of a value: its hash.
fn hidden(value: &[u8]) -> String {
    let mut text = "REDACTED:".to_owned();
    for byte in Sha256::digest(value) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_the_body_all_fields_or_some() {
        let field = |name| HeaderName::from_static(name);
        for (list, hides_body, hides_all_fields, hidden_fields) in [
            ("body", true, false, vec![]),
            ("header", false, true, vec![]),
            ("headers, body", true, true, vec![]),
            ("body,header[Authorization]", true, false, vec![field("authorization")]),
            ("headers[ X-A ],header [x-b]", false, false, vec![field("x-a"), field("x-b")]),
            ("", false, false, vec![]),
        ] {
            let expected = Redaction { hides_body, hides_all_fields, hidden_fields };
            assert_eq!(Redaction::parse(list), Ok(expected), "{list}");
        }
        for list in ["bodies", "header[", "header[]", "header[a b]", "headerX", "url", "header[a]b"] {
            assert_eq!(Redaction::parse(list), Err(InvalidRedaction), "{list}");
        }
    }

    #[test]
    fn shows_hashes_in_the_place_of_values() {
        let fields: HeaderMap = [("x-a", "hello"), ("x-b", "open")]
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .into_iter()
            .collect();
        let hash = "REDACTED:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let shown = Redaction::parse("header[x-a]").unwrap().fields(&fields);
        assert_eq!(
            (&shown["x-a"], &shown["x-b"]),
            (&HeaderValue::from_static(hash), &HeaderValue::from_static("open"))
        );
        assert_eq!(Redaction::parse("body").unwrap().body(b"hello").as_deref(), Some(hash));
        assert_eq!(Redaction::default().body(b"hello"), None);
    }

    proptest! {
        #[test]
        fn a_named_field_never_shows_its_value(
            name in "[A-Za-z][A-Za-z0-9-]{0,10}",
            (word, before, after) in ("headers?", "[ ]{0,2}", "[ ]{0,2}"),
            value in "secret[ -~]{0,20}",
        ) {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            let list = format!("{before}{word}{before}[{after}{}{after}]", name.as_str().to_uppercase());
            let fields = HeaderMap::from_iter([
                (name.clone(), HeaderValue::from_str(&value).unwrap()),
                (HeaderName::from_static("x_other"), HeaderValue::from_static("shown")),
            ]);
            let shown = Redaction::parse(&list).unwrap().fields(&fields);
            prop_assert!(!shown[&name].to_str().unwrap().contains("secret"));
            prop_assert_eq!(&shown["x_other"], "shown");
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}|((body|headers?)[ \\[\\]a-z,]{0,6}){0,4}") {
            let _ = Redaction::parse(&text);
        }
    }
}
