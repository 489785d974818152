use crate::{
    Error, ErrorKind,
    rt::{Deadline, Stopwatch, timeout},
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
/// The same when the requests of the plan are used up: the service refuses every call, for hours or days.
const QUOTA_PAUSE: Duration = Duration::from_secs(60);
/// How often the log says that the credentials are refused.
const DENIAL_PAUSE: Duration = Duration::from_secs(3600);
/// How many deadlines are told apart. Settings have few.
const DEADLINES: usize = 16;
/// The deadline of no call: a store that cannot be reached fails for every one.
const ANY: Duration = Duration::MAX;

/// A circuit breaker: spares requests the wait for a store that does not answer.
///
/// After five failures in a row the circuit is open for a second, and calls fail at once. Then one call tries the store:
/// its success closes the circuit, its failure opens it for another second. Only a store that does not work counts, not
/// one that refuses a command. [`ErrorKind::QuotaExceeded`](crate::ErrorKind::QuotaExceeded) opens the circuit at once,
/// and for a minute. A timeout counts against calls that wait no longer than it did: a store that is too slow
/// for a cache may be fast enough for a session.
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
    /// One for each deadline that calls have had, the longest last; [`ANY`] among them.
    circuits: Vec<Circuit>,
    /// The last failure.
    error: Option<Error>,
    /// No more lines in the log until then.
    quiet_until: Option<Deadline>,
    /// How the credentials are refused, and until when the log has said it.
    denied: Option<(ErrorKind, Deadline)>,
}

/// The state of a circuit for calls that wait for up to one deadline.
#[derive(Debug, Clone)]
struct Circuit {
    limit: Duration,
    failures: u32,
    /// It is open until then, and then half-open.
    open_until: Option<Deadline>,
    /// A call is trying whether the store is back, until then at the most: a host may end a request without dropping it.
    trial_until: Option<Deadline>,
}

impl Circuit {
    fn is_half_open(&self) -> bool {
        self.trial_until.is_some_and(|until| !until.remaining().is_zero())
    }
}

impl State {
    /// The circuit of a deadline. A new one knows what is known for the next longer one.
    fn circuit(&mut self, limit: Duration) -> &mut Circuit {
        let at = self.circuits.partition_point(|circuit| circuit.limit < limit);
        let is_there = self.circuits.get(at).is_some_and(|circuit| circuit.limit == limit);
        if !is_there && self.circuits.len() < DEADLINES {
            let longer = self.circuits.get(at).filter(|circuit| circuit.limit != ANY);
            let (failures, open_until) = longer.map_or((0, None), |longer| (longer.failures, longer.open_until));
            self.circuits.insert(at, Circuit { limit, failures, open_until, trial_until: None });
        }
        let at = at.min(self.circuits.len() - 1);
        &mut self.circuits[at]
    }

    fn is_troubled(&self) -> bool {
        self.circuits.iter().any(|circuit| circuit.failures > 0 || circuit.open_until.is_some())
    }
}

/// Permission to call the store. The caller says what came of it; a call that is given up says nothing, and leaves the
/// question to the next one.
#[derive(Debug)]
#[must_use]
pub(crate) struct CallPermit<'a> {
    breaker: &'a CircuitBreaker,
    limit: Duration,
    since: Option<Stopwatch>,
    /// The ends of the trials that this call makes, of the circuits of its deadline and of [`ANY`].
    trials: [Option<Deadline>; 2],
}

/// What a failure means for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The store begins to fail.
    First,
    /// The circuit opens.
    Opened,
    /// The circuit opens, because the requests of the plan are used up.
    UsedUp,
    /// The store refuses the credentials.
    Denied,
    /// More of the same.
    More,
}

