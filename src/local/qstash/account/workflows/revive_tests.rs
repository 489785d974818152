//! What a run that is resumed has under way.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Revival, RunFields};
use crate::local::{
    journal::Nothing,
    qstash::{
        account::{Account, Attempt, Submission},
        deliver::Outcome,
        limits::QStashLimits,
        message::{CallKind, Callback, Options},
        records::{Destination, Keys, RunFilter},
    },
};

const BEGIN_MS: u64 = 1_800_000_000_000;
/// Longer than a delivery waits for the answer to the one before.
const LONGER_MS: u64 = 2_000;

pub(super) struct Bench {
    pub(super) account: Account,
    pub(super) running: Vec<Attempt>,
    pub(super) now_ms: u64,
    /// Of each message.
    pub(super) retries: u32,
}

impl Bench {
    pub(super) fn new() -> Self {
        let keys = Keys { current: "sig_a".into(), next: "sig_b".into() };
        let account = Account::new(BEGIN_MS, Arc::new(QStashLimits::default()), keys, Box::new(Nothing));
        Self { account, running: Vec::new(), now_ms: BEGIN_MS, retries: 0 }
    }

    pub(super) fn submit(&mut self, is_init: bool, is_call: bool, body: &Value) {
        let fields = RunFields {
            id: "wfr_1".into(),
            is_init,
            is_call,
            is_invoked: false,
            depth: 0,
            is_by_sdk: false,
            is_by_rest: false,
            is_unknown: false,
        };
        let mut forwarded = http::HeaderMap::new();
        forwarded.insert("upstash-workflow-stepid", "2".parse().unwrap());
        let callback = Callback {
            url: "https://flow.example.com/".into(),
            options: Arc::new(Options { forwarded, ..Options::default() }),
        };
        let options = Options {
            retries: Some(self.retries),
            callback: is_call.then(|| Arc::new(callback)),
            ..Options::default()
        };
        let submission = Submission {
            destination: Destination::Url("https://flow.example.com/".into()),
            options: Arc::new(options),
            deduplication: None,
            body: body.to_string().into(),
            caller_ip: None,
            queue: None,
            topic: None,
            schedule_id: None,
        };
        self.account.submit_to_run(self.now_ms, submission, &fields).unwrap();
        self.now_ms += LONGER_MS;
        self.running.extend(self.account.begin_due(self.now_ms));
    }

    /// Fails the attempt of an entry for good, and with it the run. Returns what the run that goes on has under way: entries,
    /// with their kinds and retries.
    fn resume_after(&mut self, entry: usize) -> Vec<(usize, CallKind, u32)> {
        let attempt = self.running.iter().find(|attempt| attempt.message.place().unwrap().entry == entry).unwrap();
        let now_ms = self.now_ms;
        self.account.ended(now_ms, attempt.job, Outcome { status: 500, ..Outcome::default() });
        let (letters, _) = self.account.letters_of_runs(&RunFilter::default(), None, 1);
        let over = Options { retries: Some(5), ..Options::default() };
        let start = self.account.revive_run(self.now_ms, &letters[0], &over, Revival::Resume).unwrap();
        let attempts = self.account.begin_due(self.now_ms).into_iter();
        let of_run = attempts.filter(|attempt| attempt.message.place().unwrap().run == start.id);
        let mut shown: Vec<_> = of_run
            .map(|attempt| {
                let place = attempt.message.place().unwrap();
                (place.entry, place.kind, attempt.message.max_retries)
            })
            .collect();
        shown.sort_unstable_by_key(|(entry, ..)| *entry);
        shown
    }
}

pub(super) fn result(id: u32, concurrent: u32) -> Value {
    json!({"stepId": id, "stepName": "a", "stepType": "Run", "concurrent": concurrent})
}

fn plan(target: u32) -> Value {
    json!({"stepId": 0, "stepName": "a", "stepType": "Run", "concurrent": 2, "targetStep": target})
}

#[test]
fn a_delivery_that_has_had_its_effect_is_not_made_again() {
    let mut bench = Bench::new();
    bench.submit(true, false, &json!(1));
    bench.submit(false, false, &result(1, 1));
    // The first delivery, whose answer is lost, has brought the run to its second.
    assert_eq!(bench.resume_after(0), [(1, CallKind::Step, 5)]);
}

#[test]
fn a_repetition_is_no_effect() {
    let mut bench = Bench::new();
    bench.submit(true, false, &json!(1));
    bench.submit(false, false, &result(1, 1));
    bench.submit(false, false, &result(1, 1));
    let under_way = bench.resume_after(0);
    assert!(under_way.contains(&(1, CallKind::Step, 5)), "{under_way:?}");
}

#[test]
fn the_members_of_a_group_that_are_left_go_on() {
    let mut bench = Bench::new();
    bench.submit(true, false, &json!(1));
    for target in [1, 2] {
        bench.submit(false, false, &plan(target));
    }
    bench.submit(false, false, &result(2, 2));
    // The plan of step 1 failed, that of step 2 is done, and the result of step 2 is the last that is known.
    assert_eq!(bench.resume_after(1), [(1, CallKind::Step, 5), (3, CallKind::Step, 5)]);
}

/// A payment is not repeated because the run is.
#[test]
fn a_call_keeps_its_own_retries() {
    let mut bench = Bench::new();
    bench.submit(true, false, &json!(1));
    for target in [1, 2] {
        bench.submit(false, false, &plan(target));
    }
    bench.submit(false, true, &json!({}));
    let under_way = bench.resume_after(1);
    assert_eq!(under_way, [(1, CallKind::Step, 5), (3, CallKind::ToCallback, 0)], "the plan of the call is done");
}
