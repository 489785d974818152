use crate::{
    Error, ErrorKind,
    http::{Deadline, timeout},
};
use std::{
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The number of failures in a row that opens the circuit.
const FAILURES: u32 = 5;
/// The time for which it stays open. Then one call tries the store.
const PAUSE: Duration = Duration::from_secs(1);

/// A circuit breaker: spares requests the wait for a store that does not answer.
///
/// After five failures in a row the circuit is open for a second, and calls fail at once. Then one call tries the store:
/// its success closes the circuit, its failure opens it for another second. Only a store that does not work counts, not
/// one that refuses a command.
///
/// Clones are the same circuit. Each store has one, which everything that uses the store shares: limits, sessions and
/// cached responses in one Redis database stop asking it together. A store of your own hands its breaker to the layers by
/// `breaker()` of its trait; without one, each layer has its own.
///
/// ```
/// use axum_upstash::CircuitBreaker;
///
/// let breaker = CircuitBreaker::new();
/// assert!(!breaker.is_open());
/// ```
#[derive(Clone, Default)]
pub struct CircuitBreaker(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whether there is anything in `state` to look at.
    is_troubled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// The circuit is open until then.
    open_until: Option<Deadline>,
    /// A call is trying whether the store is back.
    half_open: bool,
    /// The last failure.
    error: Option<Error>,
    /// No more lines in the log until then.
    quiet_until: Option<Deadline>,
}

/// Permission to call the store. The caller says what came of it; a call that is given up says nothing, and leaves the
/// question to the next one.
#[derive(Debug)]
#[must_use]
pub(crate) struct CallPermit<'a> {
    breaker: &'a CircuitBreaker,
    half_open: bool,
}

/// What a failure means for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The store begins to fail.
    First,
    /// The circuit opens.
    Opened,
    /// More of the same.
    More,
}

impl CircuitBreaker {
    /// A closed circuit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether calls fail at once.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let is_open = |state: &State| state.open_until.is_some_and(|until| !until.remaining().is_zero());
        self.is_troubled() && is_open(&self.lock())
    }

    /// Calls the store, for no longer than `limit`. `store` is its name in the log.
    ///
    /// # Errors
    /// Those of the call; a timeout; the last failure while the circuit is open.
    pub(crate) async fn call<T>(
        &self,
        store: &'static str,
        limit: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.permit()?.call(store, limit, call).await
    }

    /// Permission for one call.
    ///
    /// # Errors
    /// The last failure while the circuit is open.
    pub(crate) fn permit(&self) -> Result<CallPermit<'_>, Error> {
        let mut half_open = false;
        if self.is_troubled() {
            let mut state = self.lock();
            if let Some(until) = state.open_until {
                if state.half_open || !until.remaining().is_zero() {
                    let open =
                        || Error::new(ErrorKind::Connect, "the store failed again and again: the circuit is open");
                    return Err(state.error.clone().unwrap_or_else(open));
                }
                state.half_open = true;
                half_open = true;
            }
        }
        Ok(CallPermit { breaker: self, half_open })
    }

    fn is_troubled(&self) -> bool {
        self.0.is_troubled.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("is_open", &self.is_open()).finish()
    }
}