impl CircuitBreaker {
    /// A closed circuit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether calls fail at once; some, if the store is too slow for them.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let is_open = |circuit: &Circuit| circuit.open_until.is_some_and(|until| !until.remaining().is_zero());
        self.is_troubled() && self.lock().circuits.iter().any(is_open)
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
        // In one frame: the handler's future holds it.
        let permit = self.permit(limit)?;
        let result = timeout(limit, call).await.unwrap_or_else(|_| Err(late(store)));
        permit.concluded(&result, store);
        result
    }

    /// Permission for one call, which waits for no longer than `limit`.
    ///
    /// # Errors
    /// The last failure while the circuit is open.
    pub(crate) fn permit(&self, limit: Duration) -> Result<CallPermit<'_>, Error> {
        if !self.is_troubled() {
            return Ok(CallPermit { breaker: self, limit, since: None, trials: [None; 2] });
        }
        let mut state = self.lock();
        let limits = [limit, ANY];
        for limit in limits {
            let circuit = state.circuit(limit);
            let is_open =
                circuit.open_until.is_some_and(|until| circuit.is_half_open() || !until.remaining().is_zero());
            if is_open {
                let open = || Error::new(ErrorKind::Connect, "the store failed again and again: the circuit is open");
                return Err(state.error.clone().unwrap_or_else(open));
            }
        }
        let patience = limits[0].saturating_add(PAUSE);
        let until = Deadline::after(patience);
        let trials = limits.map(|limit| {
            let circuit = state.circuit(limit);
            circuit.open_until?;
            circuit.trial_until = Some(until);
            circuit.trial_until
        });
        Ok(CallPermit { breaker: self, limit, since: Some(Stopwatch::start()), trials })
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
        self.concluded(&result, store);
        result
    }

    fn concluded<T>(self, result: &Result<T, Error>, store: &'static str) {
        match result {
            Ok(_) => self.succeeded(store),
            Err(error) => self.failed(error, store),
        }
    }

    /// The store answered; the log says so if that closes the circuit.
    pub(crate) fn succeeded(self, store: &'static str) {
        if self.close() {
            tracing::info!("the {store} answers again: circuit closed");
        }
    }

    /// There is no answer, or an error for one; the log says so once, and not with every request.
    pub(crate) fn failed(self, error: &Error, store: &'static str) {
        if error.is_local() {
            // Neither a failure nor a sign of life. A trial leaves the question to the next call.
            return;
        }
        // The key names a client, and the error is told to others.
        let error = &error.clone().without_key();
        match if error.is_outage() { self.count(error) } else { self.refused(error) } {
            Trouble::First => tracing::warn!(%error, "the {store} {}", failing(error)),
            Trouble::Opened => {
                tracing::warn!(%error, "the {store} does not answer: circuit open for {PAUSE:?}");
            }
            Trouble::UsedUp => tracing::error!(
                %error,
                "the requests of the plan are used up: the {store} is tried every {QUOTA_PAUSE:?}"
            ),
            Trouble::Denied => tracing::error!(%error, "the {store} refuses the credentials"),
            Trouble::More => tracing::debug!(%error, "the {store} {}", failing(error)),
        }
    }

    fn is_probe(&self) -> bool {
        self.trials.iter().any(Option::is_some)
    }

    /// Whether that ends a time in which the store did not answer.
    fn close(self) -> bool {
        if !self.breaker.is_troubled() {
            return false;
        }
        // How long the answer took. One that began in good times is no measure of it.
        let Some(since) = self.since else { return false };
        let took = since.elapsed();
        let mut state = self.breaker.lock();
        let is_probe = self.is_probe();
        let mut closed = false;
        for circuit in state.circuits.iter_mut().filter(|circuit| circuit.limit >= took) {
            // An answer that was on its way when others gave up does not say that the store is back.
            if circuit.open_until.is_none() || is_probe {
                closed |= circuit.open_until.is_some();
                (circuit.failures, circuit.open_until) = (0, None);
            }
        }
        self.breaker.0.is_troubled.store(state.is_troubled(), Ordering::Release);
        closed
    }

    fn count(self, error: &Error) -> Trouble {
        let mut state = self.breaker.lock();
        let was_used_up = state.error.as_ref().is_some_and(is_used_up) && state.is_troubled();
        if was_used_up && !is_used_up(error) {
            // Of a call that began before. The circuit is open for the plan.
            return Trouble::More;
        }
        state.error = Some(error.clone());
        if is_used_up(error) {
            state.circuit(self.limit);
            state.circuit(ANY);
            for circuit in &mut state.circuits {
                circuit.failures = FAILURES;
                circuit.open_until = Some(Deadline::after(QUOTA_PAUSE));
            }
            self.breaker.0.is_troubled.store(true, Ordering::Release);
            return if was_used_up { Trouble::More } else { Trouble::UsedUp };
        }
        let waited = if error.kind() == ErrorKind::Timeout { self.limit } else { ANY };
        let is_first = !state.is_troubled();
        state.circuit(self.limit);
        state.circuit(ANY);
        let mut opened = false;
        let limits = [self.limit, ANY];
        for circuit in &mut state.circuits {
            let is_probe =
                limits.iter().zip(self.trials).any(|(limit, trial)| trial.is_some() && *limit == circuit.limit);
            if circuit.limit <= waited {
                circuit.failures = circuit.failures.saturating_add(1);
                let is_due = circuit.open_until.is_none() && circuit.failures >= FAILURES;
                opened |= is_due;
                if is_probe || is_due {
                    circuit.open_until = Some(Deadline::after(PAUSE));
                }
            } else if is_probe {
                // It can be reached, and was too slow for this call: others may wait longer.
                (circuit.failures, circuit.open_until) = (0, None);
            }
        }
        self.breaker.0.is_troubled.store(true, Ordering::Release);
        match opened {
            true => Trouble::Opened,
            false if is_first => Trouble::First,
            false => Trouble::More,
        }
    }

    /// The store answered with an error: it is there, and one line a second says what is wrong. That credentials are
    /// refused is said once an hour: reads in between may succeed.
    fn refused(self, error: &Error) -> Trouble {
        let breaker = self.breaker;
        self.close();
        let mut state = breaker.lock();
        if error.is_denial() {
            if state.denied.is_some_and(|(kind, until)| kind == error.kind() && !until.remaining().is_zero()) {
                return Trouble::More;
            }
            state.denied = Some((error.kind(), Deadline::after(DENIAL_PAUSE)));
            return Trouble::Denied;
        }
        if state.quiet_until.is_some_and(|until| !until.remaining().is_zero()) {
            return Trouble::More;
        }
        state.quiet_until = Some(Deadline::after(PAUSE));
        Trouble::First
    }
}

