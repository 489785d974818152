use super::{
    member::{Member, Success},
    record::{HOUR_MS, bucket, key},
};
use crate::{
    Clock, Error, ErrorKind,
    ratelimit::Ratelimit,
    redis::{Cmd, Pairs},
    rt::from_unix_ms,
};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// Counts of allowed, refused and denied requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Requests within the limit.
    pub success: u64,
    /// Requests over the limit.
    pub blocked: u64,
    /// Requests of clients on a deny list.
    pub denied: u64,
}

/// The usage of one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageAt {
    /// The beginning of the hour.
    pub time: SystemTime,
    /// All identifiers together.
    pub usage: Usage,
}

/// The identifiers with the most allowed, refused and denied requests, the highest count first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Top {
    /// Requests within the limit.
    pub allowed: Vec<(String, u64)>,
    /// Requests over the limit.
    pub blocked: Vec<(String, u64)>,
    /// The values on deny lists.
    pub denied: Vec<(String, u64)>,
}

/// Hours in one request.
const CHUNK: usize = 48;
/// Hours that are looked at, at most.
const MOST: u64 = 2_200;
/// Members of an hour that are looked at: those with the most events.
const MEMBERS: i64 = 10_000;

impl Usage {
    fn add(&mut self, success: Success, events: u64) {
        let count = match success {
            Success::Allowed => &mut self.success,
            Success::Blocked => &mut self.blocked,
            Success::Denied => &mut self.denied,
        };
        *count += events;
    }
}

impl Ratelimit {
    /// Returns the usage of each identifier in the last `period`, in whole hours.
    ///
    /// Of an hour, the 10 000 members with the most events are looked at.
    ///
    /// # Errors
    /// If the limiter has no [`Analytics`](super::Analytics), or Redis fails.
    pub async fn usage(&self, period: Duration) -> Result<BTreeMap<String, Usage>, Error> {
        let mut usage: BTreeMap<String, Usage> = BTreeMap::new();
        self.walk(period, |_, identifier, success, events| {
            usage.entry(identifier.to_owned()).or_default().add(success, events);
        })
        .await?;
        Ok(usage)
    }

    /// Returns the usage of each hour of the last `period`, the oldest first.
    ///
    /// # Errors
    /// As [`usage`](Self::usage).
    pub async fn usage_over_time(&self, period: Duration) -> Result<Vec<UsageAt>, Error> {
        let mut hours: BTreeMap<u64, Usage> =
            hours(&self.settings.clock, period).map(|hour| (hour, Usage::default())).collect();
        self.walk(period, |hour, _, success, events| hours.entry(hour).or_default().add(success, events)).await?;
        Ok(hours.into_iter().map(|(time_ms, usage)| UsageAt { time: from_unix_ms(time_ms), usage }).collect())
    }

    /// Returns the `count` identifiers with the most allowed, refused and denied requests in the last `period`.
    ///
    /// # Errors
    /// As [`usage`](Self::usage).
    pub async fn most_allowed_blocked(&self, period: Duration, count: usize) -> Result<Top, Error> {
        let usage = self.usage(period).await?;
        let top = |of: fn(&Usage) -> u64| {
            let mut list: Vec<_> =
                usage.iter().map(|(id, usage)| (id.clone(), of(usage))).filter(|(_, n)| *n > 0).collect();
            list.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
            list.truncate(count);
            list
        };
        Ok(Top {
            allowed: top(|usage| usage.success),
            blocked: top(|usage| usage.blocked),
            denied: top(|usage| usage.denied),
        })
    }

    async fn walk(&self, period: Duration, mut see: impl FnMut(u64, &str, Success, u64)) -> Result<(), Error> {
        let missing = || Error::new(ErrorKind::InvalidInput, "the limiter has no analytics");
        let redis = self.settings.analytics.as_ref().ok_or_else(missing)?.redis();
        let hours: Vec<u64> = hours(&self.settings.clock, period).collect();
        for chunk in hours.chunks(CHUNK) {
            let mut pipeline = redis.pipeline();
            let mut slots = Vec::new();
            for &hour in chunk {
                let cmd = Cmd::new("ZRANGE").key(key(&self.settings.prefix, hour)).arg(0).arg(MEMBERS - 1);
                slots.push((hour, pipeline.issue::<Pairs<String, f64>>(cmd.arg("REV").arg("WITHSCORES"))));
            }
            let mut results = pipeline.exec().await?;
            for (hour, slot) in slots {
                for (member, events) in results.take(slot)?.0 {
                    // Members that another program wrote are left alone.
                    if let Ok(member) = serde_json::from_str::<Member<'_>>(&member) {
                        see(hour, &member.identifier, member.success, whole(events));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The first milliseconds of the hours, the latest first.
fn hours(clock: &Clock, period: Duration) -> impl Iterator<Item = u64> {
    let now = clock.now_ms();
    let latest = bucket(now);
    let period = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    let earliest = bucket(now.saturating_sub(period)).max(latest.saturating_sub(MOST * HOUR_MS));
    (0..=(latest - earliest) / HOUR_MS).map(move |index| latest - index * HOUR_MS)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "scores are counts; beyond them a cast saturates"
)]
fn whole(score: f64) -> u64 {
    score.max(0.0) as u64
}
