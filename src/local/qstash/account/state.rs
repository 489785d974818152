use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use super::{
    log::Log,
    recent::{Deduplicated, Delivered},
};
use crate::local::{
    journal::Journal,
    qstash::{
        deliver::Outcome,
        dispatch::{Dispatcher, FlowChange, FlowInfo, JobId},
        limits::QStashLimits,
        message::Message,
        records::{DeadLetter, Filter, Group, KeptEvent, Keys, Queue, Record, Row, Run, Schedule, State, Waiter},
        refusal::Refusal,
    },
};

/// One account.
///
/// What happens is a [`Record`], which goes into the journal and changes the account, in this order.
pub(crate) struct Account {
    pub(super) limits: Arc<QStashLimits>,
    pub(super) journal: Box<dyn Journal<Record>>,
    pub(super) dispatcher: Dispatcher,
    /// The jobs that the last dispatch began.
    pub(super) begun: Vec<JobId>,
    pub(super) live: HashMap<JobId, Live>,
    pub(super) by_id: HashMap<String, JobId>,
    pub(super) last_job: JobId,
    /// The bytes of the messages that have not ended.
    pub(super) pending_bytes: usize,
    pub(super) delivered: Delivered,
    pub(super) deduplicated: Deduplicated,
    /// Messages that were cancelled, by the time of the attempt that will not be made.
    pub(super) cancelled: BTreeMap<(u64, JobId), Arc<Message>>,
    pub(super) queues: BTreeMap<Arc<str>, Queue>,
    pub(super) groups: BTreeMap<String, Arc<Group>>,
    pub(super) schedules: BTreeMap<String, Arc<Schedule>>,
    /// The next times of the schedules.
    pub(super) ticks: BTreeSet<(u64, String)>,
    pub(super) dead_letters: BTreeMap<u64, Arc<DeadLetter>>,
    pub(super) dead_letter_bytes: usize,
    pub(super) last_dead_letter: u64,
    pub(super) log: Log,
    pub(super) keys: Keys,
    /// The runs of workflows.
    pub(super) runs: HashMap<Arc<str>, Run>,
    /// About how many bytes they take.
    pub(super) run_bytes: usize,
    /// Those that have ended, in this order, each with that time and the one at which it began.
    pub(super) ended_runs: VecDeque<(u64, Arc<str>, u64)>,
    /// The steps that wait for an event, by deadline and number.
    pub(super) waiters: BTreeMap<(u64, u64), Arc<Waiter>>,
    pub(super) last_waiter: u64,
    /// Events that came before the wait for them.
    pub(super) kept_events: Vec<Arc<KeptEvent>>,
    /// The day since the epoch, and the messages that were taken on it.
    pub(super) day: (u64, u64),
}

/// A message that has not ended.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) message: Arc<Message>,
    pub(super) retried: u32,
    /// The time of the next attempt.
    pub(super) next_ms: u64,
    /// Whether it ends with the attempt that runs.
    pub(super) is_cancelled: bool,
}

impl Account {
    /// An account as its journal left it. Attempts that ran then are made again.
    pub(crate) fn new(
        now_ms: u64,
        limits: Arc<QStashLimits>,
        keys: Keys,
        mut journal: Box<dyn Journal<Record>>,
    ) -> Self {
        let before = journal.load();
        let mut account = Self {
            dispatcher: Dispatcher::new(limits.max_running),
            begun: Vec::new(),
            log: Log::new(limits.max_log_bytes),
            limits,
            journal,
            live: HashMap::new(),
            by_id: HashMap::new(),
            last_job: 0,
            pending_bytes: 0,
            delivered: Delivered::default(),
            deduplicated: Deduplicated::default(),
            cancelled: BTreeMap::new(),
            queues: BTreeMap::new(),
            groups: BTreeMap::new(),
            schedules: BTreeMap::new(),
            ticks: BTreeSet::new(),
            dead_letters: BTreeMap::new(),
            dead_letter_bytes: 0,
            last_dead_letter: 0,
            keys,
            runs: HashMap::new(),
            ended_runs: VecDeque::new(),
            run_bytes: 0,
            waiters: BTreeMap::new(),
            last_waiter: 0,
            kept_events: Vec::new(),
            day: (0, 0),
        };
        for (time_ms, record) in before {
            account.apply(time_ms, record);
        }
        account.resume(now_ms);
        account
    }