fn failing(error: &Error) -> &'static str {
    if error.is_outage() { "does not answer" } else { "answers with an error" }
}

fn is_used_up(error: &Error) -> bool {
    error.kind() == ErrorKind::QuotaExceeded
}

/// The error of a store that did not answer in time.
pub(crate) fn late(store: &str) -> Error {
    Error::new(ErrorKind::Timeout, format!("the {store} did not answer in time"))
}

impl Drop for CallPermit<'_> {
    fn drop(&mut self) {
        if self.is_probe() {
            let mut state = self.breaker.lock();
            let limits = [self.limit, ANY].into_iter().zip(self.trials);
            for (limit, trial) in limits.filter(|(_, trial)| trial.is_some()) {
                let circuit = state.circuit(limit);
                // If this call outlived its trial, the mark is that of a later one.
                if circuit.trial_until == trial {
                    circuit.trial_until = None;
                }
            }
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

    fn fail(breaker: &CircuitBreaker, times: u32) -> Vec<Trouble> {
        (0..times).map(|_| breaker.permit(SECOND).unwrap().count(&error())).collect()
    }

    /// A call of a store that takes so long.
    async fn ask(breaker: &CircuitBreaker, limit: Duration, takes_ms: u64) -> Result<(), Error> {
        let answer = async {
            tokio::time::sleep(Duration::from_millis(takes_ms)).await;
            Ok::<_, Error>(())
        };
        breaker.call("store", limit, answer).await
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

    /// As on a host that neither polls nor drops the tasks of a request that has ended.
    #[tokio::test(start_paused = true)]
    async fn a_trial_that_is_forgotten_is_over_with_its_deadline() {
        let breaker = CircuitBreaker::new();
        fail(&breaker, FAILURES);
        tokio::time::advance(PAUSE).await;
        let forgotten = breaker.permit(SECOND).unwrap();
        tokio::time::advance(SECOND).await;
        assert!(breaker.permit(SECOND).is_err(), "it may be on its way");
        tokio::time::advance(PAUSE).await;
        assert!(breaker.permit(SECOND).unwrap().close() && !breaker.is_open());
        drop(forgotten);
        assert!(breaker.permit(SECOND).is_ok());
    }

    /// As on a host that goes on with the tasks of a request when the next one comes.
    #[tokio::test(start_paused = true)]
    async fn a_trial_that_outlived_its_deadline_makes_no_room_beside_the_next() {
        let breaker = CircuitBreaker::new();
        fail(&breaker, FAILURES);
        tokio::time::advance(PAUSE).await;
        let outlived = breaker.permit(SECOND).unwrap();
        tokio::time::advance(SECOND + PAUSE).await;
        let trial = breaker.permit(SECOND).unwrap();
        drop(outlived);
        assert!(breaker.permit(SECOND).is_err(), "one at a time");
        drop(trial);
        assert!(breaker.permit(SECOND).unwrap().close() && !breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_late_counts_and_one_that_is_refused_does_not() {
        let breaker = CircuitBreaker::new();
        for _ in 0..20 {
            let refused = async { Err::<(), _>(Error::new(ErrorKind::WrongType, "no")) };
            assert_eq!(breaker.call("store", SECOND, refused).await.unwrap_err().kind(), ErrorKind::WrongType);
        }
        for _ in 0..FAILURES {
            assert_eq!(ask(&breaker, SECOND, 2_000).await.unwrap_err().kind(), ErrorKind::Timeout);
        }
        assert!(breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_plan_that_is_used_up_opens_at_once_and_is_tried_once_a_minute() {
        let breaker = CircuitBreaker::new();
        let used_up = Error::new(ErrorKind::QuotaExceeded, "ERR max requests limit exceeded");
        let in_flight = [(); 2].map(|()| breaker.permit(SECOND).unwrap());
        let [one, two] = in_flight;
        assert_eq!(breaker.permit(SECOND).unwrap().count(&used_up), Trouble::UsedUp);
        assert_eq!(one.count(&used_up), Trouble::More, "it is said once");
        assert_eq!(two.count(&error()), Trouble::More, "what was late is not the reason");
        for limit in [SECOND, Duration::from_secs(60)] {
            assert_eq!(breaker.permit(limit).unwrap_err().kind(), ErrorKind::QuotaExceeded);
        }
        for _ in 0..3 {
            tokio::time::advance(QUOTA_PAUSE - SECOND).await;
            assert!(breaker.permit(SECOND).is_err());
            tokio::time::advance(SECOND).await;
            let trial = breaker.permit(SECOND).unwrap();
            assert!(breaker.permit(SECOND).is_err(), "one at a time");
            assert_eq!(trial.count(&used_up), Trouble::More);
        }
        tokio::time::advance(QUOTA_PAUSE).await;
        assert!(breaker.permit(SECOND).unwrap().close() && !breaker.is_open());
        assert_eq!(breaker.permit(SECOND).unwrap().count(&used_up), Trouble::UsedUp, "another month");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_of_the_own_process_is_no_sign_of_life() {
        let breaker = CircuitBreaker::new();
        let full = || async { Err::<(), _>(Error::new(ErrorKind::LimitExceeded, "full").local()) };
        for _ in 0..FAILURES {
            let down = async { Err::<(), _>(Error::new(ErrorKind::Connect, "down")) };
            assert!(breaker.call("store", SECOND, down).await.is_err());
            let _ = breaker.call("store", SECOND, full()).await;
        }
        assert!(breaker.is_open());
        tokio::time::advance(PAUSE).await;
        let _ = breaker.call("store", SECOND, full()).await;
        assert!(breaker.permit(SECOND).unwrap().close(), "the trial was left to the next call");
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_are_refused_are_told_of_once_for_each_reason() {
        let breaker = CircuitBreaker::new();
        let refuse = |kind| breaker.permit(SECOND).unwrap().refused(&Error::new(kind, "no"));
        assert_eq!(refuse(ErrorKind::Forbidden), Trouble::Denied);
        assert_eq!(refuse(ErrorKind::Forbidden), Trouble::More);
        assert_eq!(refuse(ErrorKind::Unauthorized), Trouble::Denied);
        assert_eq!(refuse(ErrorKind::Unauthorized), Trouble::More);
        tokio::time::advance(DENIAL_PAUSE).await;
        assert_eq!(refuse(ErrorKind::Unauthorized), Trouble::Denied);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_longer_is_not_refused_for_those_who_do_not() {
        let (breaker, short) = (CircuitBreaker::new(), Duration::from_millis(500));
        for _ in 0..FAILURES {
            assert_eq!(ask(&breaker, short, 700).await.unwrap_err().kind(), ErrorKind::Timeout);
        }
        assert!(breaker.permit(short).is_err());
        assert!(ask(&breaker, SECOND, 700).await.is_ok(), "a slow answer is in time");
        assert!(breaker.permit(short).is_err(), "it is no faster for that");
        tokio::time::advance(PAUSE).await;
        assert!(ask(&breaker, short, 700).await.is_err() && ask(&breaker, SECOND, 700).await.is_ok());
        // Failures between successes are none in a row.
        for _ in 0..2 * FAILURES {
            assert!(ask(&breaker, SECOND, 5_000).await.is_err() && ask(&breaker, SECOND, 700).await.is_ok());
        }
        // A reply that is too late for the longest deadline is too late for the shorter ones.
        for _ in 0..FAILURES {
            assert!(ask(&breaker, SECOND, 5_000).await.is_err());
        }
        assert!(breaker.permit(SECOND).is_err() && breaker.permit(Duration::from_millis(900)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_cannot_be_reached_fails_for_all_and_comes_back_for_those_it_is_fast_enough_for() {
        let (breaker, short) = (CircuitBreaker::new(), Duration::from_millis(500));
        for _ in 0..FAILURES {
            let refused = async { Err::<(), _>(Error::new(ErrorKind::Connect, "down")) };
            assert!(breaker.call("store", short, refused).await.is_err());
        }
        assert!(breaker.permit(Duration::from_secs(60)).is_err() && breaker.permit(short).is_err());
        for _ in 0..3 {
            tokio::time::advance(PAUSE).await;
            assert!(ask(&breaker, short, 700).await.is_err());
            assert!(ask(&breaker, SECOND, 700).await.is_ok(), "a late trial keeps no other call out");
        }
        tokio::time::advance(PAUSE).await;
        assert!(ask(&breaker, short, 10).await.is_ok() && !breaker.is_open());
    }
}
