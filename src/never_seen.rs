use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Notices that something which requests should have is there in none of them.
#[derive(Debug, Default)]
pub(crate) struct NeverSeen {
    seen: AtomicBool,
    missed: AtomicU32,
}

/// Number of requests without the value, and none with it, if every request must have it.
pub(crate) const STRICT: u32 = 20;
/// The same number if some requests may come without the value, such as health checks and probes of unknown paths.
pub(crate) const LENIENT: u32 = 1_000;

impl NeverSeen {
    /// A request that has it, or not. Says once that it is never_seen in the first `most` of them.
    pub(crate) fn is_never_seen(&self, is_there: bool, most: u32) -> bool {
        if self.seen.load(Ordering::Relaxed) {
            return false;
        }
        if is_there {
            self.seen.store(true, Ordering::Relaxed);
            return false;
        }
        // It stops counting there, so that it never begins anew.
        let more = |missed: u32| (missed < most).then(|| missed + 1);
        self.missed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) == Ok(most - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_once_that_something_is_in_no_request() {
        let never_seen = NeverSeen::default();
        assert_eq!((0..STRICT * 3).filter(|_| never_seen.is_never_seen(false, STRICT)).count(), 1);
        let never_seen = NeverSeen::default();
        assert_eq!((1..STRICT).filter(|_| never_seen.is_never_seen(false, STRICT)).count(), 0);
        assert!(!never_seen.is_never_seen(true, STRICT));
        assert_eq!((0..STRICT * 3).filter(|_| never_seen.is_never_seen(false, STRICT)).count(), 0, "others have it");
    }
}
