use std::{borrow::Cow, fmt};

use http::Method;

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

    /// Something in the request cannot be right (400).
    pub(crate) fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, text)
    }

    /// The token or the plan does not allow it (403).
    pub(crate) fn forbidden(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(403, text)
    }

    /// There is no such thing (404).
    pub(crate) fn not_found(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(404, text)
    }

    /// There is nothing at that path (404).
    pub(crate) fn no_endpoint() -> Self {
        Self::not_found("there is no such endpoint")
    }

    /// There is something at that path, which knows no such method (405).
    pub(crate) fn method(method: &Method) -> Self {
        Self::new(405, format!("method {method} is not allowed"))
    }

    /// The plan allows no more of it (412).
    pub(crate) fn over_quota(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(412, text)
    }

    /// The request is well-formed, and cannot be carried out as it is (422).
    pub(crate) fn unprocessable(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(422, text)
    }

    /// The same for an endpoint of a workflow, which takes 400 for the end of the run (412).
    pub(crate) fn of_run(self) -> Self {
        if self.status == 400 { Self::over_quota(self.text) } else { self }
    }

    /// The same, of one of several items.
    pub(crate) fn of_item(self, at: usize) -> Self {
        Self::new(self.status, format!("{} (item {at})", self.text))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
