use super::{
    batch::{Batch, Count},
    member::Member,
};
use crate::{
    Error, ErrorKind,
    background::Background,
    ratelimit::{Attempt, Decision},
    redis::{Cmd, Redis, Reply},
    rt::random_u64,
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Records decisions in the format of `@upstash/ratelimit`, which Upstash's console shows.
///
/// Each hour has a sorted set at `<prefix>:events:<its first millisecond>`, with `{"identifier":…,"success":…}` as
/// members and the number of events as scores. Events are added up here and sent once a second: one command for each
/// different member and not for each request. The sets expire after 90 days, which the original promises and forgets.
///
/// The console reads databases by their prefix; one with a colon in it confused older versions.
///
/// ```
/// use axum_upstash::ratelimit::{Analytics, FixedWindow};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let limiter = upstash.ratelimit(FixedWindow::new(1, Duration::from_secs(60))).with_analytics(Analytics::new(redis));
/// limiter.limit("user:7").await?;
/// limiter.limit("user:7").await?;
/// limiter.background().finished().await;
/// let usage = limiter.usage(Duration::from_secs(3600)).await?;
/// assert_eq!((usage["user:7"].success, usage["user:7"].blocked), (1, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Analytics {
    redis: Redis,
    retention: Duration,
    interval: Duration,
    place: bool,
    sample: u32,
    batch: Arc<Mutex<Batch>>,
}

pub(super) const HOUR_MS: u64 = 3_600_000;
const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
/// Commands in one request.
const CHUNK: usize = 500;

impl Analytics {
    /// Records in this database.
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            retention: Duration::from_secs(90 * 24 * 3600),
            interval: Duration::from_secs(1),
            place: false,
            sample: 1,
            batch: Arc::default(),
        }
    }

    /// Sets how long the events of an hour are kept (90 days, at most 100 years).
    pub fn with_retention(mut self, retention: Duration) -> Self {
        self.retention = retention.min(CENTURY);
        self
    }

    /// Sets how long events are added up before they are sent (1 s). They are sent at once if a response or the end of
    /// the process waits for the work in the background.
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Records country, city, region and address as well, if they are known. Each different place is a member of its
    /// own.
    pub fn with_location(mut self, record: bool) -> Self {
        self.place = record;
        self
    }

    /// Records one of so many events, with that many times its weight. For numbers that need not be exact.
    pub fn with_sampling(mut self, one_of: u32) -> Self {
        self.sample = one_of.max(1);
        self
    }

    pub(super) fn redis(&self) -> &Redis {
        &self.redis
    }

    pub(in crate::ratelimit) fn record(
        &self,
        prefix: &str,
        attempt: &Attempt<'_>,
        decision: &Decision,
        background: &Background,
    ) {
        if self.sample > 1 && !random_u64().is_multiple_of(u64::from(self.sample)) {
            return;
        }
        // Text always serialises.
        let Ok(member) = serde_json::to_string(&Member::new(attempt, decision, self.place)) else { return };
        let start = bucket(decision.now_ms);
        let expires_s = (start + HOUR_MS) / 1_000 + self.retention.as_secs();
        let mut batch = self.lock();
        batch.add(key(prefix, start), member, Count { events: self.sample.into(), expires_s });
        if !std::mem::replace(&mut batch.scheduled, true) {
            drop(batch);
            let mut scheduled = Scheduled { analytics: self.clone(), begun: false };
            let pauses = background.clone();
            background.run(async move {
                pauses.pause(scheduled.analytics.interval).await;
                scheduled.begin();
                scheduled.analytics.send().await;
            });
        }
    }

    /// Sends what was recorded so far, without waiting for the second to pass.
    pub async fn flush(&self) {
        self.send().await;
    }

    async fn send(&self) {
        let (counts, lost) = self.lock().take();
        if lost > 0 {
            tracing::warn!(lost, "rate limit analytics: too many different members in one interval");
        }
        for chunk in counts.chunks(CHUNK) {
            if let Err(error) = self.send_chunk(chunk).await {
                self.failed(chunk, &error);
            }
        }
    }

    async fn send_chunk(&self, counts: &[((String, String), Count)]) -> Result<(), Error> {
        let mut pipeline = self.redis.pipeline();
        let mut keys = Vec::new();
        for ((key, member), count) in counts {
            pipeline.issue::<Reply>(Cmd::new("ZINCRBY").key(key).arg(count.events).arg(member));
            if !keys.contains(&(key, count.expires_s)) {
                keys.push((key, count.expires_s));
            }
        }
        for (key, expires_s) in keys {
            // The same time whenever it is set.
            pipeline.issue::<Reply>(Cmd::new("EXPIREAT").key(key).arg(expires_s));
        }
        let first = pipeline.exec().await?.into_replies().find_map(Result::err);
        first.map_or(Ok(()), Err)
    }

    fn failed(&self, counts: &[((String, String), Count)], error: &Error) {
        let events: u64 = counts.iter().map(|(_, count)| count.events).sum();
        // Counted twice is worse than not at all; what certainly never arrived waits for the next time.
        if error.kind() == ErrorKind::Connect {
            let mut batch = self.lock();
            for ((key, member), count) in counts {
                batch.add(key.clone(), member.clone(), *count);
            }
            tracing::debug!(%error, events, "rate limit analytics could not be sent yet");
        } else {
            tracing::warn!(%error, events, "rate limit analytics could not be recorded");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Analytics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The recorded events contain identifiers.
        f.debug_struct("Analytics")
            .field("retention", &self.retention)
            .field("sample", &self.sample)
            .finish_non_exhaustive()
    }
}

/// Marks that a task is going to send. If the work is dropped before, the next event schedules it anew.
struct Scheduled {
    analytics: Analytics,
    begun: bool,
}

impl Scheduled {
    fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            self.analytics.lock().scheduled = false;
        }
    }
}

impl Drop for Scheduled {
    fn drop(&mut self) {
        self.begin();
    }
}

pub(super) fn bucket(now_ms: u64) -> u64 {
    now_ms / HOUR_MS * HOUR_MS
}

pub(super) fn key(prefix: &str, start_ms: u64) -> String {
    format!("{prefix}:events:{start_ms}")
}
