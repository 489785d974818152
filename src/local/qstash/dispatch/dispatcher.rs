use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    JobId, Turn,
    crowd::{Crowd, Source},
    flow::{Flow, FlowLimits, Held, MAX_IDLE_FLOWS},
    lane::Lane,
    share::Share,
};

/// What decides when the attempts of a message begin.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The earliest time of the first attempt.
    pub(crate) at_ms: u64,
    /// The host of the destination.
    pub(crate) host: Arc<str>,
    /// The queue that it is in.
    pub(crate) queue: Option<Arc<str>>,
    /// The key of its flow control, with the limits that it brings.
    pub(crate) flow: Option<(Arc<str>, FlowLimits)>,
    /// The job whose place in a queue is kept until this one has ended as well: a callback names its message.
    pub(crate) holds: Option<JobId>,
}

/// Decides which attempt begins next.
///
/// A job waits for its time, then for its place in a queue, then for its flow control, then for a free place among all
/// attempts. A retry keeps its place in the queue and passes the rest again.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(super) jobs: HashMap<JobId, Entry>,
    timed: BTreeSet<(u64, Turn, JobId)>,
    pub(super) lanes: HashMap<Arc<str>, Lane>,
    pub(super) flows: HashMap<Arc<str>, Flow>,
    /// Jobs without flow control that wait for a place alone, by their hosts.
    hosts: HashMap<Arc<str>, BTreeMap<Turn, JobId>>,
    /// The list that has the first job of a source.
    listed: HashMap<Source, Listing>,
    /// Sources whose first job may begin, as far as is known.
    ready: BTreeSet<(Turn, Source)>,
    /// Sources whose first job found no place.
    crowd: Crowd,
    /// Keys whose window holds no more, by its end.
    windows: BTreeSet<(u64, Source)>,
    share: Share,
    last_turn: Turn,
    /// The number of keys at which those that are idle are forgotten.
    pub(super) max_flows: usize,
}

#[derive(Debug)]
pub(super) struct Entry {
    host: Arc<str>,
    pub(super) queue: Option<Arc<str>>,
    /// Whether it has a place in its queue.
    pub(super) is_active: bool,
    /// The queue in which a place is kept until this job has ended, and the job that has it.
    holds: Option<(Arc<str>, JobId)>,
    flow: Option<Arc<str>>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Timed(u64, Turn),
    InQueue(Turn),
    Ready(Turn),
    Running,
}

#[derive(Debug)]
enum Listing {
    Ready(Turn, Arc<str>),
    Crowded(Turn, Arc<str>),
    Window(u64),
}

impl Dispatcher {
    /// A dispatcher that lets so many attempts run at the same time.
    pub(crate) fn new(places: usize) -> Self {
        Self {
            jobs: HashMap::new(),
            timed: BTreeSet::new(),
            lanes: HashMap::new(),
            flows: HashMap::new(),
            hosts: HashMap::new(),
            listed: HashMap::new(),
            ready: BTreeSet::new(),
            crowd: Crowd::default(),
            windows: BTreeSet::new(),
            share: Share::new(places),
            last_turn: 0,
            max_flows: MAX_IDLE_FLOWS,
        }
    }

    /// Adds a job. Its queue, if it has one, exists.
    pub(crate) fn add(&mut self, now_ms: u64, id: JobId, job: Job) {
        let holds = match job.holds {
            Some(root) => self.held_by(root),
            None => job.queue.clone().map(|queue| (queue, id)),
        };
        if let Some((key, limits)) = &job.flow {
            let flow = self.flow(now_ms, key);
            flow.configure(now_ms, *limits);
            flow.jobs += 1;
            self.relist(now_ms, Source::Flow(Arc::clone(key)));
        }
        let turn = self.turn();
        let stage = Stage::Timed(job.at_ms, turn);
        let flow = job.flow.map(|(key, _)| key);
        self.jobs.insert(id, Entry { host: job.host, queue: job.queue, is_active: false, holds, flow, stage });
        if job.at_ms > now_ms {
            self.timed.insert((job.at_ms, turn, id));
        } else {
            self.enter(now_ms, id, turn);
        }
    }

    /// The jobs whose next attempt begins now. They run until [`retry`](Self::retry) or [`finish`](Self::finish).
    pub(crate) fn start_due(&mut self, now_ms: u64) -> Vec<JobId> {
        while let Some(&(at_ms, turn, id)) = self.timed.first().filter(|(at_ms, ..)| *at_ms <= now_ms) {
            self.timed.remove(&(at_ms, turn, id));
            // Ahead of those whose time came later, whichever was added first.
            let turn = self.turn();
            self.enter(now_ms, id, turn);
        }
        while let Some((_, source)) = self.windows.first().filter(|(at_ms, _)| *at_ms <= now_ms).cloned() {
            self.relist(now_ms, source);
        }
        let mut started = Vec::new();
        while let Some((turn, source)) = self.ready.first().cloned() {
            if let Some(id) = self.start(now_ms, turn, &source) {
                started.push(id);
            }
            self.relist(now_ms, source);
            self.make_room(now_ms);
        }
        started
    }

