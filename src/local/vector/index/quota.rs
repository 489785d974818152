use crate::local::vector::{limits::LocalVectorLimits, refusal::Refusal};

const DAY_MS: u64 = 24 * 3600 * 1000;

/// The queries and updates of a day, from midnight to midnight in UTC.
#[derive(Debug, Default)]
pub(super) struct Quota {
    day: u64,
    queries: u64,
    updates: u64,
}

impl Quota {
    /// Counts queries, or refuses all of them.
    pub(super) fn query(&mut self, count: u64, limits: &LocalVectorLimits, now_ms: u64) -> Result<(), Refusal> {
        self.turn(now_ms);
        take(&mut self.queries, count, limits.daily_queries, "query")
    }

    /// Counts updates, or refuses all of them.
    pub(super) fn update(&mut self, count: u64, limits: &LocalVectorLimits, now_ms: u64) -> Result<(), Refusal> {
        self.turn(now_ms);
        take(&mut self.updates, count, limits.daily_updates, "write")
    }

    /// Whether so many queries are left, without counting them.
    pub(super) fn check_query(&mut self, count: u64, limits: &LocalVectorLimits, now_ms: u64) -> Result<(), Refusal> {
        self.turn(now_ms);
        take(&mut self.queries.clone(), count, limits.daily_queries, "query")
    }

    /// Whether so many updates are left, without counting them.
    pub(super) fn check_update(&mut self, count: u64, limits: &LocalVectorLimits, now_ms: u64) -> Result<(), Refusal> {
        self.turn(now_ms);
        take(&mut self.updates.clone(), count, limits.daily_updates, "write")
    }

    fn turn(&mut self, now_ms: u64) {
        let day = now_ms / DAY_MS;
        if day != self.day {
            *self = Self { day, ..Self::default() };
        }
    }
}

fn take(used: &mut u64, count: u64, limit: Option<u64>, name: &str) -> Result<(), Refusal> {
    let sum = used.saturating_add(count);
    match limit {
        Some(limit) if sum > limit => Err(Refusal::forbidden(format!("Exceeded daily {name} limit: {limit}"))),
        _ => {
            *used = sum;
            Ok(())
        }
    }
}
