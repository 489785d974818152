use super::{
    Algorithm, Answer, Background, Check, DynamicLimits, FixedWindow, Outcome, Question, RateLimitStore, RedisStore,
    algorithms::{State, Window},
    store::dynamic_limits_of,
};
use crate::{Error, expiring_map::ExpiringMap};
use futures_core::future::BoxFuture;
use std::{sync::Arc, time::Duration};

/// Counts fixed windows in memory, and tells another store afterwards.
///
/// Only the first request of a client in a window waits for the store. The others are decided by what the store said
/// last and what was counted here since; one request in the background carries all that came in meanwhile, and brings
/// back what others have counted. What that costs in precision:
///
/// - one instance never admits more than the limit in a window;
/// - over all instances, what they admit while a request to the store is on its way can be too much: at worst the limit
///   for each instance, where all of them spend it within one round trip at the beginning of a window;
/// - what the store did not take, because others had used up the limit, is not counted there, and this instance admits
///   nothing more in that window.
///
/// With other algorithms, dynamic limits, several limits at once, looks and refunds it goes to the store as it is.
pub struct LocalCounter {
    inner: Arc<dyn RateLimitStore>,
    windows: Arc<ExpiringMap<Local>>,
}

#[derive(Debug, Clone, Copy)]
struct Local {
    index: u64,
    /// What the store has counted, from here and from everywhere.
    stored: i64,
    /// What it was not told yet.
    unsent: i64,
    /// What it is being told.
    sending: i64,
}

/// A window that has to be told to the store, whoever asked for it.
struct Sending {
    inner: Arc<dyn RateLimitStore>,
    windows: Arc<ExpiringMap<Local>>,
    background: Background,
    window: FixedWindow,
    prefix: String,
    identifier: String,
    now_ms: u64,
}

impl LocalCounter {
    /// Counts in front of this store.
    pub fn new(inner: Arc<dyn RateLimitStore>) -> Self {
        Self { inner, windows: Arc::new(ExpiringMap::new(100_000)) }
    }

    fn count(&self, check: &Check<'_>, window: &FixedWindow, now_ms: u64, background: &Background) -> Option<Outcome> {
        let index = window.window_index(now_ms);
        let (outcome, send) = self.windows.update(check.name(), now_ms, |local: Option<Local>| {
            let Some(mut local) = local.filter(|local| local.index == index) else {
                return (None, (None, false));
            };
            let current = local.stored + local.unsent + local.sending;
            let state = State::Window(Window { index, previous: 0, current });
            let (outcome, _) = check.algorithm.decide(now_ms, Some(state), check.cost);
            let mut send = false;
            if outcome.allowed {
                local.unsent += check.cost;
                if local.sending == 0 {
                    (local.sending, local.unsent, send) = (local.unsent, 0, true);
                }
            }
            (Some((local, check.algorithm.expires_ms(state))), (Some(outcome), send))
        });
        if send {
            let sending = Sending {
                inner: Arc::clone(&self.inner),
                windows: Arc::clone(&self.windows),
                background: background.clone(),
                window: *window,
                prefix: check.prefix.to_owned(),
                identifier: check.identifier.to_owned(),
                now_ms,
            };
            background.run(sending.run());
        }
        outcome
    }

    async fn decide(&self, question: Question<'_>) -> Result<Answer, Error> {
        if let Some((check, window)) = counts_here(question.checks, question.deny.is_some()) {
            if let Some(outcome) = self.count(check, window, question.now_ms, question.background) {
                return Ok(Answer::counted(vec![outcome]));
            }
            let answer = self.inner.take(question).await?;
            if let [outcome] = answer.outcomes[..] {
                learn(&self.windows, check, window, question.now_ms, &outcome, |_| {});
            }
            return Ok(answer);
        }
        self.inner.take(question).await
    }
}

