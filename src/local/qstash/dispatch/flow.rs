//! The flow control of one key: how many attempts may run, and how many may begin in a window of time.

use std::collections::BTreeMap;

use super::{JobId, Turn};

/// The keys that are kept before those that are idle are forgotten.
pub(super) const MAX_IDLE_FLOWS: usize = 10_000;

/// The limits that a message brings for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FlowLimits {
    /// The attempts that may run at the same time.
    pub(crate) parallelism: Option<u32>,
    /// The attempts that may begin in a window.
    pub(crate) rate: Option<u32>,
    /// The length of a window, in milliseconds.
    pub(crate) period_ms: u64,
}

/// A change of a key by the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowChange {
    /// Stops the dispatch of the key's messages, or goes on with it.
    Pause(bool),
    /// Sets limits that messages do not change. A rate or a period begins a window.
    Pin { parallelism: Option<u32>, rate: Option<u32>, period_ms: Option<u64> },
    /// Lets messages change the limits again, which stay until one does.
    Unpin { parallelism: bool, rate: bool },
    /// Begins a window in which nothing has begun yet.
    ResetRate,
}

/// The state of a key, for the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowInfo {
    /// The jobs that wait.
    pub(crate) waiting: usize,
    /// The limits in force.
    pub(crate) limits: FlowLimits,
    /// The attempts that run.
    pub(crate) running: u32,
    /// The attempts that began in the window.
    pub(crate) count: u32,
    /// The begin of the window.
    pub(crate) window_start_ms: u64,
    /// Whether nothing begins.
    pub(crate) is_paused: bool,
    /// Whether messages leave the parallelism alone.
    pub(crate) is_pinned_parallelism: bool,
    /// Whether messages leave rate and period alone.
    pub(crate) is_pinned_rate: bool,
}

/// One key.
#[derive(Debug)]
pub(super) struct Flow {
    limits: FlowLimits,
    pins_parallelism: bool,
    pins_rate: bool,
    is_paused: bool,
    running: u32,
    count: u32,
    window_start_ms: u64,
    /// The jobs of the key, in any stage.
    pub(super) jobs: usize,
    /// Jobs that wait, in the order in which they came.
    pub(super) waiting: BTreeMap<Turn, JobId>,
}

/// Why nothing begins now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// Until an attempt ends, or the key changes.
    ByChange,
    /// Until the window ends.
    Until(u64),
}

impl Flow {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            limits: FlowLimits { period_ms: 1_000, ..FlowLimits::default() },
            pins_parallelism: false,
            pins_rate: false,
            is_paused: false,
            running: 0,
            count: 0,
            window_start_ms: now_ms,
            jobs: 0,
            waiting: BTreeMap::new(),
        }
    }

    /// Takes over what a message brings, except for what is pinned.
    pub(super) fn configure(&mut self, now_ms: u64, limits: FlowLimits) {
        self.turn_window(now_ms);
        if !self.pins_parallelism {
            self.limits.parallelism = limits.parallelism;
        }
        if !self.pins_rate {
            (self.limits.rate, self.limits.period_ms) = (limits.rate, limits.period_ms.max(1));
        }
    }

    pub(super) fn change(&mut self, now_ms: u64, change: FlowChange) {
        match change {
            FlowChange::Pause(is_paused) => self.is_paused = is_paused,
            FlowChange::Pin { parallelism, rate, period_ms } => {
                if parallelism.is_some() {
                    (self.limits.parallelism, self.pins_parallelism) = (parallelism, true);
                }
                if rate.is_some() || period_ms.is_some() {
                    self.limits.rate = rate.or(self.limits.rate);
                    self.limits.period_ms = period_ms.unwrap_or(self.limits.period_ms).max(1);
                    self.pins_rate = true;
                    self.begin_window(now_ms);
                }
            }
            FlowChange::Unpin { parallelism, rate } => {
                self.pins_parallelism &= !parallelism;
                self.pins_rate &= !rate;
            }
            FlowChange::ResetRate => self.begin_window(now_ms),
        }
    }

    fn begin_window(&mut self, now_ms: u64) {
        (self.count, self.window_start_ms) = (0, now_ms);
    }

    /// Whether an attempt may begin, or what holds it up.
    pub(super) fn admits(&mut self, now_ms: u64) -> Result<(), Held> {
        self.turn_window(now_ms);
        if self.is_paused || self.limits.parallelism.is_some_and(|limit| self.running >= limit) {
            return Err(Held::ByChange);
        }
        if self.limits.rate.is_some_and(|limit| self.count >= limit) {
            return Err(Held::Until(self.window_start_ms.saturating_add(self.limits.period_ms)));
        }
        Ok(())
    }

    /// Counts an attempt that begins.
    pub(super) fn begin(&mut self, now_ms: u64) {
        self.turn_window(now_ms);
        self.count = self.count.saturating_add(1);
        self.running += 1;
    }

    pub(super) fn end(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Whether the key may be forgotten: it holds nothing that the next message would not bring.
    pub(super) fn is_idle(&mut self, now_ms: u64) -> bool {
        self.turn_window(now_ms);
        let is_pinned = self.pins_parallelism || self.pins_rate;
        self.jobs == 0 && self.count == 0 && !self.is_paused && !is_pinned
    }

    pub(super) fn info(&mut self, now_ms: u64) -> FlowInfo {
        self.turn_window(now_ms);
        FlowInfo {
            waiting: self.waiting.len(),
            limits: self.limits,
            running: self.running,
            count: self.count,
            window_start_ms: self.window_start_ms,
            is_paused: self.is_paused,
            is_pinned_parallelism: self.pins_parallelism,
            is_pinned_rate: self.pins_rate,
        }
    }

    /// Windows follow each other without a gap, whether or not attempts begin in them.
    fn turn_window(&mut self, now_ms: u64) {
        let periods = now_ms.saturating_sub(self.window_start_ms) / self.limits.period_ms;
        if periods > 0 {
            self.window_start_ms += periods * self.limits.period_ms;
            self.count = 0;
        }
    }
}