    /// The next time at which something is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let tick = self.ticks.first().map(|(at_ms, _)| *at_ms);
        let cancelled = self.cancelled.keys().next().map(|(at_ms, _)| *at_ms);
        let wait = self.waiters.keys().next().map(|(deadline_ms, _)| *deadline_ms);
        [self.dispatcher.next_due(), tick, cancelled, wait].into_iter().flatten().min()
    }

    /// Whether no attempt runs, and nothing is due.
    pub(crate) fn is_idle(&self, now_ms: u64) -> bool {
        self.dispatcher.is_idle() && self.next_due().is_none_or(|due| due > now_ms)
    }

    /// The message of that id, if it has not ended, or was delivered a moment ago.
    pub(crate) fn message(&mut self, now_ms: u64, id: &str) -> Option<Arc<Message>> {
        if let Some(live) = self.by_id.get(id).and_then(|job| self.live.get(job)) {
            return (!live.is_cancelled).then(|| Arc::clone(&live.message));
        }
        self.delivered.get(now_ms, id).cloned()
    }

    /// So many rows of the log, the newest first, and the cursor of the next page.
    pub(crate) fn log(&self, filter: &Filter, after: Option<u64>, count: usize) -> (Vec<Arc<Row>>, Option<String>) {
        self.log.page(filter, after, count)
    }

    /// All rows of the log, the oldest first.
    pub(crate) fn rows(&self) -> Vec<Arc<Row>> {
        self.log.rows().cloned().collect()
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Makes the next signing key the current one.
    pub(crate) fn rotate_keys(&mut self, now_ms: u64) {
        self.commit(now_ms, Record::Keys(self.keys.rotated()));
    }

    /// The state of a key of flow control.
    pub(crate) fn flow(&mut self, now_ms: u64, key: &str) -> Option<FlowInfo> {
        self.dispatcher.flow_info(now_ms, key)
    }

    /// The keys of flow control, in their order.
    pub(crate) fn flow_keys(&self) -> Vec<Arc<str>> {
        let mut keys: Vec<Arc<str>> = self.dispatcher.flow_keys().cloned().collect();
        keys.sort_unstable();
        keys
    }

    /// Changes a key of flow control that exists.
    pub(crate) fn change_flow(&mut self, now_ms: u64, key: &str, change: FlowChange) -> Result<(), Refusal> {
        let no_key = || Refusal::not_found(format!("flow control key {key} not found"));
        let key = self.dispatcher.flow_key(key).ok_or_else(no_key)?;
        self.commit(now_ms, Record::Flow(key, change));
        Ok(())
    }

    /// The attempts that may run at the same time, and those that do.
    pub(crate) fn parallelism(&self) -> (usize, usize) {
        self.dispatcher.usage()
    }

    pub(super) fn note(&mut self, now_ms: u64, state: State, message: &Arc<Message>) {
        self.note_with(now_ms, state, message, None, None);
    }

    /// Adds a row to the log.
    pub(super) fn note_with(
        &mut self,
        now_ms: u64,
        state: State,
        message: &Arc<Message>,
        outcome: Option<&Arc<Outcome>>,
        next_delivery_ms: Option<u64>,
    ) {
        let row = Row {
            number: self.log.next_number(),
            time_ms: now_ms,
            state,
            message: Arc::clone(message),
            error: outcome.and_then(|outcome| outcome.error.clone()),
            next_delivery_ms,
            outcome: outcome.cloned(),
        };
        self.commit(now_ms, Record::Logged(Arc::new(row)));
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("live", &self.live.len()).finish_non_exhaustive()
    }
}
