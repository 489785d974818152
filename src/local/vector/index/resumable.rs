//! Queries that go on.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::local::vector::{api::Include, limits::LocalVectorLimits, refusal::Refusal, store::Search};

/// The open queries of an index, by their ids.
#[derive(Debug, Default)]
pub(super) struct Resumables(Mutex<HashMap<String, Arc<Resumable>>>);

/// A query that goes on.
#[derive(Debug)]
pub(super) struct Resumable {
    pub(super) namespace: String,
    pub(super) search: Search,
    pub(super) include: Include,
    max_idle_ms: u64,
    progress: Mutex<Progress>,
}

/// The ids of the records that were returned.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) returned: HashSet<Arc<str>>,
    used_at_ms: u64,
}

impl Resumable {
    pub(super) fn new(namespace: String, search: Search, include: Include, max_idle_s: u64) -> Self {
        let max_idle_ms = max_idle_s.saturating_mul(1_000);
        Self { namespace, search, include, max_idle_ms, progress: Mutex::default() }
    }

    /// The progress, for one request at a time.
    pub(super) fn progress(&self, now_ms: u64) -> MutexGuard<'_, Progress> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.used_at_ms = now_ms;
        progress
    }

    fn is_idle(&self, now_ms: u64) -> bool {
        // One that is at work is not idle.
        self.progress.try_lock().is_ok_and(|progress| now_ms > progress.used_at_ms.saturating_add(self.max_idle_ms))
    }
}

impl Resumables {
    /// Keeps a query, and gives its id.
    pub(super) fn open(
        &self,
        query: Arc<Resumable>,
        limits: &LocalVectorLimits,
        now_ms: u64,
    ) -> Result<String, Refusal> {
        let id = uuid()?;
        let mut open = self.lock(now_ms);
        let most = limits.resumable_queries;
        if open.len() >= most {
            let text = format!("Too many resumable queries are open: at most {most} are allowed");
            return Err(Refusal::new(429, text));
        }
        open.insert(id.clone(), query);
        Ok(id)
    }

    pub(super) fn get(&self, id: &str, now_ms: u64) -> Result<Arc<Resumable>, Refusal> {
        self.lock(now_ms).get(id).cloned().ok_or_else(unknown)
    }

    pub(super) fn end(&self, id: &str, now_ms: u64) -> Result<(), Refusal> {
        self.lock(now_ms).remove(id).map(drop).ok_or_else(unknown)
    }

    /// Those that are not idle for too long.
    fn lock(&self, now_ms: u64) -> MutexGuard<'_, HashMap<String, Arc<Resumable>>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, query| !query.is_idle(now_ms));
        open
    }
}

fn unknown() -> Refusal {
    Refusal::not_found("The resumable query does not exist: it was ended, or was idle for too long")
}

/// A random UUID (RFC 9562, version 4).
fn uuid() -> Result<String, Refusal> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| Refusal::new(500, "the operating system gave no random bytes"))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    Ok([&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-"))
}
