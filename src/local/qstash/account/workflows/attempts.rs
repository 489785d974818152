use std::sync::Arc;

use bytes::Bytes;

use crate::local::qstash::{
    account::Account,
    deliver::Outcome,
    message::{CallKind, Message, RunPlace},
    records::{Record, RunError, RunStart},
    view,
};

/// The bytes of a response that are shown among the errors of a run.
const MAX_SHOWN: usize = 64 * 1024;

impl Account {
    /// Notes what came of an attempt of a message of a run, and lets go what waited for it.
    pub(in crate::local::qstash::account) fn run_attempt_ended(
        &mut self,
        now_ms: u64,
        message: &Arc<Message>,
        place: &RunPlace,
        outcome: &Arc<Outcome>,
        next: (u32, u64),
    ) {
        self.note_attempt(now_ms, message, place, outcome, next);
        self.release(now_ms, &place.run);
    }

    fn note_attempt(
        &mut self,
        now_ms: u64,
        message: &Arc<Message>,
        place: &RunPlace,
        outcome: &Arc<Outcome>,
        (retried, wait_ms): (u32, u64),
    ) {
        let job = message.job;
        let Some(start) = self.runs.get(&place.run).map(|run| Arc::clone(&run.start)) else {
            return self.commit(now_ms, Record::Ended(job));
        };
        let is_answered = outcome.is_success();
        // The first delivery tells whether there is a workflow at all.
        let sdk = if start.is_by_rest { "upstash-workflow-sdk" } else { "upstash-workflow-sdk-version" };
        let is_first = place.kind == CallKind::Step && place.entry == 0;
        let outcome = match is_first && is_answered && !outcome.headers.contains_key(sdk) {
            true => &Arc::new(foreign(outcome, start.is_by_rest)),
            false => outcome,
        };
        if !is_answered || outcome.error.is_some() {
            let outcome = Arc::new(shortened(outcome));
            let error = RunError { message_id: message.id.clone(), time_ms: now_ms, outcome };
            self.commit(now_ms, Record::RunError(Arc::clone(&start.id), Arc::new(error)));
        }
        if !is_answered && !outcome.is_final() && retried < message.max_retries {
            return self.commit(now_ms, Record::Retries(job, retried + 1, now_ms.saturating_add(wait_ms)));
        }
        match place.kind {
            CallKind::Failure => self.failure_told(now_ms, message, outcome, is_answered),
            CallKind::Step | CallKind::FromCallback if outcome.error.is_some() || !is_answered => {
                return self.fail_run(now_ms, &start, message, outcome, retried);
            }
            CallKind::ToCallback => self.answer_call(now_ms, &start, message, outcome, retried),
            CallKind::Step | CallKind::FromCallback => {}
        }
        self.commit(now_ms, Record::Ended(job));
    }

    /// Hands the answer to a call to the endpoint.
    fn answer_call(&mut self, now_ms: u64, start: &RunStart, call: &Message, outcome: &Outcome, retried: u32) {
        if self.started(&start.id).is_err() {
            return;
        }
        let Some(callback) = &call.options.callback else { return };
        let body = view::callback(call, outcome, retried, None, self.limits.max_message_bytes.saturating_mul(4));
        let options = callback.options.or(&start.options);
        self.add_to_run(now_ms, start, CallKind::FromCallback, callback.url.clone(), body.into(), &options);
    }
}

/// An outcome as it is shown among the errors of a run.
fn shortened(outcome: &Outcome) -> Outcome {
    let body = outcome.body.slice(..outcome.body.len().min(MAX_SHOWN));
    // Of its own: a part of a long body would keep all of it.
    Outcome { body: Bytes::copy_from_slice(&body), ..outcome.clone() }
}

/// The answer of a destination that is no workflow.
fn foreign(outcome: &Outcome, is_by_rest: bool) -> Outcome {
    let error = match is_by_rest {
        true => "trigger rest api is only usable with sdk versions after v1.0.0 major version",
        false => {
            "detected a non-workflow destination for trigger/invoke. make sure you are sending the request to the correct endpoint"
        }
    };
    Outcome { error: Some(error.into()), ..outcome.clone() }
}
