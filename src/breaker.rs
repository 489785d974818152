use crate::{
    Error, ErrorKind,
    http::{Deadline, timeout},
};
use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The number of failures in a row that opens the circuit.
const FAILURES: usize = 5;
/// The time for which it stays open. Then one call tries the store.
const PAUSE: Duration = Duration::from_secs(1);

/// A circuit breaker: spares requests the wait for a store that does not answer.
///
/// After five failures in a row the circuit is open for a second, and calls fail at once. Then one call tries the store:
/// its success closes the circuit, its failure opens it for another second. Only a store that does not work counts, not
/// one that refuses a command. Timeouts open it for calls that wait no longer than those did: a store that is too slow for
/// a cache may be fast enough for a session.
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
    /// The last failures in a row, by how long each has waited; a store that cannot be reached fails for every wait.
    failures: VecDeque<Duration>,
    /// The circuit is open until then, for calls that wait no longer than this.
    open_until: Option<(Deadline, Duration)>,
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
    limit: Duration,
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

    /// Whether calls fail at once; some, if it is a store that is slow.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let is_open = |state: &State| state.open_until.is_some_and(|(until, _)| !until.remaining().is_zero());
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
        self.permit(limit)?.call(store, call).await
    }

    /// Permission for one call, which waits for no longer than `limit`.
    ///
    /// # Errors
    /// The last failure while the circuit is open.
    pub(crate) fn permit(&self, limit: Duration) -> Result<CallPermit<'_>, Error> {
        let mut half_open = false;
        if self.is_troubled() {
            let mut state = self.lock();
            if let Some((until, _)) = state.open_until.filter(|(_, longest)| limit <= *longest) {
                if state.half_open || !until.remaining().is_zero() {
                    let open =
                        || Error::new(ErrorKind::Connect, "the store failed again and again: the circuit is open");
                    return Err(state.error.clone().unwrap_or_else(open));
                }
                state.half_open = true;
                half_open = true;
            }
        }
        Ok(CallPermit { breaker: self, limit, half_open })
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
    /// Calls the store, and says what came of it.
    ///
    /// # Errors
    /// Those of the call, and a timeout.
    pub(crate) async fn call<T>(
        self,
        store: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let result = timeout(self.limit, call).await.unwrap_or_else(|_| Err(late(store)));
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
        let (is_first, was_open) = (state.failures.is_empty(), state.open_until.is_some());
        let waited = if error.kind() == ErrorKind::Timeout { self.limit } else { Duration::MAX };
        state.failures.push_back(waited);
        if state.failures.len() > FAILURES {
            state.failures.pop_front();
        }
        // All of them have waited for at least so long.
        let longest = state.failures.iter().min().copied().unwrap_or_default();
        let is_due = state.failures.len() == FAILURES && state.open_until.is_none_or(|(_, open)| longest > open);
        if self.half_open || is_due {
            let open = state.open_until.map_or(longest, |(_, open)| open.max(longest));
            state.open_until = Some((Deadline::after(PAUSE), open));
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

    const SECOND: Duration = Duration::from_secs(1);

    fn fail(breaker: &CircuitBreaker, times: usize) -> Vec<Trouble> {
        (0..times).map(|_| breaker.permit(SECOND).unwrap().count(&error())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_and_lets_one_try() {
        let breaker = CircuitBreaker::new();
        assert_eq!(fail(&breaker, 4)[..2], [Trouble::First, Trouble::More]);
        assert!(!breaker.permit(SECOND).unwrap().close());
        assert_eq!(fail(&breaker, FAILURES).last(), Some(&Trouble::Opened));
        assert!(breaker.permit(SECOND).is_err() && breaker.is_open());
        tokio::time::advance(PAUSE).await;
        let trial = breaker.permit(SECOND).unwrap();
        assert!(breaker.permit(SECOND).is_err(), "one at a time");
        assert_eq!(trial.count(&error()), Trouble::More);
        assert!(breaker.permit(SECOND).is_err(), "a failed trial begins the pause anew");
        tokio::time::advance(PAUSE).await;
        assert!(breaker.permit(SECOND).unwrap().close());
        assert!(breaker.permit(SECOND).is_ok() && breaker.permit(SECOND).is_ok() && !breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_is_given_up_leaves_the_question_to_the_next() {
        let breaker = CircuitBreaker::new();
        let late = breaker.permit(SECOND).unwrap();
        fail(&breaker, FAILURES);
        assert!(!late.close(), "an old answer does not close it");
        assert!(breaker.permit(SECOND).is_err());
        tokio::time::advance(PAUSE).await;
        drop(breaker.permit(SECOND).unwrap());
        assert!(breaker.permit(SECOND).unwrap().close());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_late_counts_and_one_that_is_refused_does_not() {
        let breaker = CircuitBreaker::new();
        for _ in 0..20 {
            let refused = async { Err::<(), _>(Error::new(ErrorKind::WrongType, "no")) };
            assert_eq!(breaker.call("store", SECOND, refused).await.unwrap_err().kind(), ErrorKind::WrongType);
        }
        for _ in 0..FAILURES {
            let silent = std::future::pending::<Result<(), Error>>();
            assert_eq!(breaker.call("store", SECOND, silent).await.unwrap_err().kind(), ErrorKind::Timeout);
        }
        assert!(breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_longer_is_not_refused_for_those_who_do_not() {
        let breaker = CircuitBreaker::new();
        let call = |limit: Duration| {
            let answer = async {
                tokio::time::sleep(Duration::from_millis(700)).await;
                Ok::<_, Error>(())
            };
            breaker.call("store", limit, answer)
        };
        let short = Duration::from_millis(500);
        for _ in 0..FAILURES {
            assert_eq!(call(short).await.unwrap_err().kind(), ErrorKind::Timeout);
        }
        assert!(breaker.permit(short).is_err());
        assert!(call(SECOND).await.is_ok(), "a slow answer is in time");
        assert!(breaker.permit(short).is_err(), "it is no faster for that");
        tokio::time::advance(PAUSE).await;
        assert!(call(short).await.is_err() && call(SECOND).await.is_ok(), "a trial that is late changes nothing");
        // A store that cannot be reached fails for all.
        for _ in 0..FAILURES {
            let refused = async { Err::<(), _>(Error::new(ErrorKind::Connect, "down")) };
            assert!(breaker.call("store", SECOND, refused).await.is_err());
        }
        assert!(breaker.permit(Duration::from_secs(60)).is_err());
    }
}