    /// The next time at which [`start_due`](Self::start_due) may find a job without anything else happening.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let timed = self.timed.first().map(|(at_ms, ..)| *at_ms);
        let window = self.windows.first().map(|(at_ms, _)| *at_ms);
        timed.into_iter().chain(window).min()
    }

    /// Whether [`start_due`](Self::start_due) would change something.
    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        !self.ready.is_empty() || self.next_due().is_some_and(|due| due <= now_ms)
    }

    /// Ends an attempt that another one follows at that time.
    pub(crate) fn retry(&mut self, now_ms: u64, id: JobId, at_ms: u64) {
        self.stop(now_ms, id);
        let turn = self.turn();
        if let Some(entry) = self.jobs.get_mut(&id) {
            entry.stage = Stage::Timed(at_ms, turn);
            self.timed.insert((at_ms, turn, id));
        }
    }

    /// Ends a job, after its last attempt or before.
    pub(crate) fn finish(&mut self, now_ms: u64, id: JobId) {
        self.stop(now_ms, id);
        if let Some(entry) = self.forget(id)
            && let Some((queue, root)) = entry.holds
            && let Some(lane) = self.lanes.get_mut(&queue)
        {
            lane.release(root);
            self.advance(now_ms, &queue);
        }
    }

    /// Drops a job that is in nothing any more.
    pub(super) fn forget(&mut self, id: JobId) -> Option<Entry> {
        let entry = self.jobs.remove(&id)?;
        if let Some(flow) = entry.flow.as_ref().and_then(|key| self.flows.get_mut(key)) {
            flow.jobs = flow.jobs.saturating_sub(1);
        }
        Some(entry)
    }

    /// Whether an attempt of the job runs.
    pub(crate) fn is_running(&self, id: JobId) -> bool {
        self.jobs.get(&id).is_some_and(|entry| entry.stage == Stage::Running)
    }

    /// Whether no attempt runs, and none may begin before a time or a change.
    pub(crate) fn is_idle(&self) -> bool {
        self.share.usage().1 == 0 && self.ready.is_empty()
    }

    /// Whether there are no jobs.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The places for attempts, and those that are taken.
    pub(crate) fn usage(&self) -> (usize, usize) {
        self.share.usage()
    }

    /// Takes a job out of what it is in, or ends its attempt.
    fn stop(&mut self, now_ms: u64, id: JobId) {
        let Some(entry) = self.jobs.get(&id) else { return };
        let (host, flow) = (Arc::clone(&entry.host), entry.flow.clone());
        match entry.stage {
            Stage::Timed(at_ms, turn) => {
                self.timed.remove(&(at_ms, turn, id));
            }
            Stage::InQueue(turn) => {
                if let Some(lane) = entry.queue.as_ref().and_then(|queue| self.lanes.get_mut(queue)) {
                    lane.leave(turn);
                }
            }
            Stage::Ready(turn) => {
                let source = flow.map_or(Source::Host(host), Source::Flow);
                self.take_out(&source, turn);
                self.relist(now_ms, source);
            }
            Stage::Running => {
                self.share.give_back(&host);
                self.crowd.set_places(&host, self.share.of(&host));
                if let Some(key) = flow {
                    if let Some(flow) = self.flows.get_mut(&key) {
                        flow.end();
                    }
                    self.relist(now_ms, Source::Flow(key));
                }
                self.make_room(now_ms);
            }
        }
    }

    /// Goes on with a job whose time has come.
    fn enter(&mut self, now_ms: u64, id: JobId, turn: Turn) {
        let Some(entry) = self.jobs.get_mut(&id) else { return };
        let Some(queue) = entry.queue.clone() else { return self.make_ready(now_ms, id, turn) };
        let is_active = entry.is_active;
        let Some(lane) = self.lanes.get_mut(&queue) else {
            entry.queue = None;
            return self.make_ready(now_ms, id, turn);
        };
        if !is_active {
            lane.join(turn, id);
        } else if !lane.stalls(turn, id) {
            return self.make_ready(now_ms, id, turn);
        }
        entry.stage = Stage::InQueue(turn);
        self.advance(now_ms, &queue);
    }

    /// Gives the free places of a queue to the jobs that wait in it.
    pub(super) fn advance(&mut self, now_ms: u64, queue: &Arc<str>) {
        while let Some((turn, id)) = self.lanes.get_mut(queue).and_then(Lane::next) {
            if let Some(entry) = self.jobs.get_mut(&id) {
                entry.is_active = true;
            }
            self.make_ready(now_ms, id, turn);
        }
    }

    /// Takes a job back that waits for its flow control or for a free place, and gives its turn.
    pub(super) fn withdraw(&mut self, now_ms: u64, id: JobId) -> Option<Turn> {
        let Stage::Ready(turn) = self.jobs.get(&id)?.stage else { return None };
        self.stop(now_ms, id);
        self.jobs.get_mut(&id)?.stage = Stage::InQueue(turn);
        Some(turn)
    }

    pub(super) fn make_ready(&mut self, now_ms: u64, id: JobId, turn: Turn) {
        let Some(entry) = self.jobs.get_mut(&id) else { return };
        entry.stage = Stage::Ready(turn);
        let (host, flow) = (Arc::clone(&entry.host), entry.flow.clone());
        let source = match flow {
            Some(key) => {
                self.flow(now_ms, &key).waiting.insert(turn, id);
                Source::Flow(key)
            }
            None => {
                self.hosts.entry(Arc::clone(&host)).or_default().insert(turn, id);
                Source::Host(host)
            }
        };
        self.relist(now_ms, source);
    }

    /// Begins the first job of a source if there is a place for it.
    fn start(&mut self, now_ms: u64, turn: Turn, source: &Source) -> Option<JobId> {
        let id = self.first(source).filter(|(first, _)| *first == turn)?.1;
        let host = Arc::clone(&self.jobs.get(&id)?.host);
        if !self.share.admits(&host) {
            return None;
        }
        if let Source::Flow(key) = source {
            let flow = self.flows.get_mut(key)?;
            flow.admits(now_ms).ok()?;
            flow.begin(now_ms);
        }
        self.take_out(source, turn);
        self.share.take(&host);
        self.crowd.set_places(&host, self.share.of(&host));
        self.jobs.get_mut(&id)?.stage = Stage::Running;
        Some(id)
    }

    fn first(&self, source: &Source) -> Option<(Turn, JobId)> {
        let waiting = match source {
            Source::Host(host) => self.hosts.get(host),
            Source::Flow(key) => self.flows.get(key).map(|flow| &flow.waiting),
        };
        waiting?.first_key_value().map(|(turn, id)| (*turn, *id))
    }

    fn take_out(&mut self, source: &Source, turn: Turn) {
        match source {
            Source::Host(host) => {
                if let Some(waiting) = self.hosts.get_mut(host) {
                    waiting.remove(&turn);
                    if waiting.is_empty() {
                        self.hosts.remove(host);
                    }
                }
            }
            Source::Flow(key) => {
                if let Some(flow) = self.flows.get_mut(key) {
                    flow.waiting.remove(&turn);
                }
            }
        }
    }

    /// Lists a source anew after its first job, its limits or the places changed.
    pub(super) fn relist(&mut self, now_ms: u64, source: Source) {
        let before = self.unlist(&source);
        let after = self.list(now_ms, source);
        if before.is_some() && before != after {
            // The place that it would have taken is another one's.
            self.make_room(now_ms);
        }
    }

    /// The host that a place was about to be taken for.
    fn unlist(&mut self, source: &Source) -> Option<Arc<str>> {
        match self.listed.remove(source)? {
            Listing::Ready(turn, host) => {
                self.ready.remove(&(turn, source.clone()));
                return Some(host);
            }
            Listing::Window(at_ms) => {
                self.windows.remove(&(at_ms, source.clone()));
            }
            Listing::Crowded(turn, host) => self.crowd.remove(&host, turn, source),
        }
        None
    }

    /// The host that a place is about to be taken for.
    fn list(&mut self, now_ms: u64, source: Source) -> Option<Arc<str>> {
        let (turn, id) = self.first(&source)?;
        if let Source::Flow(key) = &source
            && let Some(Err(held)) = self.flows.get_mut(key).map(|flow| flow.admits(now_ms))
        {
            if let Held::Until(at_ms) = held {
                self.windows.insert((at_ms, source.clone()));
                self.listed.insert(source, Listing::Window(at_ms));
            }
            return None;
        }
        let host = Arc::clone(&self.jobs.get(&id)?.host);
        if self.share.admits(&host) {
            self.ready.insert((turn, source.clone()));
            self.listed.insert(source, Listing::Ready(turn, Arc::clone(&host)));
            return Some(host);
        }
        self.crowd.insert(&host, self.share.of(&host), turn, source.clone());
        self.listed.insert(source, Listing::Crowded(turn, host));
        None
    }

    /// Lists the oldest source anew that found no place and may have one now: one at a time, as each place is one.
    fn make_room(&mut self, now_ms: u64) {
        if let Some(source) = self.crowd.oldest_below(self.share.free()) {
            self.relist(now_ms, source);
        }
    }

    /// The place that the job `root` has in a queue, which another job keeps as well from now on.
    fn held_by(&mut self, root: JobId) -> Option<(Arc<str>, JobId)> {
        let (queue, root) = self.jobs.get(&root)?.holds.clone()?;
        self.lanes.get_mut(&queue)?.hold(root).then_some((queue, root))
    }

    fn turn(&mut self) -> Turn {
        self.last_turn += 1;
        self.last_turn
    }
}
