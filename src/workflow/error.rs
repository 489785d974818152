use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

/// Any error, as functions and steps return it.
pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// An error that says whether, and when, a step or a function is tried again. Any other error is tried again as often as
/// the run allows.
///
/// ```
/// use axum_upstash::workflow::WorkflowError;
/// use std::time::Duration;
///
/// let gone = WorkflowError::non_retryable("there is no such order");
/// let busy = WorkflowError::retry_after("the bank is busy", Duration::from_secs(60));
/// assert_eq!(gone.to_string(), "there is no such order");
/// # let _ = busy;
/// ```
#[derive(Debug)]
pub struct WorkflowError {
    message: Cow<'static, str>,
    source: Option<BoxError>,
    retry: Retry,
}

/// What QStash does after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Yes,
    Never,
    After(Duration),
}

impl WorkflowError {
    /// An error after which the run fails at once, without retries.
    #[must_use]
    pub fn non_retryable(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), source: None, retry: Retry::Never }
    }

    /// An error after which the next try is so much later, a day at the most. It counts as one of the retries.
    #[must_use]
    pub fn retry_after(message: impl Into<Cow<'static, str>>, time: Duration) -> Self {
        Self { message: message.into(), source: None, retry: Retry::After(time) }
    }

    /// Adds the error behind it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for WorkflowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for WorkflowError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The word of the protocol for an error after which no other try is made.
const NON_RETRYABLE: &str = "WorkflowNonRetryableError";

/// Why a delivery failed, as its answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The kind of the error: a word of the protocol.
    pub(super) name: &'static str,
    pub(super) message: String,
    /// The step that failed.
    pub(super) step: Option<String>,
    pub(super) retry: Retry,
}

impl Failure {
    /// An error of the endpoint itself: wrong use, or a delivery that does not fit.
    pub(super) fn of_endpoint(message: impl Into<String>) -> Self {
        Self { name: "WorkflowError", message: message.into(), step: None, retry: Retry::Yes }
    }

    /// An error that the application returned.
    pub(super) fn of_application(error: &(dyn StdError + 'static), step: Option<&str>) -> Self {
        let mut cause = Some(error);
        let mut retry = Retry::Yes;
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<WorkflowError>() {
                retry = error.retry;
                break;
            }
            cause = error.source();
        }
        let name = match retry {
            Retry::Yes => "Error",
            Retry::Never => NON_RETRYABLE,
            Retry::After(_) => "WorkflowRetryAfterError",
        };
        Self { name, message: error.to_string(), step: step.map(str::to_owned), retry }
    }

    /// The same, after which no other try is made.
    pub(super) fn for_good(mut self) -> Self {
        (self.retry, self.name) = (Retry::Never, NON_RETRYABLE);
        self
    }

    pub(super) fn at_step(mut self, step: &str) -> Self {
        self.step = Some(step.to_owned());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Wrapped(WorkflowError);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("charging failed")
        }
    }

    impl StdError for Wrapped {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn an_error_decides_from_inside_of_others() {
        let failure = Failure::of_application(&Wrapped(WorkflowError::non_retryable("no card")), Some("charge"));
        assert_eq!((failure.retry, &*failure.message), (Retry::Never, "charging failed"));
        assert_eq!((failure.name, failure.step.as_deref()), ("WorkflowNonRetryableError", Some("charge")));
        let failure = Failure::of_application(&std::io::Error::other("down"), None);
        assert_eq!((failure.retry, failure.name), (Retry::Yes, "Error"));
    }
}
