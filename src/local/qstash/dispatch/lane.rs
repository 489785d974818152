//! The jobs of one queue: which of them are active, and which wait for their turn.

use std::collections::{BTreeMap, HashMap};

use super::{JobId, Turn};

/// One queue.
#[derive(Debug)]
pub(super) struct Lane {
    parallelism: u32,
    is_paused: bool,
    /// Jobs that wait for a place, in the order in which they came.
    waiting: BTreeMap<Turn, JobId>,
    /// Active jobs, each with the number of jobs that have to end before its place is free: itself and its callbacks.
    active: HashMap<JobId, u32>,
    /// Active jobs whose next attempt was due while the queue was paused.
    stalled: BTreeMap<Turn, JobId>,
}

impl Lane {
    pub(super) fn new(parallelism: u32, is_paused: bool) -> Self {
        Self {
            parallelism: parallelism.max(1),
            is_paused,
            waiting: BTreeMap::new(),
            active: HashMap::new(),
            stalled: BTreeMap::new(),
        }
    }

    pub(super) fn configure(&mut self, parallelism: u32, is_paused: bool) {
        (self.parallelism, self.is_paused) = (parallelism.max(1), is_paused);
    }

    /// Adds a job at the end.
    pub(super) fn join(&mut self, turn: Turn, job: JobId) {
        self.waiting.insert(turn, job);
    }

    /// Keeps the next attempt of an active job for later if the queue is paused.
    pub(super) fn stalls(&mut self, turn: Turn, job: JobId) -> bool {
        if self.is_paused {
            self.stalled.insert(turn, job);
        }
        self.is_paused
    }

    /// The next job that may go on, with its turn.
    pub(super) fn next(&mut self) -> Option<(Turn, JobId)> {
        if self.is_paused {
            return None;
        }
        if let Some(stalled) = self.stalled.pop_first() {
            return Some(stalled);
        }
        if self.active.len() >= usize::try_from(self.parallelism).unwrap_or(usize::MAX) {
            return None;
        }
        let (turn, job) = self.waiting.pop_first()?;
        self.active.insert(job, 1);
        Some((turn, job))
    }

    /// Keeps the place of an active job until one more job has ended. `false` if it has none.
    pub(super) fn hold(&mut self, root: JobId) -> bool {
        self.active.get_mut(&root).map(|jobs| *jobs += 1).is_some()
    }

    /// Notes the end of one of the jobs that hold a place.
    pub(super) fn release(&mut self, root: JobId) {
        if let Some(jobs) = self.active.get_mut(&root) {
            *jobs -= 1;
            if *jobs == 0 {
                self.active.remove(&root);
            }
        }
    }

    /// Takes out a job that waits.
    pub(super) fn leave(&mut self, turn: Turn) {
        self.waiting.remove(&turn);
        self.stalled.remove(&turn);
    }

    /// The jobs that wait, and those that are active.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.active.len()
    }

    /// The jobs that have a place.
    pub(super) fn active(&self) -> impl Iterator<Item = JobId> + '_ {
        self.active.keys().copied()
    }

    /// Active jobs whose next attempt waits for the end of the pause.
    pub(super) fn stalled(&self) -> impl Iterator<Item = (Turn, JobId)> + '_ {
        self.stalled.iter().map(|(turn, job)| (*turn, *job))
    }
}
