use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::send::RunMessage;
use crate::local::qstash::{
    account::Account,
    deliver::Outcome,
    ids,
    message::{CallKind, Message, RunPlace},
    records::{DeadLetter, FailureCall, FailureState, Record, RunStart, RunState},
    refusal::Refusal,
    view,
};

impl Account {
    /// Gives a run up: its message is a dead letter, and the endpoint hears of it.
    pub(super) fn fail_run(
        &mut self,
        now_ms: u64,
        start: &Arc<RunStart>,
        message: &Arc<Message>,
        outcome: &Arc<Outcome>,
        retried: u32,
    ) {
        if !self.end_run(now_ms, &start.id, RunState::Failed, None) {
            return self.commit(now_ms, Record::Ended(message.job));
        }
        let letter = Arc::new(DeadLetter {
            number: self.last_dead_letter + 1,
            time_ms: now_ms,
            message: Arc::clone(message),
            outcome: Arc::clone(outcome),
        });
        self.commit(now_ms, Record::Failed(message.job, Arc::clone(&letter)));
        let Some(callback) = &start.options.failure_callback else { return };
        let first = self.runs.get(&start.id).and_then(|run| run.entries.first());
        let payload = first.map(|first| STANDARD.encode(&first.body));
        // An error names its cause twice, and its bytes are more in base64.
        let most = self.limits.max_message_bytes.saturating_mul(4);
        let mut body = view::callback_value(message, outcome, retried, Some(&letter.id()), most);
        body["sourceBody"] = payload.into();
        body["workflowRunId"] = (*start.id).into();
        body["workflowCreatedAt"] = start.created_ms.into();
        let options = &callback.options.or(&start.options);
        let place = RunPlace { run: Arc::clone(&start.id), entry: usize::MAX, kind: CallKind::Failure };
        let (id, url, body) = (ids::message_id(), callback.url.clone(), body.to_string().into());
        let message = self.message_of_run(now_ms, start, RunMessage { place, id, url, body, options });
        self.tell_failure(now_ms, message);
    }

    fn tell_failure(&mut self, now_ms: u64, message: Message) {
        let Some(run) = message.place().map(|place| Arc::clone(&place.run)) else { return };
        let message = Arc::new(message);
        self.commit(now_ms, Record::Accepted(Arc::clone(&message), None));
        let call = FailureCall { message, state: FailureState::InProgress, outcome: None };
        self.commit(now_ms, Record::RunFailure(run, Arc::new(call)));
    }

    /// The endpoint has heard of the failure of a run, or will not.
    pub(super) fn failure_told(
        &mut self,
        now_ms: u64,
        message: &Arc<Message>,
        outcome: &Arc<Outcome>,
        is_answered: bool,
    ) {
        let Some(run) = message.place().map(|place| Arc::clone(&place.run)) else { return };
        let state = if is_answered { FailureState::Success } else { FailureState::Fail };
        let call = FailureCall { message: Arc::clone(message), state, outcome: Some(Arc::clone(outcome)) };
        self.commit(now_ms, Record::RunFailure(run, Arc::new(call)));
    }

    /// Tells the failure of a run again, after that has failed.
    pub(crate) fn retell_failure(&mut self, now_ms: u64, letter: &DeadLetter) -> Result<Arc<RunStart>, Refusal> {
        let run = self.run_of(letter)?;
        let failed = run.failure.as_ref().filter(|call| call.state == FailureState::Fail);
        let call = failed.ok_or_else(|| Refusal::invalid("the run has no failure callback that failed"))?;
        let (start, job) = (Arc::clone(&run.start), self.last_job + 1);
        let again = Message { job, id: ids::message_id(), not_before_ms: now_ms, ..Message::clone(&call.message) };
        self.tell_failure(now_ms, again);
        Ok(start)
    }

    /// Cancels telling the failure of a run.
    pub(crate) fn cancel_failure(&mut self, now_ms: u64, letter: &DeadLetter) -> Result<(), Refusal> {
        let run = self.run_of(letter)?;
        let running = run.failure.as_ref().filter(|call| call.state == FailureState::InProgress);
        let call = running.ok_or_else(|| Refusal::invalid("the run has no failure callback in progress"))?;
        let (id, message) = (Arc::clone(&run.start.id), Arc::clone(&call.message));
        let call = FailureCall { message: Arc::clone(&message), state: FailureState::Canceled, outcome: None };
        self.commit(now_ms, Record::RunFailure(id, Arc::new(call)));
        self.commit(now_ms, Record::Ended(message.job));
        Ok(())
    }
}
