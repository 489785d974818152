use super::error::invalid;
use crate::{Error, rt::unix_ms};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{fmt, time::SystemTime};

/// All but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The query of a request: a name may be there several times. The first value that cannot be sent is its problem.
#[derive(Clone, Default)]
pub(crate) struct Query {
    pairs: Vec<(&'static str, String)>,
    problem: Option<Error>,
}

impl Query {
    pub(crate) fn push(&mut self, name: &'static str, value: &(impl ToString + ?Sized)) {
        self.pairs.push((name, value.to_string()));
    }

    /// Adds text. The service would read empty text as no filter at all.
    pub(crate) fn push_text(&mut self, name: &'static str, value: &str) {
        if value.trim().is_empty() {
            self.problem.get_or_insert(invalid(format!("the filter {name} is empty")));
        }
        self.push(name, value);
    }

    /// Adds a time in milliseconds.
    pub(crate) fn push_time(&mut self, name: &'static str, time: SystemTime) {
        self.push(name, &unix_ms(time));
    }

    #[cfg(feature = "workflow")]
    pub(crate) fn append(&mut self, other: Self) {
        self.pairs.extend(other.pairs);
        self.problem = self.problem.take().or(other.problem);
    }

    /// Notes that a value cannot be sent.
    #[cfg(feature = "workflow")]
    pub(crate) fn refuse(&mut self, problem: &'static str) {
        self.problem.get_or_insert(invalid(problem));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub(crate) fn checked(&self) -> Result<(), Error> {
        self.problem.clone().map_or(Ok(()), Err)
    }

    /// The path with this query.
    pub(crate) fn after(&self, path: &str) -> String {
        let mut target = path.to_owned();
        for (at, (name, value)) in self.pairs.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.extend(utf8_percent_encode(value, ESCAPED));
        }
        target
    }
}

// By hand: a URL may hold a password.
impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

/// Setters of a filter, which has a field `query`. Most may be called several times.
macro_rules! filter_setters {
    ($($(#[$doc:meta])* $method:ident: $name:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $method(mut self, value: impl AsRef<str>) -> Self {
                self.query.push_text($name, value.as_ref());
                self
            }
        )*

        /// Only those since this time, to the millisecond.
        pub fn from(mut self, time: std::time::SystemTime) -> Self {
            self.query.push_time("fromDate", time);
            self
        }

        /// Only those until this time, to the millisecond.
        pub fn until(mut self, time: std::time::SystemTime) -> Self {
            self.query.push_time("toDate", time);
            self
        }
    };
}
pub(crate) use filter_setters;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_arrive_as_they_are(values in proptest::collection::vec("\\PC*", 1..4)) {
            let mut query = Query::default();
            for value in &values {
                query.push("label", value);
            }
            let url = url::Url::parse(&format!("https://example.com{}", query.after("/v2/logs"))).unwrap();
            prop_assert_eq!(url.path(), "/v2/logs");
            let read: Vec<String> = url.query_pairs().map(|(name, value)| {
                assert_eq!(name, "label");
                value.into_owned()
            }).collect();
            prop_assert_eq!(read, values);
        }
    }

    #[test]
    fn empty_text_is_a_problem() {
        let mut query = Query::default();
        assert!(query.is_empty() && query.checked().is_ok());
        query.push_text("label", "a,b");
        query.push_time("fromDate", crate::rt::from_unix_ms(17));
        assert!(query.checked().is_ok());
        assert_eq!(query.after("/v2/logs"), "/v2/logs?label=a%2Cb&fromDate=17");
        query.push_text("url", " ");
        assert!(query.checked().unwrap_err().to_string().contains("url"));
    }
}
