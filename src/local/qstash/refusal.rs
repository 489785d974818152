use std::{borrow::Cow, fmt};

use http::Method;

/// An answer other than success, with the service's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) text: Cow<'static, str>,
}

impl Refusal {
    /// Something in the request cannot be right (400).
    pub(crate) fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self { status: 400, text: text.into() }
    }

    /// The same for an endpoint of a workflow, which takes 400 for the end of the run (412).
    pub(crate) fn of_run(self) -> Self {
        if self.status == 400 { Self::over_quota(self.text) } else { self }
    }

    /// There is no such thing (404).
    pub(crate) fn not_found(text: impl Into<Cow<'static, str>>) -> Self {
        Self { status: 404, text: text.into() }
    }

    /// The plan allows no more of it (412).
    pub(crate) fn over_quota(text: impl Into<Cow<'static, str>>) -> Self {
        Self { status: 412, text: text.into() }
    }

    /// There is nothing at that path (404).
    pub(crate) fn no_endpoint() -> Self {
        Self::not_found("there is no such endpoint")
    }

    /// There is something at that path, which knows no such method (405).
    pub(crate) fn method(method: &Method) -> Self {
        Self { status: 405, text: format!("method {method} is not allowed").into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
