use bytes::Bytes;
use http::HeaderMap;

use crate::local::qstash::text::fields_size;

/// What came of an attempt.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// The status of the response; 0 if there was none.
    pub(crate) status: u16,
    /// The fields of the response.
    pub(crate) headers: HeaderMap,
    /// The begin of the response's body, as far as it is kept.
    pub(crate) body: Bytes,
    /// Why there was no whole response.
    pub(crate) error: Option<String>,
}

impl Outcome {
    /// An attempt without a response.
    pub(crate) fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        self.body.len() + fields_size(&self.headers)
    }

    /// Whether the message is delivered: by a status of 200 to 299.
    pub(crate) fn is_success(&self) -> bool {
        self.error.is_none() && (200..300).contains(&self.status)
    }

    /// Whether the destination asks for no further attempt: status 489 with `Upstash-NonRetryable-Error: true`.
    pub(crate) fn is_final(&self) -> bool {
        let says_so = self.headers.get("upstash-nonretryable-error");
        self.status == 489 && says_so.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, nonretryable: Option<&'static str>) -> Outcome {
        let mut outcome = Outcome { status, ..Outcome::default() };
        if let Some(value) = nonretryable {
            outcome.headers.insert("upstash-nonretryable-error", value.parse().unwrap());
        }
        outcome
    }

    #[test]
    fn only_a_status_of_200_to_299_delivers() {
        for (status, expected) in [(199, false), (200, true), (299, true), (300, false), (404, false), (500, false)] {
            assert_eq!(answer(status, None).is_success(), expected, "{status}");
        }
        let broken = Outcome { error: Some("broke off".into()), ..answer(200, None) };
        assert!(!broken.is_success() && !Outcome::failed("refused").is_success());
    }

    #[test]
    fn a_status_of_489_is_final_if_a_field_says_so() {
        assert!(answer(489, Some("true")).is_final() && answer(489, Some("True")).is_final());
        for (status, value) in [(489, None), (489, Some("false")), (500, Some("true")), (200, Some("true"))] {
            assert!(!answer(status, value).is_final(), "{status} {value:?}");
        }
    }
}
