//! The steps that the entries of a run are of.

use serde_json::Value;

use crate::local::qstash::message::{CallKind, Message};

/// The id of the step that an entry is the result of.
pub(super) fn result_of(entry: &Message) -> Option<u64> {
    let step = step(entry)?;
    if announces(&step) { None } else { step["stepId"].as_u64() }
}

/// The id of the step that the delivery of an entry is for, if that is known: of a plan, of a call, or of its answer.
pub(super) fn awaited_step(entry: &Message) -> Option<u64> {
    match entry.place()?.kind {
        CallKind::ToCallback => called_step(entry),
        CallKind::FromCallback => answered_step(entry),
        CallKind::Step | CallKind::Failure => step(entry).filter(announces)?["targetStep"].as_u64(),
    }
}

/// The id of the step that an entry has the answer to a call for.
pub(super) fn answered_step(entry: &Message) -> Option<u64> {
    entry.place().filter(|place| place.kind == CallKind::FromCallback)?;
    number(&entry.options.forwarded)
}

/// The id of the step that an entry calls another service for.
pub(super) fn called_step(entry: &Message) -> Option<u64> {
    entry.place().filter(|place| place.kind == CallKind::ToCallback)?;
    number(&entry.options.callback.as_ref()?.options.forwarded)
}

/// The step that an entry is about, and in which way. A second entry with the same is a repetition.
pub(super) fn subject(entry: &Message) -> Option<(u64, Way)> {
    match entry.place()?.kind {
        CallKind::ToCallback => Some((called_step(entry)?, Way::Called)),
        CallKind::FromCallback => Some((answered_step(entry)?, Way::Answered)),
        CallKind::Step | CallKind::Failure => match awaited_step(entry) {
            Some(step) => Some((step, Way::Planned)),
            None => Some((result_of(entry)?, Way::Done)),
        },
    }
}

/// What an entry says of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Way {
    Planned,
    Called,
    Answered,
    Done,
}

fn step(entry: &Message) -> Option<Value> {
    entry.place().filter(|place| place.kind == CallKind::Step && place.entry > 0)?;
    serde_json::from_slice(&entry.body).ok()
}

/// Whether an entry announces a step of a group.
pub(super) fn is_plan(entry: &Message) -> bool {
    step(entry).is_some_and(|step| announces(&step))
}

fn announces(step: &Value) -> bool {
    step["targetStep"].as_u64().is_some_and(|target| target > 0)
}

fn number(fields: &http::HeaderMap) -> Option<u64> {
    fields.get("upstash-workflow-stepid")?.to_str().ok()?.parse().ok()
}