impl CallPermit<'_> {
    /// Calls the store, for no longer than `limit`, and says what came of it.
    ///
    /// # Errors
    /// Those of the call, and a timeout.
    pub(crate) async fn call<T>(
        self,
        store: &'static str,
        limit: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let result = timeout(limit, call).await.unwrap_or_else(|_| Err(late(store)));
        match &result {
            Ok(_) => self.succeeded(store),
            Err(error) => self.failed(error, store),
        }
        result
    }

    /// The store answered; the log says so if that closes the circuit.
    pub(crate) fn succeeded(self, store: &'static str) {
        if self.close() {
            tracing::info!("the {store} answers again: circuit closed");
        }
    }

    /// There is no answer, or an error for one; the log says so once, and not with every request.
    pub(crate) fn failed(self, error: &Error, store: &'static str) {
        // The key names a client, and the error is told to others.
        let error = &error.clone().without_key();
        match if is_failure(error) { self.count(error) } else { self.refused() } {
            Trouble::First => tracing::warn!(%error, "the {store} cannot be asked"),
            Trouble::Opened => {
                tracing::warn!(%error, "the {store} cannot be asked: circuit open for {PAUSE:?}");
            }
            Trouble::More => tracing::debug!(%error, "the {store} cannot be asked"),
        }
    }

    /// Whether that ends a time in which the store did not answer.
    fn close(self) -> bool {
        if !self.breaker.is_troubled() {
            return false;
        }
        let mut state = self.breaker.lock();
        // An answer that was on its way when others gave up does not say that the store is back.
        if state.open_until.is_some() && !self.half_open {
            return false;
        }
        let was_open = state.open_until.is_some();
        *state = State { quiet_until: state.quiet_until, ..State::default() };
        self.breaker.0.is_troubled.store(false, Ordering::Release);
        was_open
    }

    fn count(self, error: &Error) -> Trouble {
        let mut state = self.breaker.lock();
        state.error = Some(error.clone());
        self.breaker.0.is_troubled.store(true, Ordering::Release);
        state.failures = state.failures.saturating_add(1);
        let (is_first, was_open) = (state.failures == 1, state.open_until.is_some());
        if self.half_open || (!was_open && state.failures >= FAILURES) {
            state.open_until = Some(Deadline::after(PAUSE));
        }
        match (was_open, state.open_until.is_some()) {
            (false, true) => Trouble::Opened,
            _ if is_first => Trouble::First,
            _ => Trouble::More,
        }
    }

    /// The store answered with an error: it is there, and one line a second says what is wrong.
    fn refused(self) -> Trouble {
        let breaker = self.breaker;
        self.close();
        let mut state = breaker.lock();
        if state.quiet_until.is_some_and(|until| !until.remaining().is_zero()) {
            return Trouble::More;
        }
        state.quiet_until = Some(Deadline::after(PAUSE));
        Trouble::First
    }
}

/// The error of a store that did not answer in time.
pub(crate) fn late(store: &str) -> Error {
    Error::new(ErrorKind::Timeout, format!("the {store} did not answer in time"))
}

fn is_failure(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Connect | ErrorKind::Interrupted | ErrorKind::Server)
}

impl Drop for CallPermit<'_> {
    fn drop(&mut self) {
        if self.half_open {
            self.breaker.lock().half_open = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> Error {
        Error::new(ErrorKind::Timeout, "late")
    }

    fn fail(breaker: &CircuitBreaker, times: u32) -> Vec<Trouble> {
        (0..times).map(|_| breaker.permit().unwrap().count(&error())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_and_lets_one_try() {
        let breaker = CircuitBreaker::new();
        assert_eq!(fail(&breaker, 4)[..2], [Trouble::First, Trouble::More]);
        assert!(!breaker.permit().unwrap().close());
        assert_eq!(fail(&breaker, FAILURES).last(), Some(&Trouble::Opened));
        assert!(breaker.permit().is_err() && breaker.is_open());
        tokio::time::advance(PAUSE).await;
        let trial = breaker.permit().unwrap();
        assert!(breaker.permit().is_err(), "one at a time");
        assert_eq!(trial.count(&error()), Trouble::More);
        assert!(breaker.permit().is_err(), "a failed trial begins the pause anew");
        tokio::time::advance(PAUSE).await;
        assert!(breaker.permit().unwrap().close());
        assert!(breaker.permit().is_ok() && breaker.permit().is_ok() && !breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_is_given_up_leaves_the_question_to_the_next() {
        let breaker = CircuitBreaker::new();
        let late = breaker.permit().unwrap();
        fail(&breaker, FAILURES);
        assert!(!late.close(), "an old answer does not close it");
        assert!(breaker.permit().is_err());
        tokio::time::advance(PAUSE).await;
        drop(breaker.permit().unwrap());
        assert!(breaker.permit().unwrap().close());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_late_counts_and_one_that_is_refused_does_not() {
        let breaker = CircuitBreaker::new();
        let second = Duration::from_secs(1);
        for _ in 0..20 {
            let refused = async { Err::<(), _>(Error::new(ErrorKind::WrongType, "no")) };
            assert_eq!(breaker.call("store", second, refused).await.unwrap_err().kind(), ErrorKind::WrongType);
        }
        for _ in 0..FAILURES {
            let silent = std::future::pending::<Result<(), Error>>();
            assert_eq!(breaker.call("store", second, silent).await.unwrap_err().kind(), ErrorKind::Timeout);
        }
        assert!(breaker.is_open());
    }
}