fn counts_here<'a>(checks: &'a [Check<'a>], denies: bool) -> Option<(&'a Check<'a>, &'a FixedWindow)> {
    match checks {
        [check] if !denies && check.cost > 0 && check.dynamic == DynamicLimits::Off => match check.algorithm {
            Algorithm::FixedWindow(window) => Some((check, window)),
            _ => None,
        },
        _ => None,
    }
}

/// Takes notice of what the store has counted.
fn learn(
    windows: &ExpiringMap<Local>,
    check: &Check<'_>,
    window: &FixedWindow,
    now_ms: u64,
    outcome: &Outcome,
    change: impl FnOnce(&mut Local),
) {
    let index = window.window_index(now_ms);
    let limit = i64::try_from(outcome.limit).unwrap_or(i64::MAX);
    // Refused for want of room: nothing more is let through here, whatever small rest there may be.
    let refused = !outcome.allowed && outcome.remaining == 0;
    let stored = if refused { limit } else { limit - i64::try_from(outcome.remaining).unwrap_or(0) };
    windows.update(check.name(), now_ms, |local: Option<Local>| {
        let fresh = Local { index, stored: 0, unsent: 0, sending: 0 };
        let mut local = local.filter(|local| local.index == index).unwrap_or(fresh);
        change(&mut local);
        local.stored = local.stored.max(stored);
        let state = State::Window(Window { index, previous: 0, current: 0 });
        (Some((local, check.algorithm.expires_ms(state))), ())
    });
}

impl Sending {
    async fn run(self) {
        let algorithm = Algorithm::from(self.window);
        let check = Check::new(&algorithm, &self.prefix, &self.identifier);
        let index = self.window.window_index(self.now_ms);
        loop {
            let amount = self.windows.get(check.name(), self.now_ms).filter(|local| local.index == index);
            let Some(amount) = amount.map(|local| local.sending).filter(|&amount| amount > 0) else { return };
            let question = Question::new(&[], self.now_ms, &self.background);
            let checks = [check.with_cost(amount)];
            let answer = self.inner.take(Question { checks: &checks, ..question }).await;
            let more = match answer.as_ref().map(|answer| answer.outcomes.first()) {
                Ok(Some(outcome)) => {
                    let mut more = false;
                    let outcome = if outcome.allowed { *outcome } else { Outcome { remaining: 0, ..*outcome } };
                    learn(&self.windows, &check, &self.window, self.now_ms, &outcome, |local| {
                        (local.sending, local.unsent) = (local.unsent, 0);
                        more = local.sending > 0;
                    });
                    more
                }
                failed => {
                    if let Err(error) = failed {
                        tracing::debug!(%error, "what was counted here could not be told to the store yet");
                    }
                    // The next request tries again.
                    self.windows.update(check.name(), self.now_ms, |local: Option<Local>| {
                        let expires_ms = algorithm.expires_ms(State::Window(Window { index, previous: 0, current: 0 }));
                        let local = local.map(|mut local| {
                            local.unsent += std::mem::take(&mut local.sending);
                            (local, expires_ms)
                        });
                        (local, ())
                    });
                    false
                }
            };
            if !more {
                return;
            }
        }
    }
}

impl std::fmt::Debug for LocalCounter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalCounter").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl RateLimitStore for LocalCounter {
    fn take<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Answer, Error>> {
        Box::pin(self.decide(question))
    }

    fn take_now(&self, check: Check<'_>, now_ms: u64, background: &Background) -> Option<Outcome> {
        match counts_here(&[check], false) {
            Some((check, window)) => self.count(check, window, now_ms, background),
            None => self.inner.take_now(check, now_ms, background),
        }
    }

    fn reset<'a>(&'a self, check: Check<'a>, now_ms: u64, timeout: Duration) -> BoxFuture<'a, Result<(), Error>> {
        self.windows.remove(check.name());
        self.inner.reset(check, now_ms, timeout)
    }

    fn as_redis(&self) -> Option<&RedisStore> {
        self.inner.as_redis()
    }

    dynamic_limits_of!(self => self.inner);
}
