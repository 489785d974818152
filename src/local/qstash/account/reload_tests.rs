//! An account beside one that is made of its journal.

use std::{sync::Arc, time::Duration};

use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};

use super::{Account, Attempt, Revival, RunFields, Submission};
use crate::local::{
    journal::Kept,
    qstash::{
        deliver::Outcome,
        dispatch::{FlowChange, FlowLimits},
        limits::QStashLimits,
        message::{Callback, Deduplication, Message, Options},
        records::{Destination, Endpoint, Filter, Keys, Record, RunFilter, RunState, Schedule, Waiter},
        text::Cron,
        view,
    },
};

const BEGIN_MS: u64 = 1_800_000_000_000;
const QUEUE: &str = "queue";
const FLOW: &str = "flow";
const GROUP: &str = "group";
const SCHEDULE: &str = "schedule";

#[derive(Debug, Clone)]
enum Step {
    Publish {
        delay_s: u64,
        is_queued: bool,
        limits: Option<FlowLimits>,
        to_group: bool,
        repeats: Option<u8>,
        calls_back: bool,
    },
    Advance(u64),
    End(prop::sample::Index, u16),
    Cancel(prop::sample::Index),
    Queue(u32, bool),
    RemoveQueue,
    Flow(FlowChange),
    Group(bool),
    Schedule(bool),
    PauseSchedule(bool),
    RemoveSchedule,
    DeadLetter(prop::sample::Index, bool),
    RotateKeys,
    Run(RunStep),
}

/// Something that happens to runs of workflows.
#[derive(Debug, Clone)]
enum RunStep {
    /// Begins one, as the child of another or not.
    Begin(u8, Option<u8>),
    /// A step with this id is done.
    Add(u8, u64),
    Call(u8, u64),
    Wait(u8, u64, u64),
    /// An event, for one run or for all.
    Notify(Option<u8>),
    End(u8, bool),
    /// By its id: of runs that began in the same millisecond, the oldest is the one of the lowest id, and ids are random.
    Cancel(u8),
    /// A dead letter is resumed or restarted, or its failure is told again.
    Revive(prop::sample::Index, Option<bool>),
}

fn step() -> impl Strategy<Value = Step> {
    let limits = (option::of(1..4_u32), option::of(1..4_u32), 1..5_000_u64);
    let limits = limits.prop_map(|(parallelism, rate, period_ms)| FlowLimits { parallelism, rate, period_ms });
    let publish =
        (0..8_u64, any::<bool>(), option::of(limits), prop::bool::weighted(0.2), option::of(0..4_u8), any::<bool>());
    let flow = prop_oneof![
        any::<bool>().prop_map(FlowChange::Pause),
        (option::of(1..4_u32), option::of(1..4_u32), option::of(1..5_000_u64))
            .prop_map(|(parallelism, rate, period_ms)| FlowChange::Pin { parallelism, rate, period_ms }),
        any::<(bool, bool)>().prop_map(|(parallelism, rate)| FlowChange::Unpin { parallelism, rate }),
        Just(FlowChange::ResetRate),
    ];
    prop_oneof![
        10 => publish.prop_map(|(delay_s, is_queued, limits, to_group, repeats, calls_back)| {
            Step::Publish { delay_s: delay_s.saturating_sub(3), is_queued, limits, to_group, repeats, calls_back }
        }),
        8 => (0..20_000_u64).prop_map(Step::Advance),
        10 => (any::<prop::sample::Index>(), prop::sample::select(vec![200_u16, 500, 489])).prop_map(|(at, status)| Step::End(at, status)),
        2 => any::<prop::sample::Index>().prop_map(Step::Cancel),
        2 => (1..4_u32, any::<bool>()).prop_map(|(parallelism, is_paused)| Step::Queue(parallelism, is_paused)),
        1 => Just(Step::RemoveQueue),
        3 => flow.prop_map(Step::Flow),
        1 => any::<bool>().prop_map(Step::Group),
        1 => any::<bool>().prop_map(Step::Schedule),
        1 => any::<bool>().prop_map(Step::PauseSchedule),
        1 => Just(Step::RemoveSchedule),
        2 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(at, again)| Step::DeadLetter(at, again)),
        1 => Just(Step::RotateKeys),
        12 => run_step().prop_map(Step::Run),
    ]
}

