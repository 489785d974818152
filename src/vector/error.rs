//! Errors from the service's answers.

use crate::{Error, ErrorKind, client::RestResponse};
use std::{borrow::Cow, error::Error as StdError, fmt};

/// Why Vector refused a call that was well-formed.
///
/// It is the source of an error of the kind [`InvalidInput`](crate::ErrorKind::InvalidInput),
/// [`NotFound`](crate::ErrorKind::NotFound) or [`Refused`](crate::ErrorKind::Refused).
///
/// ```no_run
/// use axum_upstash::vector::{Index, Query, VectorRefusal};
///
/// # async fn run(index: Index) {
/// if let Err(error) = index.query(Query::dense([0.1, 0.2])).await
///     && let Some(VectorRefusal::DimensionMismatch { expected, .. }) = VectorRefusal::of(&error)
/// {
///     eprintln!("the index has {expected} dimensions: is it the one of this model?");
/// }
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VectorRefusal {
    /// A dense vector has another dimension than the index.
    DimensionMismatch {
        /// The dimension of the vector.
        got: usize,
        /// The dimension of the index.
        expected: usize,
    },
    /// A filter cannot be read.
    InvalidFilter {
        /// The line, from 1.
        line: usize,
        /// The column, from 0.
        column: usize,
        /// The fault, in the words of the service. It may have parts of the filter.
        detail: String,
    },
    /// The index has no embedding model, and so takes no texts.
    NoEmbeddingModel,
    /// The index is dense or hybrid, and a dense vector is missing; or it is dense, and a sparse vector was given.
    RequiresDense,
    /// The index is sparse or hybrid, and a sparse vector is missing; or it is sparse, and a dense vector was given.
    RequiresSparse,
    /// There is no such namespace.
    NamespaceNotFound,
}

impl VectorRefusal {
    /// The refusal that an error of a call is about, if there is one.
    #[must_use]
    pub fn of(error: &Error) -> Option<&Self> {
        let mut source = error.source();
        while let Some(error) = source {
            match error.downcast_ref() {
                Some(refusal) => return Some(refusal),
                None => source = error.source(),
            }
        }
        None
    }

    fn of_text(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("Invalid vector dimension: ") {
            let (got, rest) = rest.split_once(", expected: ")?;
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            return Some(Self::DimensionMismatch { got: got.parse().ok()?, expected: digits.parse().ok()? });
        }
        if let Some(rest) = text.strip_prefix("Invalid filter. At line ") {
            let (place, detail) = rest.split_once(' ')?;
            let (line, column) = place.split_once(':')?;
            let (line, column) = (line.parse().ok()?, column.parse().ok()?);
            return Some(Self::InvalidFilter { line, column, detail: detail.to_owned() });
        }
        let known = [
            ("Embedding data for this index is not allowed", Self::NoEmbeddingModel),
            ("This index requires dense vectors", Self::RequiresDense),
            ("This index requires sparse vectors", Self::RequiresSparse),
        ];
        let is_namespace = text.starts_with("Namespace ") && text.ends_with(" does not exist");
        let found = known.into_iter().find(|(start, _)| text.starts_with(start)).map(|(_, refusal)| refusal);
        found.or(is_namespace.then_some(Self::NamespaceNotFound))
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::DimensionMismatch { .. } | Self::InvalidFilter { .. } => ErrorKind::InvalidInput,
            Self::NoEmbeddingModel | Self::RequiresDense | Self::RequiresSparse => ErrorKind::Refused,
            Self::NamespaceNotFound => ErrorKind::NotFound,
        }
    }
}

/// Without parts of what was sent.
impl fmt::Display for VectorRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DimensionMismatch { got, expected } => {
                write!(f, "the vector has {got} dimensions, and the index {expected}")
            }
            Self::InvalidFilter { line, column, detail } => {
                // The fault comes first: quotes after it are of the filter, or of the grammar.
                let fault = detail.split('\'').next().unwrap_or_default().trim().trim_end_matches(" at:");
                write!(f, "the filter cannot be read at line {line}, column {column}: {fault}")
            }
            Self::NoEmbeddingModel => f.write_str(
                "the index has no embedding model: send vectors, or create one with a model for each of its vectors",
            ),
            Self::RequiresDense => f.write_str(
                "the index requires dense vectors: a hybrid one takes both vectors of a record, and a dense one no other",
            ),
            Self::RequiresSparse => f.write_str(
                "the index requires sparse vectors: a hybrid one takes both vectors of a record, and a sparse one no other",
            ),
            Self::NamespaceNotFound => f.write_str("the namespace does not exist"),
        }
    }
}

