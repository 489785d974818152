use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::local::qstash::{
    account::{
        Account,
        accept::{DEFAULT_RETRIES, not_before},
    },
    dispatch::JobId,
    ids,
    message::{CallKind, Message, Options, Origin, RunPlace, merged},
    records::{Record, RunStart, RunState},
};

/// The longest list of steps that a delivery has in its body, in bytes. An endpoint asks for a longer one.
const LAZY_ABOVE: usize = 3 * 1024 * 1024;

/// A message of a run, to send.
pub(super) struct RunMessage<'a> {
    pub(super) place: RunPlace,
    pub(super) id: String,
    pub(super) url: String,
    pub(super) body: Bytes,
    pub(super) options: &'a Options,
}

impl Account {
    /// Adds an entry to a run, and sends its message.
    pub(super) fn add_to_run(
        &mut self,
        now_ms: u64,
        start: &RunStart,
        kind: CallKind,
        url: String,
        body: Bytes,
        options: &Options,
    ) -> String {
        let entry = self.runs.get(&start.id).map_or(0, |run| run.entries.len());
        let place = RunPlace { run: Arc::clone(&start.id), entry, kind };
        let message = RunMessage { place, id: ids::message_id(), url, body, options };
        let message = Arc::new(self.message_of_run(now_ms, start, message));
        let id = message.id.clone();
        self.commit(now_ms, Record::RunEntry(Arc::clone(&message), true));
        self.hold(now_ms, &message, &start.id);
        id
    }

    /// Makes a message of a run, with the fields that each of them has.
    pub(super) fn message_of_run(&self, now_ms: u64, start: &RunStart, message: RunMessage<'_>) -> Message {
        let RunMessage { place, id, url, body, options } = message;
        let options = Arc::new(of_run(start, &place, options));
        let not_before_ms = not_before(now_ms, &options).max(slept_until(&options, &body));
        Message {
            job: self.last_job + 1,
            id,
            url,
            max_retries: options.retries.unwrap_or(DEFAULT_RETRIES.min(self.limits.max_retries)),
            body,
            created_ms: now_ms,
            not_before_ms,
            queue: None,
            topic: None,
            schedule_id: None,
            caller_ip: start.caller_ip,
            origin: Origin::Run(place),
            options,
        }
    }

    /// Sends a message again that is an entry of a run already, at its time.
    pub(super) fn send_again(&mut self, now_ms: u64, message: &Message) {
        let job: JobId = self.last_job + 1;
        self.commit(now_ms, Record::Accepted(Arc::new(Message { job, ..message.clone() }), None));
    }

    /// The body of a message of a run as it is delivered now. `None` if the run has ended, and nothing is.
    pub(in crate::local::qstash::account) fn body_for_run(&self, message: &Message, place: &RunPlace) -> Option<Bytes> {
        let run = self.runs.get(&place.run)?;
        match place.kind {
            CallKind::Failure => Some(message.body.clone()),
            _ if run.state() != RunState::Started => None,
            CallKind::Step => {
                // Those up to its own: which ones it has decides what an endpoint does.
                let until = (place.entry + 1).min(run.entries.len());
                let body = entries(&run.entries[..until]);
                Some(if body.len() > LAZY_ABOVE { Bytes::new() } else { body.into() })
            }
            CallKind::ToCallback | CallKind::FromCallback => Some(message.body.clone()),
        }
    }

    /// The entries of a run that has not ended, as JSON.
    pub(crate) fn run_entries(&self, id: &str) -> Option<String> {
        let run = self.runs.get(id).filter(|run| run.state() == RunState::Started)?;
        Some(entries(&run.entries))
    }
}

/// The end of a pause, in milliseconds. The official client rounds the field that says so, by half a second at the most.
fn slept_until(options: &Options, body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Pause {
        sleep_until: f64,
    }
    let Some(rounded_s) = options.not_before_s else { return 0 };
    let Ok(pause) = serde_json::from_slice::<Pause>(body) else { return 0 };
    let exact_s = pause.sleep_until;
    if (exact_s - rounded_s as f64).abs() <= 1.0 { (exact_s * 1_000.0) as u64 } else { 0 }
}

/// Options with the fields that name a run.
fn of_run(start: &RunStart, place: &RunPlace, options: &Options) -> Options {
    let mut options = options.clone();
    if place.kind == CallKind::ToCallback {
        return options;
    }
    options.forwarded = merged(&start.options.forwarded, &options.forwarded);
    let is_init = place.kind == CallKind::Step && place.entry == 0;
    for (name, value) in [
        ("upstash-workflow-runid", &*start.id),
        ("upstash-workflow-url", &start.url),
        ("upstash-workflow-init", if is_init { "true" } else { "false" }),
        ("upstash-workflow-calltype", place.kind.name()),
        ("upstash-workflow-createdat", &start.created_ms.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            options.forwarded.insert(HeaderName::from_static(name), value);
        }
    }
    options
}

/// A list of entries as JSON. Ids and names of kinds have nothing to escape.
fn entries(messages: &[Arc<Message>]) -> String {
    let mut text = String::from("[");
    for message in messages {
        let kind = message.place().map_or(CallKind::Step, |place| place.kind);
        if text.len() > 1 {
            text.push(',');
        }
        for part in [r#"{"messageId":""#, &message.id, r#"","callType":""#, kind.name(), r#"","body":""#] {
            text.push_str(part);
        }
        STANDARD.encode_string(&message.body, &mut text);
        text.push_str(r#""}"#);
    }
    text.push(']');
    text
}