fn run_step() -> impl Strategy<Value = RunStep> {
    let run = 0..4_u8;
    prop_oneof![
        4 => (run.clone(), option::weighted(0.3, 0..4_u8)).prop_map(|(run, parent)| RunStep::Begin(run, parent)),
        4 => (run.clone(), 1..4_u64).prop_map(|(run, step)| RunStep::Add(run, step)),
        2 => (run.clone(), 1..4_u64).prop_map(|(run, step)| RunStep::Call(run, step)),
        2 => (run.clone(), 1..4_u64, 0..60_u64).prop_map(|(run, step, for_s)| RunStep::Wait(run, step, for_s)),
        2 => option::of(run.clone()).prop_map(RunStep::Notify),
        2 => (run.clone(), any::<bool>()).prop_map(|(run, is_well)| RunStep::End(run, is_well)),
        1 => run.prop_map(RunStep::Cancel),
        4 => (any::<prop::sample::Index>(), option::of(any::<bool>()))
            .prop_map(|(at, how)| RunStep::Revive(at, how)),
    ]
}

fn keys() -> Keys {
    Keys { current: "sig_a".into(), next: "sig_b".into() }
}

fn account(now_ms: u64, kept: &Kept<Record>) -> Account {
    let limits = QStashLimits {
        max_running: 4,
        max_dead_letter_bytes: 8_000,
        max_log_bytes: 100_000,
        daily_messages: Some(60),
        ..QStashLimits::default()
    };
    Account::new(now_ms, Arc::new(limits), keys(), Box::new(kept.clone()))
}

fn submission(step: &Step) -> Option<Submission> {
    let Step::Publish { delay_s, is_queued, limits, to_group, repeats, calls_back } = step else { return None };
    let callback = || Arc::new(Callback { url: "https://callback.example.com/".into(), options: Arc::default() });
    let options = Options {
        delay: Some(Duration::from_secs(*delay_s)),
        retries: Some(2),
        flow: limits.map(|limits| (FLOW.into(), limits)),
        callback: calls_back.then(callback),
        failure_callback: calls_back.then(callback),
        ..Options::default()
    };
    Some(Submission {
        destination: if *to_group {
            Destination::Group(GROUP.into())
        } else {
            Destination::Url(format!("https://d{}.example.com/", delay_s % 3))
        },
        options: Arc::new(options),
        deduplication: repeats.map(|id| Deduplication::Id(id.to_string())),
        body: "body".into(),
        caller_ip: None,
        queue: is_queued.then(|| QUEUE.into()),
        topic: None,
        schedule_id: None,
    })
}

fn schedule(now_ms: u64, to_group: bool) -> Schedule {
    let cron = Cron::parse("* * * * *").unwrap();
    Schedule {
        id: SCHEDULE.into(),
        next_ms: cron.next_after(now_ms),
        cron,
        destination: if to_group {
            Destination::Group(GROUP.into())
        } else {
            Destination::Url("https://schedule.example.com/".into())
        },
        options: Arc::default(),
        body: "tick".into(),
        queue: Some(QUEUE.into()),
        caller_ip: None,
        is_paused: false,
        created_ms: now_ms,
        last_ms: None,
        last_states: Default::default(),
        error: None,
    }
}

/// Takes a step, and begins what is due.
fn take(account: &mut Account, now_ms: &mut u64, running: &mut Vec<Attempt>, step: &Step) {
    let now = *now_ms;
    match step {
        Step::Publish { .. } => {
            // A URL group that is not there, or the daily limit, may be in the way.
            let _ = account.submit(now, submission(step).unwrap());
        }
        Step::Advance(by_ms) => *now_ms += by_ms,
        Step::End(at, status) if !running.is_empty() => {
            let attempt = running.remove(at.index(running.len()));
            let mut outcome = Outcome { status: *status, ..Outcome::default() };
            outcome.headers.insert("upstash-nonretryable-error", "true".parse().unwrap());
            account.ended(now, attempt.job, outcome);
        }
        Step::Cancel(at) => {
            let mut ids: Vec<_> =
                account.live.values().map(|live| (live.message.job, live.message.id.clone())).collect();
            ids.sort_unstable();
            if !ids.is_empty() {
                account.cancel(now, &ids[at.index(ids.len())].1);
            }
        }
        Step::Queue(parallelism, is_paused) => {
            account.set_queue(now, QUEUE, Some(*parallelism), Some(*is_paused)).unwrap();
        }
        Step::RemoveQueue => account.remove_queue(now, QUEUE),
        Step::Flow(change) => {
            let _ = account.change_flow(now, FLOW, *change);
        }
        Step::Group(true) => {
            let endpoint = |name: &str| Endpoint { name: None, url: format!("https://{name}.example.com/") };
            account.add_endpoints(now, GROUP, vec![endpoint("a"), endpoint("b")]).unwrap();
        }
        Step::Group(false) => account.remove_group(now, GROUP),
        Step::Schedule(to_group) => {
            let by = Deduplication::Id(format!("schedule {to_group}"));
            let _ = account.schedule(now, schedule(now, *to_group), Some(&by));
        }
        Step::PauseSchedule(is_paused) => {
            account.pause_schedule(now, SCHEDULE, *is_paused);
        }
        Step::RemoveSchedule => {
            account.remove_schedule(now, SCHEDULE);
        }
        Step::DeadLetter(at, again) => {
            let (letters, _) = account.dead_letters(&Filter::default(), None, usize::MAX);
            if let Some(letter) = (!letters.is_empty()).then(|| &letters[at.index(letters.len())]) {
                if *again {
                    let _ = account.revive(now, letter, &Options::default());
                } else {
                    account.remove_dead_letter(now, letter.number);
                }
            }
        }
        Step::RotateKeys => account.rotate_keys(now),
        Step::Run(step) => take_of_run(account, now, step),
        Step::End(..) => {}
    }
    running.extend(account.begin_due(*now_ms));
}

