use std::{borrow::Cow, fmt};

/// An answer other than success, with the service's text if it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) text: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into() }
    }

    /// The request is no JSON, or not of the form that every call has (400).
    pub(crate) fn malformed(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, text)
    }

    /// The request is well-formed, and cannot be carried out as it is (422).
    pub(crate) fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(422, text)
    }

    /// There is no such thing (404).
    pub(crate) fn not_found(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(404, text)
    }

    /// The token or the plan does not allow it (403).
    pub(crate) fn forbidden(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(403, text)
    }

    /// The same refusal, of one of several items.
    pub(crate) fn of_item(self, at: usize) -> Self {
        Self { status: self.status, text: format!("{} (item {at})", self.text).into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
