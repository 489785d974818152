//! The time of a local product: that of the system, which tests may speed up and move forward.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// How far the clock may be behind the system's before it follows: a suspended machine, whose timers stood still.
const MAX_LAG_MS: f64 = 5_000.0;
/// The longest timer, after which the time is looked at again.
const MAX_SLEEP: Duration = Duration::from_secs(3600);

/// A clock in milliseconds since the epoch, which never goes back. Clones are one clock.
#[derive(Clone)]
pub(crate) struct LocalClock {
    scale: f64,
    state: Arc<Mutex<State>>,
    moved: Arc<watch::Sender<()>>,
}

struct State {
    /// When the time was last looked at.
    looked: Instant,
    now_ms: f64,
    /// The sum of the moves.
    moved_ms: f64,
}

impl LocalClock {
    /// A clock that begins with the system's time and goes `scale` times as fast.
    pub(crate) fn new(scale: f64) -> Self {
        let state = State { looked: Instant::now(), now_ms: system_ms(), moved_ms: 0.0 };
        Self { scale, state: Arc::new(Mutex::new(state)), moved: Arc::new(watch::Sender::new(())) }
    }

    /// The system's time, in seconds since the epoch.
    pub(crate) fn system_s() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// The time now.
    pub(crate) fn now_ms(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).look(self.scale)
    }

    /// Moves the time forward. What waited for a time until then goes on.
    pub(crate) fn advance(&self, by: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.look(self.scale);
        let by_ms = by.as_secs_f64() * 1_000.0;
        state.now_ms += by_ms;
        state.moved_ms += by_ms;
        drop(state);
        self.moved.send_replace(());
    }

    /// Waits until that time.
    pub(crate) async fn sleep_until(&self, at_ms: u64) {
        let mut moved = self.moved.subscribe();
        loop {
            let left_ms = at_ms.saturating_sub(self.now_ms());
            if left_ms == 0 {
                return;
            }
            #[allow(clippy::cast_precision_loss, reason = "a timer ends a bit early, and begins anew")]
            let left_s = left_ms as f64 / 1_000.0 / self.scale;
            let left = Duration::from_secs_f64(left_s.clamp(0.001, MAX_SLEEP.as_secs_f64()));
            tokio::select! {
                () = sleep(left) => {}
                // The sender lives as long as this clock.
                _ = moved.changed() => {}
            }
        }
    }

    /// Waits that long.
    pub(crate) async fn sleep(&self, for_ms: u64) {
        self.sleep_until(self.now_ms().saturating_add(for_ms)).await;
    }
}

impl State {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time since the epoch is below 2^53")]
    fn look(&mut self, scale: f64) -> u64 {
        let now = Instant::now();
        self.now_ms += now.duration_since(self.looked).as_secs_f64() * 1_000.0 * scale;
        self.looked = now;
        // A clock that is set back is not followed: attempts that were due stay due.
        let system_ms = system_ms() + self.moved_ms;
        #[allow(clippy::float_cmp, reason = "a clock that goes as the system's does is set to exactly that")]
        let is_system = scale == 1.0;
        if is_system && system_ms - self.now_ms > MAX_LAG_MS {
            self.now_ms = system_ms;
        }
        self.now_ms as u64
    }
}

#[allow(clippy::cast_precision_loss, reason = "a time since the epoch is below 2^53")]
fn system_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_millis() as f64)
}

impl fmt::Debug for LocalClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalClock").field("scale", &self.scale).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000;

    #[tokio::test(start_paused = true)]
    async fn goes_as_fast_as_it_is_told() {
        let clock = LocalClock::new(100.0);
        let begun = (clock.now_ms(), Instant::now());
        clock.sleep(60 * SECOND).await;
        assert!((60_000..60_200).contains(&(clock.now_ms() - begun.0)));
        assert!((600..603).contains(&begun.1.elapsed().as_millis()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_clock_stays_slow_and_no_time_is_too_long() {
        let clock = LocalClock::new(0.5);
        let begun = clock.now_ms();
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!((30_000..30_100).contains(&(clock.now_ms() - begun)));
        let slowest = LocalClock::new(1e-300);
        assert!(tokio::time::timeout(Duration::from_secs(7_300), slowest.sleep_until(u64::MAX)).await.is_err());
        slowest.advance(Duration::MAX);
        assert_eq!(slowest.now_ms(), u64::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_move_ends_what_waited_for_a_time_until_then() {
        let clock = LocalClock::new(1.0);
        let begun = (clock.now_ms(), Instant::now());
        let waits = |seconds: u64| {
            let clock = clock.clone();
            tokio::spawn(async move { clock.sleep(seconds * SECOND).await })
        };
        let (short, long) = (waits(3_000), waits(4_000));
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(3_000));
        short.await.unwrap();
        assert!(begun.1.elapsed() < Duration::from_millis(10) && !long.is_finished());
        long.await.unwrap();
        assert!((4_000_000..4_001_000).contains(&(clock.now_ms() - begun.0)));
        assert!((999..1_001).contains(&begun.1.elapsed().as_secs()));
    }
}
