//! Names of resources. None can be empty: a path without its id is another end point, and
//! `DELETE /v2/messages/` cancels every message.

use super::{error::invalid, wire::StoredId};
use crate::Error;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// All but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $check:ident, $what:literal, $example:literal) => {
        $(#[$doc])*
        ///
        /// ```
        #[doc = concat!("use axum_upstash::qstash::", stringify!($name), ";")]
        ///
        /// # fn main() -> Result<(), axum_upstash::Error> {
        #[doc = concat!("let id = ", stringify!($name), "::new(\"", $example, "\")?;")]
        #[doc = concat!("assert_eq!(id, \"", $example, "\");")]
        #[doc = concat!("assert!(", stringify!($name), "::new(\"\").is_err());")]
        /// # Ok(())
        /// # }
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is empty or cannot be the name of one.
            pub fn new(text: impl Into<String>) -> Result<Self, Error> {
                let text = text.into();
                $check($what, &text)?;
                Ok(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// One segment of a path.
            #[allow(dead_code, reason = "not every kind is in a path")]
            pub(crate) fn segment(&self) -> String {
                utf8_percent_encode(&self.0, ESCAPED).to_string()
            }
        }

        impl StoredId for $name {
            fn from_service(text: String) -> Option<Self> {
                opaque($what, &text).ok().map(|()| Self(text))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Error;

            fn try_from(text: &str) -> Result<Self, Error> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                Self::new(text)
            }
        }

        impl TryFrom<&String> for $name {
            type Error = Error;

            fn try_from(text: &String) -> Result<Self, Error> {
                Self::new(text)
            }
        }

        impl From<&$name> for $name {
            fn from(id: &$name) -> Self {
                id.clone()
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// The id of a message (`msg_…`), which the destination receives as `Upstash-Message-Id`.
    MessageId, opaque, "the id of a message", "msg_26hZCxZCuWyyTWPmSVBrNC1RADwpgWxP"
);
id!(
    /// The id of an entry of the dead letter queue.
    DlqId, opaque, "the id of an entry of the dead letter queue", "1725323658779-0"
);
id!(
    /// The id of a schedule: letters, digits, hyphens, underscores and periods.
    ScheduleId, plain, "the id of a schedule", "scd_6V5xHGrAoQqp1KWUdtpvJLwLXJUK"
);
id!(
    /// The name of a queue: letters, digits, hyphens, underscores and periods.
    QueueName, plain, "the name of a queue", "orders"
);
id!(
    /// The name or the id of a URL group: letters, digits, hyphens, underscores and periods.
    UrlGroupName, plain, "the name of a URL group", "receipts"
);
id!(
    /// The key of a flow control: visible ASCII characters, and spaces inside.
    FlowControlKey, visible, "the key of a flow control", "user:17"
);

fn opaque(what: &str, text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(invalid(format!("{what} is empty")));
    }
    // Dot segments are resolved on the way, and a path is text without control characters.
    if text.bytes().all(|byte| byte == b'.') || text.chars().any(char::is_control) {
        return Err(invalid(format!("{what} cannot be sent in a path")));
    }
    Ok(())
}

fn plain(what: &str, text: &str) -> Result<(), Error> {
    opaque(what, text)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if text.bytes().all(allowed) {
        return Ok(());
    }
    Err(invalid(format!("{what} has letters, digits, hyphens, underscores and periods, and no other characters")))
}

fn visible(what: &str, text: &str) -> Result<(), Error> {
    opaque(what, text)?;
    let is_visible = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if is_visible && text.trim() == text {
        return Ok(());
    }
    Err(invalid(format!("{what} has visible ASCII characters, and no space at its ends")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever an id is, it is one segment of a path, and the service reads it back.
        #[test]
        fn an_id_is_one_segment(text in "\\PC{1,40}") {
            prop_assume!(MessageId::new(&*text).is_ok());
            let segment = MessageId::new(&*text).unwrap().segment();
            let url = url::Url::parse(&format!("https://example.com/v2/messages/{segment}")).unwrap();
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(&segments[..2], ["v2", "messages"]);
            prop_assert_eq!(segments.len(), 3);
            prop_assert_eq!(url.query(), None);
            prop_assert_eq!(url.fragment(), None);
            let read = percent_encoding::percent_decode_str(segments[2]).decode_utf8().unwrap();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn only_blank_and_dots_and_control_characters_are_no_id(text in "[ .\\PC\n\t]{0,3}") {
            let expected = !text.trim().is_empty() && !text.chars().all(|c| c == '.') && !text.chars().any(char::is_control);
            prop_assert_eq!(DlqId::new(&*text).is_ok(), expected);
        }
    }

    #[test]
    fn characters_are_those_that_the_service_allows() {
        for name in ["orders", "a-b_c.d", "A1", "..a"] {
            assert!(QueueName::new(name).is_ok() && ScheduleId::new(name).is_ok() && UrlGroupName::new(name).is_ok());
        }
        for name in ["", " ", ".", "..", "a/b", "a?b", "a b", "\u{fc}", "https://example.com", "a\n"] {
            let error = QueueName::new(name).unwrap_err();
            assert!(error.to_string().starts_with("the name of a queue "), "{error}");
            assert!(ScheduleId::new(name).is_err() && UrlGroupName::new(name).is_err(), "{name}");
        }
        assert!(FlowControlKey::new("user:17 / a").is_ok());
        for key in ["", " a", "a ", "a\u{fc}", "a\nb", ".."] {
            assert!(FlowControlKey::new(key).is_err(), "{key}");
        }
    }

    #[test]
    fn a_name_that_the_service_has_already_may_have_other_characters() {
        let from_service = |text: &str| QueueName::from_service(text.to_owned());
        assert_eq!(from_service("old name/1").unwrap().segment(), "old%20name%2F1");
        assert!(from_service("").is_none() && from_service("..").is_none());
    }

    #[test]
    fn an_id_is_text_in_json_and_checked_when_it_is_read() {
        let id = DlqId::new("1-0").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"1-0\"");
        assert_eq!(serde_json::from_str::<DlqId>("\"1-0\"").unwrap(), id);
        assert!(serde_json::from_str::<DlqId>("\"\"").is_err());
    }

    #[test]
    fn ids_are_escaped() {
        assert_eq!(FlowControlKey::new("a/b?c#d%e f").unwrap().segment(), "a%2Fb%3Fc%23d%25e%20f");
        assert_eq!(MessageId::new("msg_1-2.3~").unwrap().segment(), "msg_1-2.3~");
    }
}