fn take_of_run(account: &mut Account, now: u64, step: &RunStep) {
    let id = |run: u8| format!("wfr_{run}");
    let fields = |run: u8| RunFields {
        id: id(run).into(),
        is_init: false,
        is_call: false,
        is_invoked: false,
        depth: 0,
        is_by_sdk: false,
        is_by_rest: false,
        is_unknown: false,
    };
    let submit = |account: &mut Account, fields: &RunFields, body: String| {
        let callback = || Arc::new(Callback { url: "https://flow.example.com/".into(), options: Arc::default() });
        let submission = Submission {
            destination: Destination::Url("https://flow.example.com/".into()),
            options: Arc::new(Options {
                retries: Some(1),
                callback: fields.is_call.then(callback),
                failure_callback: Some(callback()),
                ..Options::default()
            }),
            deduplication: None,
            body: body.into(),
            caller_ip: None,
            queue: None,
            topic: None,
            schedule_id: None,
        };
        // The run may have ended, or not begun.
        let _ = account.submit_to_run(now, submission, fields);
    };
    let step_of = |step: u64| json!({"stepId": step, "stepName": "a", "stepType": "Run", "concurrent": 1});
    match step {
        RunStep::Begin(run, None) => submit(account, &RunFields { is_init: true, ..fields(*run) }, "payload".into()),
        RunStep::Begin(run, Some(parent)) => {
            let invocation = json!({"body": "x", "workflowRunId": id(*parent), "step": step_of(2)}).to_string();
            submit(account, &RunFields { is_init: true, is_invoked: true, ..fields(*run) }, invocation);
        }
        RunStep::Add(run, step) => submit(account, &fields(*run), step_of(*step).to_string()),
        RunStep::Call(run, step) => {
            submit(account, &RunFields { is_call: true, ..fields(*run) }, step_of(*step).to_string());
        }
        RunStep::Wait(run, step, for_s) => {
            let waiter = Waiter {
                run: id(*run).into(),
                event: "event".into(),
                deadline_ms: now + for_s * 1_000,
                number: 0,
                step: step_of(*step),
                url: String::new(),
                timeout_url: String::new(),
                timeout_fields: http::HeaderMap::new(),
                fields: http::HeaderMap::new(),
            };
            let _ = account.wait(now, waiter);
        }
        RunStep::Notify(None) => drop(account.notify(now, "event", &"1".into())),
        RunStep::Notify(Some(run)) => drop(account.notify_run(now, &id(*run), "event", "1".into())),
        RunStep::End(run, is_well) => {
            let state = if *is_well { RunState::Success } else { RunState::Canceled };
            account.end_run(now, &id(*run), state, Some("2".into()));
        }
        RunStep::Cancel(run) => {
            let filter = RunFilter { ids: vec![id(*run)], ..RunFilter::default() };
            account.cancel_runs(now, &filter, 1);
        }
        RunStep::Revive(at, how) => {
            let (letters, _) = account.letters_of_runs(&RunFilter::default(), None, usize::MAX);
            if letters.is_empty() {
                return;
            }
            let letter = &letters[at.index(letters.len())];
            match how {
                Some(true) => drop(account.revive_run(now, letter, &Options::default(), Revival::Resume)),
                Some(false) => drop(account.revive_run(now, letter, &Options::default(), Revival::Restart)),
                None => drop(account.retell_failure(now, letter)),
            }
        }
    }
}

