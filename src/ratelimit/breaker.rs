use crate::{Error, ErrorKind, http::Deadline};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

/// After so many failures in a row the store is left alone.
const FAILURES: u32 = 5;
/// For so long; then one request asks it again.
const PAUSE: Duration = Duration::from_secs(1);

/// Spares requests the wait for a store that does not answer.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Whether there is anything in `state` to look at.
    troubled: AtomicU8,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// The store is left alone until then.
    closed_again: Option<Deadline>,
    /// Somebody is asking whether it is back.
    trial: bool,
    /// Why it is left alone.
    error: Option<Error>,
    /// No more lines in the log until then.
    quiet: Option<Deadline>,
}

/// Permission to ask the store. What came of it has to be said; a request that is given up says nothing, and leaves
/// the question to the next one.
#[derive(Debug)]
#[must_use]
pub(super) struct Attempt<'a> {
    breaker: &'a Breaker,
    trial: bool,
}

/// What a failure means for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The store begins to fail.
    First,
    /// It failed so often that it is left alone now.
    Opened,
    /// More of the same.
    More,
}

impl Breaker {
    /// Whether the store may be asked now.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn attempt(&self) -> Result<Attempt<'_>, Error> {
        let mut trial = false;
        if self.troubled.load(Ordering::Acquire) != 0 {
            let mut state = self.lock();
            if let Some(until) = state.closed_again {
                if state.trial || !until.remaining().is_zero() {
                    let gone = || Error::new(ErrorKind::Connect, "the rate limit store is left alone");
                    return Err(state.error.clone().unwrap_or_else(gone));
                }
                state.trial = true;
                trial = true;
            }
        }
        Ok(Attempt { breaker: self, trial })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The store answered. Says whether that ends a time in which it did not.
    pub(super) fn succeeded(self) -> bool {
        if self.breaker.troubled.load(Ordering::Acquire) == 0 {
            return false;
        }
        let mut state = self.breaker.lock();
        // An answer that was on its way when others gave up does not say that the store is back.
        if state.closed_again.is_some() && !self.trial {
            return false;
        }
        let was_open = state.closed_again.is_some();
        *state = State { quiet: state.quiet, ..State::default() };
        self.breaker.troubled.store(0, Ordering::Release);
        was_open
    }

    /// There is no answer, or an error for one; the log says so once, and not with every request.
    pub(super) fn failed_with(self, error: &Error, what: &'static str) {
        let outage = matches!(
            error.kind(),
            ErrorKind::Timeout | ErrorKind::Connect | ErrorKind::Interrupted | ErrorKind::Server
        );
        // Of whoever asked; the log and the others need not know.
        let error = &error.clone().without_key();
        match if outage { self.failed(error) } else { self.refused() } {
            Trouble::First => tracing::warn!(%error, "{what}"),
            Trouble::Opened => tracing::warn!(%error, "{what}, again and again; it is left alone for now"),
            Trouble::More => tracing::debug!(%error, "{what}"),
        }
    }

    /// The store did not answer.
    fn failed(self, error: &Error) -> Trouble {
        let mut state = self.breaker.lock();
        state.error = Some(error.clone());
        self.breaker.troubled.store(1, Ordering::Release);
        state.failures = state.failures.saturating_add(1);
        let (first, open) = (state.failures == 1, state.closed_again.is_some());
        if self.trial || (!open && state.failures >= FAILURES) {
            state.closed_again = Some(Deadline::after(PAUSE));
        }
        match (open, state.closed_again.is_some()) {
            (false, true) => Trouble::Opened,
            _ if first => Trouble::First,
            _ => Trouble::More,
        }
    }
}

impl Attempt<'_> {
    /// The store answered with an error: it is there, and one line a second says what is wrong.
    fn refused(self) -> Trouble {
        let breaker = self.breaker;
        self.succeeded();
        let mut state = breaker.lock();
        if state.quiet.is_some_and(|until| !until.remaining().is_zero()) {
            return Trouble::More;
        }
        state.quiet = Some(Deadline::after(PAUSE));
        Trouble::First
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.breaker.lock().trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> Error {
        Error::new(ErrorKind::Timeout, "late")
    }

    fn fail(breaker: &Breaker, times: u32) -> Vec<Trouble> {
        (0..times).map(|_| breaker.attempt().unwrap().failed(&error())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_and_lets_one_try() {
        let breaker = Breaker::default();
        assert_eq!(fail(&breaker, 4)[..2], [Trouble::First, Trouble::More]);
        assert!(!breaker.attempt().unwrap().succeeded());
        assert_eq!(fail(&breaker, FAILURES).last(), Some(&Trouble::Opened));
        assert!(breaker.attempt().is_err());
        tokio::time::advance(PAUSE).await;
        let trial = breaker.attempt().unwrap();
        assert!(breaker.attempt().is_err(), "one at a time");
        assert_eq!(trial.failed(&error()), Trouble::More);
        assert!(breaker.attempt().is_err(), "a failed trial begins the pause anew");
        tokio::time::advance(PAUSE).await;
        assert!(breaker.attempt().unwrap().succeeded());
        assert!(breaker.attempt().is_ok() && breaker.attempt().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_is_given_up_leaves_the_question_to_the_next() {
        let breaker = Breaker::default();
        let late = breaker.attempt().unwrap();
        fail(&breaker, FAILURES);
        assert!(!late.succeeded(), "an old answer does not close it");
        assert!(breaker.attempt().is_err());
        tokio::time::advance(PAUSE).await;
        drop(breaker.attempt().unwrap());
        assert!(breaker.attempt().unwrap().succeeded());
    }
}
