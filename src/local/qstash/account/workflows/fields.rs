use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::local::qstash::ids;

/// The run of a message, as its fields tell.
#[derive(Debug, Clone)]
pub(crate) struct RunFields {
    pub(crate) id: Arc<str>,
    pub(crate) is_init: bool,
    pub(crate) is_call: bool,
    /// The body has the payload in it, and the step that waits for the end.
    pub(crate) is_invoked: bool,
    pub(crate) depth: u32,
    /// The endpoint has taken over a run that was begun without an SDK.
    pub(crate) is_by_sdk: bool,
    /// The run is begun without an SDK.
    pub(crate) is_by_rest: bool,
    /// It is begun again by the SDK of its endpoint, which tells what it can.
    pub(crate) is_unknown: bool,
}

impl RunFields {
    /// `None` if the message is of no run.
    pub(crate) fn read(fields: &HeaderMap) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(|value| value.to_str().ok());
        let is = |name: &str, expected: &str| text(name).is_some_and(|value| value.eq_ignore_ascii_case(expected));
        Some(Self {
            id: text("upstash-workflow-runid")?.into(),
            is_init: is("upstash-workflow-init", "true"),
            is_call: is("upstash-workflow-calltype", "toCallback"),
            is_invoked: is("upstash-workflow-invoke", "true"),
            depth: text("upstash-forward-upstash-workflow-invoke-count")
                .and_then(|text| text.parse().ok())
                .unwrap_or(0),
            is_by_sdk: is("upstash-workflow-trigger-by-sdk", "true"),
            is_by_rest: false,
            is_unknown: false,
        })
    }

    /// A run that is begun without an SDK, with the id that its fields give.
    pub(crate) fn of_trigger(fields: &HeaderMap) -> Self {
        let given = fields.get("upstash-workflow-runid").and_then(|value| value.to_str().ok());
        let id = given.filter(|id| !id.is_empty()).map_or_else(ids::run_id, |id| format!("wfr_{id}"));
        Self {
            id: id.into(),
            is_init: true,
            is_call: false,
            is_invoked: false,
            depth: 0,
            is_by_sdk: false,
            is_by_rest: true,
            is_unknown: fields.get("upstash-workflow-unknown-sdk").is_some_and(|value| value == "true"),
        }
    }
}

/// Fields of which each has a list of values.
pub(crate) fn lists(fields: &BTreeMap<String, Vec<String>>) -> HeaderMap {
    let pairs = fields.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    pairs
        .filter_map(|(name, value)| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?)))
        .collect()
}
