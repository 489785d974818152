use crate::rt::Stopwatch;
use std::time::Duration;

/// Failures after pauses, each with answers in between, that show a server to close idle connections.
const EVIDENCE: u32 = 3;
/// Failures after less say nothing about idle connections.
const PAUSE: Duration = Duration::from_millis(1);
/// After this time a limit is doubled: the server may have another by now.
const REVIEW: Duration = Duration::from_secs(60);

/// How long a connection may be idle before it is left alone, learned from a server that closes idle connections.
///
/// A request that meets such a closing on its way may or may not have arrived, and cannot be repeated unless that does
/// no harm. So connections are not used when they are about as old as those on which this happened.
#[derive(Debug, Default)]
pub(super) struct IdleLimit {
    failures: u32,
    last: Option<Stopwatch>,
    answered: bool,
    limit: Option<(Duration, Stopwatch)>,
}

impl IdleLimit {
    /// The longest time, if one was learned.
    pub(super) fn get(&self) -> Option<Duration> {
        self.limit.map(|(limit, _)| limit)
    }

    pub(super) fn answered(&mut self) {
        self.answered = true;
    }

    /// Takes note of a connection that broke after `idle` without a byte of an answer; `true` if the limit changed.
    pub(super) fn broke(&mut self, idle: Duration) -> bool {
        if idle < PAUSE || !std::mem::take(&mut self.answered) {
            return false;
        }
        if self.last.replace(Stopwatch::start()).is_some_and(|last| last.elapsed() > REVIEW) {
            self.failures = 0;
        }
        self.failures += 1;
        if self.failures < EVIDENCE {
            return false;
        }
        self.failures = 0;
        let limit = self.get().map_or(idle, |limit| limit.min(idle)) / 2;
        self.limit = Some((limit, Stopwatch::start()));
        true
    }

    /// Doubles a limit that has stood for a while; `true` if it did.
    pub(super) fn review(&mut self) -> bool {
        let Some((limit, _)) = self.limit.filter(|(_, since)| since.elapsed() > REVIEW) else { return false };
        self.limit = (limit < REVIEW).then(|| (limit * 2, Stopwatch::start()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn repeated_failures_after_pauses_are_learned_from_and_forgotten() {
        let mut idle = IdleLimit::default();
        // A restart: many requests fail at once, without an answer in between.
        idle.answered();
        for _ in 0..10 {
            assert!(!idle.broke(Duration::from_secs(1)));
        }
        let mut idle = IdleLimit::default();
        for expected in [None, None, Some(Duration::from_secs(30))] {
            idle.answered();
            idle.broke(Duration::from_secs(60));
            assert_eq!(idle.get(), expected);
        }
        assert!(!idle.review());
        tokio::time::advance(REVIEW + Duration::from_secs(1)).await;
        assert!(idle.review());
        assert_eq!(idle.get(), Some(Duration::from_secs(60)));
        tokio::time::advance(REVIEW + Duration::from_secs(1)).await;
        assert!(idle.review());
        assert_eq!(idle.get(), None);
    }
}
