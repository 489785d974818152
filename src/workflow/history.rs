//! The entries of a delivery: the payload, and the steps that are done or announced.

use super::record::{Record, StepKind};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use std::collections::HashSet;

/// An entry as it is delivered. Others than steps are of no concern to an endpoint.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    message_id: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    call_type: Option<String>,
}

/// What a run has done so far, as one delivery tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct History {
    /// The payload that the run began with.
    pub(super) payload: Bytes,
    /// The first one is the payload's. Each is there once.
    pub(super) steps: Vec<Record>,
    /// The number of those that are done, with the payload.
    pub(super) results: usize,
    /// The last entry was there before: the delivery has nothing to do.
    pub(super) is_duplicate: bool,
    /// The steps that are there, and whether each is a plan.
    seen: HashSet<(u32, bool)>,
}

/// Why a delivery cannot be read: the place, and not its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) &'static str);

impl History {
    /// Reads the entries of a delivery, up to the entry of the message `until`, if it is given and the list is longer than
    /// one.
    pub(super) fn read(body: &[u8], until: Option<&str>) -> Result<Self, Unreadable> {
        let mut entries: Vec<Entry> = serde_json::from_slice(body).map_err(|_| Unreadable("the list of steps"))?;
        if let Some(until) = until.filter(|_| entries.len() > 1) {
            let own = entries.iter().position(|entry| entry.message_id == until);
            entries.truncate(own.map_or(0, |own| own + 1));
        }
        let mut entries =
            entries.into_iter().filter(|entry| entry.call_type.as_deref().is_none_or(|kind| kind == "step"));
        let decoded = |entry: Entry| BASE64_STANDARD.decode(entry.body).map_err(|_| Unreadable("the body of a step"));
        let payload = Bytes::from(decoded(entries.next().ok_or(Unreadable("the first step"))?)?);
        let mut history = Self::of_payload(payload);
        for entry in entries {
            let step: Record = serde_json::from_slice(&decoded(entry)?).map_err(|_| Unreadable("a step"))?;
            history.add(step);
        }
        Ok(history)
    }

    /// The history of a run that begins.
    pub(super) fn of_payload(payload: Bytes) -> Self {
        let steps = vec![Record::new(0, "init", StepKind::Initial, 1)];
        Self { payload, steps, results: 1, is_duplicate: false, seen: HashSet::new() }
    }

    /// Adds a step. A server may deliver one twice: the first one counts.
    pub(super) fn add(&mut self, step: Record) {
        let (target, is_plan) = (step.target(), step.is_plan());
        // The payload again is no step.
        let is_step = target > 0;
        self.is_duplicate = is_step && !self.seen.insert((target, is_plan));
        if is_step && !self.is_duplicate {
            self.results += usize::from(!is_plan);
            self.steps.push(step);
        }
    }

    pub(super) fn last(&self) -> Option<&Record> {
        self.steps.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &str = "eyJxIjoxfQ==";
    const RESERVE: &str = "eyJzdGVwSWQiOjEsInN0ZXBOYW1lIjoicmVzZXJ2ZSIsInN0ZXBUeXBlIjoiUnVuIiwib3V0Ijoie1wic2t1XCI6OX0iLCJjb25jdXJyZW50IjoxfQ==";
    const MAIL: &str =
        "eyJzdGVwSWQiOjAsInN0ZXBOYW1lIjoibWFpbCIsInN0ZXBUeXBlIjoiUnVuIiwiY29uY3VycmVudCI6MiwidGFyZ2V0U3RlcCI6Mn0=";

    fn body(entries: &[(&str, &str, &str)]) -> Vec<u8> {
        let entry = |(id, body, kind): &(&str, &str, &str)| {
            format!(r#"{{"messageId":"{id}","body":"{body}","callType":"{kind}"}}"#)
        };
        format!("[{}]", entries.iter().map(entry).collect::<Vec<_>>().join(",")).into_bytes()
    }

    #[test]
    fn entries_are_read() {
        let entries =
            [("m0", PAYLOAD, "step"), ("m1", RESERVE, "step"), ("m2", "!", "toCallback"), ("m3", MAIL, "step")];
        let history = History::read(&body(&entries), None).unwrap();
        assert_eq!(&*history.payload, br#"{"q":1}"#);
        let steps: Vec<_> =
            history.steps.iter().map(|step| (step.target(), &*step.step_name, step.is_plan())).collect();
        assert_eq!(steps, [(0, "init", false), (1, "reserve", false), (2, "mail", true)]);
        assert_eq!(history.steps[1].out.as_deref(), Some(r#"{"sku":9}"#));
        assert!(!history.is_duplicate);
        let until = History::read(&body(&entries), Some("m1")).unwrap();
        assert_eq!(until.steps.len(), 2);
        // The only entry is the payload's, whatever its id.
        assert_eq!(History::read(&body(&entries[..1]), Some("other")).unwrap().steps.len(), 1);
    }

    #[test]
    fn the_first_of_two_counts() {
        let [m0, m1, m2] = [("m0", PAYLOAD, "step"), ("m1", RESERVE, "step"), ("m2", MAIL, "step")];
        let init =
            BASE64_STANDARD.encode(r#"{"stepId":0,"stepName":"init","stepType":"Initial","out":"{}","concurrent":1}"#);
        let init = ("m3", &*init, "step");
        for (entries, is_duplicate, steps) in [
            (vec![m0, m1, m1], true, 2),
            (vec![m0, m1, m1, m2], false, 3),
            (vec![m0, m1, m2, m2], true, 3),
            (vec![m0], false, 1),
            (vec![m0, init, m1], false, 2),
            (vec![m0, m1, init], false, 2),
        ] {
            let history = History::read(&body(&entries), None).unwrap();
            assert_eq!((history.is_duplicate, history.steps.len()), (is_duplicate, steps), "{entries:?}");
        }
    }

    #[test]
    fn others_are_refused_by_place() {
        let [m0, not_base64] = [("m0", PAYLOAD, "step"), ("m1", "!", "step")];
        for (text, place) in [
            (b"{".to_vec(), "the list of steps"),
            (b"[]".to_vec(), "the first step"),
            (body(&[m0, not_base64]), "the body of a step"),
            (body(&[m0, ("m1", PAYLOAD, "step")]), "a step"),
        ] {
            assert_eq!(History::read(&text, None), Err(Unreadable(place)));
        }
        assert_eq!(History::read(&body(&[m0, m0]), Some("other")), Err(Unreadable("the first step")));
    }
}
