//! The dispatcher beside a slow one, which looks at every job each time.

use std::{collections::BTreeMap, sync::Arc};

use proptest::{collection::vec, option, prelude::*};

use super::{Dispatcher, FlowChange, FlowLimits, Job, JobId};

const PLACES: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    Add {
        delay: u64,
        host: u8,
        queue: Option<u8>,
        flow: Option<(u8, FlowLimits)>,
        callback_of: Option<prop::sample::Index>,
    },
    Advance(u64),
    End(prop::sample::Index, Option<u64>),
    Cancel(prop::sample::Index),
    SetQueue(u8, u32, bool),
    RemoveQueue(u8),
    Pin(u8, Option<u32>, Option<u32>, Option<u64>),
    Unpin(u8, bool, bool),
    Pause(u8, bool),
    ResetRate(u8),
}

fn limits() -> impl Strategy<Value = FlowLimits> {
    (option::of(1..3_u32), option::of(1..4_u32), 1..40_u64).prop_map(|(parallelism, rate, period_ms)| FlowLimits {
        parallelism,
        rate,
        period_ms,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        6 => (prop_oneof![Just(0), 0..30_u64], 0..3_u8, option::of(0..2_u8), option::of((0..2_u8, limits())), option::weighted(0.2, index()))
            .prop_map(|(delay, host, queue, flow, callback_of)| Step::Add { delay, host, queue, flow, callback_of }),
        4 => (0..30_u64).prop_map(Step::Advance),
        6 => (index(), option::weighted(0.3, 0..30_u64)).prop_map(|(index, retry)| Step::End(index, retry)),
        1 => index().prop_map(Step::Cancel),
        1 => (0..2_u8, 1..3_u32, any::<bool>()).prop_map(|(queue, parallelism, paused)| Step::SetQueue(queue, parallelism, paused)),
        1 => (0..2_u8).prop_map(Step::RemoveQueue),
        1 => (0..2_u8, option::of(1..3_u32), option::of(1..4_u32), option::of(1..40_u64))
            .prop_map(|(flow, parallelism, rate, period)| Step::Pin(flow, parallelism, rate, period)),
        1 => (0..2_u8, any::<bool>(), any::<bool>()).prop_map(|(flow, parallelism, rate)| Step::Unpin(flow, parallelism, rate)),
        1 => (0..2_u8, any::<bool>()).prop_map(|(flow, paused)| Step::Pause(flow, paused)),
        1 => (0..2_u8).prop_map(Step::ResetRate),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Timed(u64),
    InQueue,
    Ready,
    Running,
}

#[derive(Debug, Clone)]
struct Slow {
    id: JobId,
    /// The order in which jobs came to their stages.
    turn: u64,
    host: u8,
    queue: Option<u8>,
    active: bool,
    /// The queue in which a place is kept until it ends, and the job that has it.
    holds: Option<(u8, JobId)>,
    flow: Option<u8>,
    stage: Stage,
}

#[derive(Debug)]
struct SlowQueue {
    parallelism: u32,
    paused: bool,
    active: Vec<JobId>,
}

#[derive(Debug)]
struct SlowFlow {
    limits: FlowLimits,
    pins: (bool, bool),
    paused: bool,
    window: u64,
    starts: u32,
}

#[derive(Debug, Default)]
struct Model {
    jobs: Vec<Slow>,
    queues: BTreeMap<u8, SlowQueue>,
    flows: BTreeMap<u8, SlowFlow>,
    last: u64,
    /// Whether keys that are idle are forgotten when another one is made.
    forgets: bool,
}

impl Model {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn flow(&mut self, now: u64, key: u8) -> &mut SlowFlow {
        if self.forgets && !self.flows.contains_key(&key) {
            let keys: Vec<u8> = self.flows.keys().copied().collect();
            for other in keys {
                self.turn_window(now, other);
            }
            let jobs = &self.jobs;
            self.flows.retain(|key, flow| {
                let has_jobs = jobs.iter().any(|job| job.flow == Some(*key));
                has_jobs || flow.starts > 0 || flow.paused || flow.pins != (false, false)
            });
        }
        self.flows.entry(key).or_insert_with(|| SlowFlow {
            limits: FlowLimits { period_ms: 1_000, ..FlowLimits::default() },
            pins: (false, false),
            paused: false,
            window: now,
            starts: 0,
        });
        self.turn_window(now, key)
    }

    fn turn_window(&mut self, now: u64, key: u8) -> &mut SlowFlow {
        let flow = self.flows.get_mut(&key).unwrap();
        while flow.window + flow.limits.period_ms <= now {
            flow.window += flow.limits.period_ms;
            flow.starts = 0;
        }
        flow
    }

    fn running(&self, of: impl Fn(&Slow) -> bool) -> usize {
        self.jobs.iter().filter(|job| job.stage == Stage::Running && of(job)).count()
    }

    /// Moves every job as far as it may go without a place among all.
    fn settle(&mut self, now: u64) {
        loop {
            let mut due: Vec<(u64, u64, usize)> = Vec::new();
            for (at, job) in self.jobs.iter().enumerate() {
                if let Stage::Timed(time) = job.stage
                    && time <= now
                {
                    due.push((time, job.turn, at));
                }
            }
            let Some(&(_, _, at)) = due.iter().min() else { break };
            let turn = self.next();
            let job = &mut self.jobs[at];
            job.turn = turn;
            job.queue = job.queue.filter(|queue| self.queues.contains_key(queue));
            job.stage = if job.queue.is_some() { Stage::InQueue } else { Stage::Ready };
        }
        for (number, queue) in &mut self.queues {
            if queue.paused {
                let of_queue = self.jobs.iter_mut().filter(|job| job.queue == Some(*number));
                for job in of_queue.filter(|job| job.stage == Stage::Ready) {
                    job.stage = Stage::InQueue;
                }
                continue;
            }
            let mut waiting: Vec<&mut Slow> =
                self.jobs.iter_mut().filter(|job| job.queue == Some(*number) && job.stage == Stage::InQueue).collect();
            waiting.sort_by_key(|job| job.turn);
            for job in waiting {
                if job.active {
                    job.stage = Stage::Ready;
                } else if queue.active.len() < queue.parallelism as usize {
                    queue.active.push(job.id);
                    job.active = true;
                    job.stage = Stage::Ready;
                }
            }
        }
    }

    fn start_due(&mut self, now: u64) -> Vec<JobId> {
        self.settle(now);
        let mut started = Vec::new();
        loop {
            let mut ready: Vec<Slow> = self.jobs.iter().filter(|job| job.stage == Stage::Ready).cloned().collect();
            ready.sort_by_key(|job| job.turn);
            let mut seen = Vec::new();
            let free = PLACES - self.running(|_| true);
            let next = ready.into_iter().find(|job| {
                if let Some(key) = job.flow {
                    if seen.contains(&key) {
                        return false;
                    }
                    seen.push(key);
                    let running = self.running(|other| other.flow == Some(key));
                    let flow = self.flow(now, key);
                    let held = flow.limits.parallelism.is_some_and(|limit| running >= limit as usize)
                        || flow.limits.rate.is_some_and(|limit| flow.starts >= limit);
                    if flow.paused || held {
                        return false;
                    }
                }
                self.running(|other| other.host == job.host) < free
            });
            let Some(next) = next else { return started };
            if let Some(key) = next.flow {
                self.flow(now, key).starts += 1;
            }
            self.jobs.iter_mut().find(|job| job.id == next.id).unwrap().stage = Stage::Running;
            started.push(next.id);
        }
    }

    fn finish(&mut self, id: JobId) {
        let Some(at) = self.jobs.iter().position(|job| job.id == id) else { return };
        let Some((number, root)) = self.jobs.remove(at).holds else { return };
        let is_held = self.jobs.iter().any(|job| job.holds == Some((number, root)));
        if !is_held && let Some(queue) = self.queues.get_mut(&number) {
            queue.active.retain(|other| *other != root);
        }
    }
}

fn name(kind: &str, number: u8) -> Arc<str> {
    format!("{kind}{number}").into()
}

proptest! {
    #[test]
    fn begins_what_a_slow_dispatcher_begins(steps in vec(step(), 1..80), forgets in any::<bool>()) {
        let (mut dispatcher, mut model) = (Dispatcher::new(PLACES), Model { forgets, ..Model::default() });
        let (mut now, mut running) = (0, Vec::<JobId>::new());
        for (id, step) in steps.into_iter().enumerate() {
            let id = id as JobId;
            if forgets {
                dispatcher.max_flows = 0;
            }
            match step {
                Step::Add { delay, host, queue, flow, callback_of } => {
                    // A message in a queue needs the queue; a callback is in none, and keeps its message's place.
                    let root = callback_of.filter(|_| !running.is_empty()).map(|index| *index.get(&running));
                    let queue = queue.filter(|queue| root.is_none() && model.queues.contains_key(queue));
                    let turn = model.next();
                    let holds = match root {
                        Some(root) => model.jobs.iter().find(|job| job.id == root).unwrap().holds.filter(|(queue, root)| {
                            model.queues.get(queue).is_some_and(|queue| queue.active.contains(root))
                        }),
                        None => queue.map(|queue| (queue, id)),
                    };
                    if let Some((key, limits)) = flow {
                        let flow = model.flow(now, key);
                        if !flow.pins.0 {
                            flow.limits.parallelism = limits.parallelism;
                        }
                        if !flow.pins.1 {
                            (flow.limits.rate, flow.limits.period_ms) = (limits.rate, limits.period_ms);
                        }
                    }
                    let stage = Stage::Timed(now + delay);
                    let flow_key = flow.map(|(key, _)| key);
                    model.jobs.push(Slow { id, turn, host, queue, active: false, holds, flow: flow_key, stage });
                    let job = Job {
                        at_ms: now + delay,
                        host: name("host", host),
                        queue: queue.map(|queue| name("queue", queue)),
                        flow: flow.map(|(key, limits)| (name("flow", key), limits)),
                        holds: root,
                    };
                    dispatcher.add(now, id, job);
                }
                Step::Advance(by) => now += by,
                Step::End(index, retry) if !running.is_empty() => {
                    let id = running.remove(index.index(running.len()));
                    match retry {
                        Some(delay) => {
                            let turn = model.next();
                            let job = model.jobs.iter_mut().find(|job| job.id == id).unwrap();
                            (job.turn, job.stage) = (turn, Stage::Timed(now + delay));
                            dispatcher.retry(now, id, now + delay);
                        }
                        None => {
                            model.finish(id);
                            dispatcher.finish(now, id);
                        }
                    }
                }
                Step::Cancel(index) if !model.jobs.is_empty() => {
                    let id = model.jobs[index.index(model.jobs.len())].id;
                    if !dispatcher.is_running(id) {
                        prop_assert!(!running.contains(&id));
                        model.finish(id);
                        dispatcher.finish(now, id);
                    }
                }
                Step::SetQueue(number, parallelism, paused) => {
                    let active = model.queues.remove(&number).map_or_else(Vec::new, |before| before.active);
                    model.queues.insert(number, SlowQueue { parallelism, paused, active });
                    dispatcher.set_queue(now, &name("queue", number), parallelism, paused);
                }
                Step::RemoveQueue(number) => {
                    let gone = dispatcher.remove_queue(now, &name("queue", number));
                    let mut expected = Vec::new();
                    if model.queues.remove(&number).is_some() {
                        model.jobs.retain(|job| {
                            let waits = job.queue == Some(number) && !job.active;
                            if waits {
                                expected.push(job.id);
                            }
                            !waits
                        });
                        for job in model.jobs.iter_mut().filter(|job| job.queue == Some(number) && job.active) {
                            job.queue = None;
                            if job.stage == Stage::InQueue {
                                job.stage = Stage::Ready;
                            }
                        }
                        expected.sort_unstable();
                    }
                    prop_assert_eq!(gone, expected);
                }
                Step::Pin(key, parallelism, rate, period) => {
                    let flow = model.flow(now, key);
                    if parallelism.is_some() {
                        (flow.limits.parallelism, flow.pins.0) = (parallelism, true);
                    }
                    if rate.is_some() || period.is_some() {
                        flow.limits.rate = rate.or(flow.limits.rate);
                        flow.limits.period_ms = period.unwrap_or(flow.limits.period_ms);
                        (flow.pins.1, flow.starts, flow.window) = (true, 0, now);
                    }
                    let change = FlowChange::Pin { parallelism, rate, period_ms: period };
                    dispatcher.change_flow(now, &name("flow", key), change);
                }
                Step::Unpin(key, parallelism, rate) => {
                    let flow = model.flow(now, key);
                    flow.pins = (flow.pins.0 && !parallelism, flow.pins.1 && !rate);
                    dispatcher.change_flow(now, &name("flow", key), FlowChange::Unpin { parallelism, rate });
                }
                Step::Pause(key, paused) => {
                    model.flow(now, key).paused = paused;
                    dispatcher.change_flow(now, &name("flow", key), FlowChange::Pause(paused));
                }
                Step::ResetRate(key) => {
                    let flow = model.flow(now, key);
                    (flow.starts, flow.window) = (0, now);
                    dispatcher.change_flow(now, &name("flow", key), FlowChange::ResetRate);
                }
                Step::End(..) | Step::Cancel(_) => {}
            }
            let expected = model.start_due(now);
            prop_assert_eq!(dispatcher.start_due(now), &*expected);
            running.extend(expected);
            // What waits for a time alone is announced.
            let timed = model.jobs.iter().filter_map(|job| match job.stage {
                Stage::Timed(at) => Some(at),
                _ => None,
            });
            if let Some(earliest) = timed.min() {
                prop_assert!(dispatcher.next_due().is_some_and(|due| due <= earliest));
            }
            for (number, queue) in &model.queues {
                let waiting = model.jobs.iter().filter(|job| job.queue == Some(*number) && !job.active && job.stage == Stage::InQueue);
                prop_assert_eq!(dispatcher.queue_lag(&name("queue", *number)), waiting.count() + queue.active.len());
            }
        }
        // Time and ends alone bring every job that nothing holds up to its end.
        for queue in 0..2 {
            if model.queues.contains_key(&queue) {
                dispatcher.set_queue(now, &name("queue", queue), 1, false);
            }
            dispatcher.change_flow(now, &name("flow", queue), FlowChange::Pause(false));
        }
        running.extend(dispatcher.start_due(now));
        for _ in 0..10_000 {
            if let Some(id) = running.pop() {
                dispatcher.finish(now, id);
            } else if let Some(due) = dispatcher.next_due() {
                now = now.max(due);
            }
            running.extend(dispatcher.start_due(now));
        }
        prop_assert_eq!(dispatcher.usage().1, 0);
        prop_assert!(dispatcher.is_empty());
    }
}