/// All that the API shows.
fn shown(account: &mut Account, now_ms: u64) -> Value {
    let rows = account.rows();
    let (letters, _) = account.dead_letters(&Filter::default(), None, usize::MAX);
    let mut live: Vec<_> = account.live.values().map(|live| (live.message.job, live.retried, live.next_ms)).collect();
    live.sort_unstable();
    let flow = account.flow(now_ms, FLOW).map(|info| view::flow(FLOW, &info));
    let runs = account.runs(&RunFilter::default(), None, usize::MAX).0;
    let runs: Vec<_> = runs.into_iter().map(|run| view::run(account, run)).collect();
    let (run_letters, _) = account.letters_of_runs(&RunFilter::default(), None, usize::MAX);
    let run_letters: Vec<_> = run_letters.iter().map(|letter| view::dead_letter_of_run(account, letter)).collect();
    let delivered = rows.iter().filter(|row| account.message(now_ms, &row.message.id).is_some()).count();
    json!({
        "log": rows.iter().map(|row| view::row(row)).collect::<Vec<_>>(),
        "dead letters": letters.iter().map(|letter| view::dead_letter(letter)).collect::<Vec<_>>(),
        "live": live,
        "readable": delivered,
        "flow": flow,
        "queues": account.queues().map(|queue| view::queue(queue, account.queue_lag(&queue.name))).collect::<Vec<_>>(),
        "groups": account.groups().map(view::group).collect::<Vec<_>>(),
        "schedules": account.schedules().map(|schedule| view::schedule(schedule)).collect::<Vec<_>>(),
        "keys": [account.keys().current.clone(), account.keys().next.clone()],
        "daily limit": format!("{:?}", account.daily_limit(now_ms)),
        "bytes": [account.pending_bytes, account.dead_letter_bytes],
        "parallelism": account.parallelism(),
        "due": account.next_due(),
        "runs": runs,
        "run letters": run_letters,
        "run bytes": account.run_bytes,
        "events": [account.waiters.len(), account.kept_events.len()],
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn an_account_goes_on_as_its_journal_left_it(before in vec(step(), 1..60), after in vec(step(), 1..40)) {
        let kept = Kept::new();
        let (mut now_ms, mut running) = (BEGIN_MS, Vec::new());
        let mut whole = account(now_ms, &kept);
        for step in &before {
            take(&mut whole, &mut now_ms, &mut running, step);
        }
        // Attempts that run are made again, so they end first.
        while let Some(attempt) = running.pop() {
            whole.ended(now_ms, attempt.job, Outcome { status: 200, ..Outcome::default() });
            if running.len() < 2 {
                running.extend(whole.begin_due(now_ms));
            }
            prop_assume!(kept.all().len() < 10_000);
        }
        let mut loaded = account(now_ms, &kept.copy());
        prop_assert_eq!(shown(&mut loaded, now_ms), shown(&mut whole, now_ms));

        // Both go the same way from here.
        let (mut loaded_now_ms, mut loaded_running) = (now_ms, Vec::new());
        for step in after.iter().filter(|step| !matches!(step, Step::RotateKeys)) {
            take(&mut whole, &mut now_ms, &mut running, step);
            take(&mut loaded, &mut loaded_now_ms, &mut loaded_running, step);
            let jobs = |attempts: &[Attempt]| attempts.iter().map(|attempt| (attempt.job, attempt.retried)).collect::<Vec<_>>();
            prop_assert_eq!(jobs(&loaded_running), jobs(&running));
        }
    }

    #[test]
    fn attempts_that_ran_are_made_again(steps in vec(step(), 1..60)) {
        let kept = Kept::new();
        let (mut now_ms, mut running) = (BEGIN_MS, Vec::new());
        let mut whole = account(now_ms, &kept);
        for step in &steps {
            take(&mut whole, &mut now_ms, &mut running, step);
        }
        let mut expected: Vec<_> =
            whole.live.iter().filter(|(_, live)| !live.is_cancelled).map(|(job, _)| *job).collect();
        expected.sort_unstable();
        // Those of runs that have ended are not made.
        let is_over = |message: &Message| {
            message.place().is_some_and(|place| whole.body_for_run(message, place).is_none())
        };
        let over: Vec<_> = whole.live.values().filter(|live| is_over(&live.message)).map(|live| live.message.job).collect();

        let mut loaded = account(now_ms, &kept);
        prop_assert_eq!(loaded.parallelism().1, 0);
        let mut live: Vec<_> = loaded.live.keys().copied().collect();
        live.sort_unstable();
        prop_assert_eq!(&live, &expected);
        live.retain(|job| !over.contains(job));

        // Nothing holds them up for ever.
        loaded.remove_schedule(now_ms, SCHEDULE);
        loaded.set_queue(now_ms, QUEUE, None, Some(false)).unwrap();
        let _ = loaded.change_flow(now_ms, FLOW, FlowChange::Pause(false));
        let mut made = Vec::new();
        for _ in 0..2_000 {
            for attempt in loaded.begin_due(now_ms) {
                made.push(attempt.job);
                let mut outcome = Outcome { status: 200, ..Outcome::default() };
                // Otherwise the run of a first delivery ends, and nothing else of it is delivered.
                outcome.headers.insert("upstash-workflow-sdk-version", "1".parse().unwrap());
                loaded.ended(now_ms, attempt.job, outcome);
            }
            now_ms = now_ms.max(loaded.next_due().unwrap_or(now_ms));
        }
        prop_assert!(loaded.live.is_empty());
        made.sort_unstable();
        made.retain(|job| live.contains(job));
        prop_assert_eq!(made, live);
    }
}
