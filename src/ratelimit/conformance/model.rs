//! The algorithms again, as simply as can be: no formula that a loop can replace, and nothing of what the crate uses.

use std::collections::BTreeMap;

/// What a limit is, to the model.
#[derive(Debug, Clone, Copy)]
pub(super) enum Model {
    Fixed {
        limit: i64,
        window: u64,
    },
    Sliding {
        limit: i64,
        window: u64,
    },
    Bucket {
        most: i64,
        rate: i64,
        interval: u64,
    },
    /// One request leaks away in each step.
    Leaky {
        burst: i64,
        step: u64,
    },
}

/// The model's state of one client.
#[derive(Debug, Default)]
pub(super) struct Memory {
    windows: BTreeMap<u64, i64>,
    bucket: Option<(u64, i64)>,
    /// How far the bucket that leaks is filled, in milliseconds, and when it was looked at.
    level: u64,
    at: u64,
}

impl Model {
    /// Whether a request passes, and what is left.
    pub(super) fn step(self, memory: &mut Memory, now: u64, cost: i64) -> (bool, i64) {
        let left = self.left(memory, now);
        let passes = cost <= 0 || left >= cost;
        if passes && cost != 0 {
            self.count(memory, now, cost);
        }
        (passes, self.left(memory, now).max(0))
    }

    /// In how many milliseconds a refused request passes: by trying every one of them.
    pub(super) fn wait(self, memory: &Memory, now: u64, cost: i64) -> u64 {
        let mut memory = memory.copy();
        (0..).find(|wait| self.left(&mut memory, now + wait) >= cost).unwrap_or(0)
    }

    fn left(self, memory: &mut Memory, now: u64) -> i64 {
        let counted = |index: Option<u64>| index.and_then(|index| memory.windows.get(&index)).copied().unwrap_or(0);
        match self {
            Self::Fixed { limit, window } => limit - counted(Some(now / window)),
            Self::Sliding { limit, window } => {
                let (before, current) = (counted((now / window).checked_sub(1)), counted(Some(now / window)));
                // Windows are powers of two here, so that the crate's floating point has nothing to round.
                let rest = i64::try_from(window - now % window).unwrap_or(0);
                limit - (before * rest).div_euclid(i64::try_from(window).unwrap_or(1)) - current
            }
            Self::Bucket { most, rate, interval } => {
                let Some((mut at, mut tokens)) = memory.bucket else { return most };
                while at + interval <= now {
                    at += interval;
                    tokens += rate;
                    if tokens >= most {
                        // Full: as if it had never been used.
                        memory.bucket = None;
                        return most;
                    }
                }
                memory.bucket = Some((at, tokens));
                tokens
            }
            Self::Leaky { burst, step } => {
                memory.level = memory.level.saturating_sub(now - memory.at);
                memory.at = now;
                let mut left = 0i64;
                while memory.level + (left + 1).unsigned_abs() * step <= burst.unsigned_abs() * step {
                    left += 1;
                }
                left
            }
        }
    }

    fn count(self, memory: &mut Memory, now: u64, cost: i64) {
        match self {
            Self::Fixed { window, .. } | Self::Sliding { window, .. } => {
                *memory.windows.entry(now / window).or_default() += cost;
            }
            Self::Bucket { most, .. } => {
                let (at, tokens) = memory.bucket.unwrap_or((now, most));
                memory.bucket = Some((at, tokens - cost));
            }
            Self::Leaky { step, .. } => {
                let amount = cost.unsigned_abs() * step;
                memory.level = if cost < 0 { memory.level.saturating_sub(amount) } else { memory.level + amount };
            }
        }
    }
}

impl Memory {
    fn copy(&self) -> Self {
        Self { windows: self.windows.clone(), bucket: self.bucket, level: self.level, at: self.at }
    }
}