impl fmt::Debug for VectorRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VectorRefusal({self})")
    }
}

impl StdError for VectorRefusal {}

/// The error of a value that cannot be sent.
pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

/// The error of an answer that is no success.
pub(super) fn from_response(response: &RestResponse) -> Error {
    let text = response.reason();
    let refusal = text.as_deref().and_then(VectorRefusal::of_text);
    let kind = match (response.status.as_u16(), &refusal) {
        (_, Some(refusal)) => refusal.kind(),
        (401, _) => ErrorKind::Unauthorized,
        // `Exceeded daily write limit: 10000`, until midnight; and the limits of the plan, which no time lifts.
        (403, _) => match text.as_deref() {
            Some(text) if text.starts_with("Exceeded daily ") => ErrorKind::QuotaExceeded,
            Some(text) if text.starts_with("Exceeded ") => ErrorKind::LimitExceeded,
            _ => ErrorKind::Forbidden,
        },
        (404, _) => ErrorKind::NotFound,
        (413, _) => ErrorKind::LimitExceeded,
        (429, _) => ErrorKind::RateLimited,
        (500.., _) => ErrorKind::Server,
        _ if text.as_deref().is_some_and(|text| text.starts_with("Exceeded max ")) => ErrorKind::LimitExceeded,
        _ => ErrorKind::Refused,
    };
    let message = match &refusal {
        Some(refusal) => refusal.to_string(),
        None => text.unwrap_or_else(|| "the service answered with an error and no reason".to_owned()),
    };
    let error = Error::new(kind, message).with_status(response.status).with_retry_after(response.retry_after());
    match refusal {
        Some(refusal) => error.with_source(refusal),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode, Version};

    fn answer(status: u16, body: &str) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        let body = bytes::Bytes::copy_from_slice(body.as_bytes());
        from_response(&RestResponse { version: Version::HTTP_11, status, headers: HeaderMap::new(), body })
    }

    #[test]
    fn refusals_are_told_apart() {
        use ErrorKind::{
            Forbidden, InvalidInput, LimitExceeded, NotFound, QuotaExceeded, RateLimited, Refused, Server, Unauthorized,
        };
        let dimension = VectorRefusal::DimensionMismatch { got: 2, expected: 256 };
        let detail = "token recognition error at: '['".to_owned();
        let filter = VectorRefusal::InvalidFilter { line: 1, column: 24, detail };
        for (status, text, kind, refusal) in [
            (401, "Unauthorized: Invalid auth token", Unauthorized, None),
            (403, "Exceeded daily write limit: 10000", QuotaExceeded, None),
            (403, "Exceeded namespace limit: 100", LimitExceeded, None),
            (403, "Forbidden", Forbidden, None),
            (404, "Namespace ns for the index i does not exist", NotFound, Some(VectorRefusal::NamespaceNotFound)),
            (404, "there is no such endpoint", NotFound, None),
            (422, "Invalid vector dimension: 2, expected: 256", InvalidInput, Some(dimension.clone())),
            (422, "Invalid vector dimension: 2, expected: 256 (item 3)", InvalidInput, Some(dimension)),
            (422, "Invalid vector dimension: ?", Refused, None),
            (422, "Invalid filter. At line 1:24 token recognition error at: '['", InvalidInput, Some(filter)),
            (422, "This index requires sparse vectors", Refused, Some(VectorRefusal::RequiresSparse)),
            (422, "Exceeded max metadata size: 50000", LimitExceeded, None),
            (422, "something else", Refused, None),
            (429, "too many", RateLimited, None),
            (500, "oops", Server, None),
        ] {
            let error = answer(status, &serde_json::json!({"error": text, "status": status}).to_string());
            assert_eq!((error.kind(), VectorRefusal::of(&error)), (kind, refusal.as_ref()), "{text}");
        }
    }

    #[test]
    fn messages_have_no_part_of_a_filter() {
        let error =
            answer(422, r#"{"error": "Invalid filter. At line 1:9 extraneous input 'secret' expecting <EOF>"}"#);
        assert_eq!(error.to_string(), "the filter cannot be read at line 1, column 9: extraneous input (HTTP 422)");
    }

    #[test]
    fn pages_of_gateways_are_survived() {
        for body in ["<html>504 Gateway Time-out</html>", "", "null", "[]", r#"{"error": 1}"#] {
            let error = answer(504, body);
            assert_eq!(error.to_string(), "the service answered with an error and no reason (HTTP 504)");
            assert!(error.is_outage());
        }
    }
}
