use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

/// The source of the time: the system, or a test.
///
/// Limits, sessions and cached responses read the time from it and from nowhere else, in whole milliseconds.
///
/// ```
/// use axum_upstash::{Clock, Upstash, ratelimit::FixedWindow};
/// use std::time::{Duration, SystemTime};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_upstash::Error> {
/// let (clock, hands) = Clock::manual(SystemTime::UNIX_EPOCH);
/// let upstash = Upstash::builder().or_memory().build()?;
/// let limiter = upstash.ratelimit(FixedWindow::new(1, Duration::from_secs(60))).with_clock(clock);
/// assert!(limiter.limit("user:7").await?.allowed);
/// assert!(!limiter.limit("user:7").await?.allowed);
/// hands.advance(Duration::from_secs(60));
/// assert!(limiter.limit("user:7").await?.allowed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Clock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that shows `now` until its [`ManualClock`] moves it.
    #[must_use]
    pub fn manual(now: SystemTime) -> (Self, ManualClock) {
        let now = Arc::new(AtomicU64::new(unix_ms(now)));
        (Self(Source::Manual(Arc::clone(&now))), ManualClock(now))
    }

    /// The time that the clock shows.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        from_unix_ms(self.now_ms())
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        match &self.0 {
            Source::System => web_time::SystemTime::now()
                .duration_since(web_time::SystemTime::UNIX_EPOCH)
                .map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)),
            Source::Manual(now) => now.load(Ordering::Acquire),
        }
    }
}

/// Milliseconds since the Unix epoch; 0 for a time before it.
pub(crate) fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The time so many milliseconds after the Unix epoch.
pub(crate) fn from_unix_ms(ms: u64) -> SystemTime {
    // The far end of what a platform's type holds is beyond every clock.
    let far = || SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX));
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms)).unwrap_or_else(far)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock::System",
            Source::Manual(_) => "Clock::Manual",
        })
    }
}

/// Moves the [`Clock`] that it was made with.
///
/// ```
/// use axum_upstash::{Clock, ratelimit::{FixedWindow, Ratelimit}};
/// use std::time::{Duration, SystemTime};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (clock, hands) = Clock::manual(SystemTime::now());
/// let limiter = Ratelimit::memory(FixedWindow::new(1, Duration::from_secs(60))).with_clock(clock);
/// assert!(limiter.limit("user:7").await?.allowed);
/// assert!(!limiter.limit("user:7").await?.allowed);
/// hands.advance(Duration::from_secs(60));
/// assert!(limiter.limit("user:7").await?.allowed);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::AcqRel);
    }

    /// Sets the clock, backwards as well.
    pub fn set(&self, now: SystemTime) {
        self.0.store(unix_ms(now), Ordering::Release);
    }
}
