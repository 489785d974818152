use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The kind of a step, with its name in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StepKind {
    /// The payload that the run began with.
    Initial,
    /// A closure.
    Run,
    /// A pause.
    SleepFor,
    /// A pause until a time.
    SleepUntil,
    /// A request that QStash makes.
    Call,
    /// A wait for an event.
    Wait,
    /// An event for those who wait.
    Notify,
    /// Another workflow.
    Invoke,
    /// A URL that a third party calls.
    CreateWebhook,
    /// A wait for a call of such a URL.
    WaitForWebhook,
}

impl StepKind {
    /// Its name in the protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "Initial",
            Self::Run => "Run",
            Self::SleepFor => "SleepFor",
            Self::SleepUntil => "SleepUntil",
            Self::Call => "Call",
            Self::Wait => "Wait",
            Self::Notify => "Notify",
            Self::Invoke => "Invoke",
            Self::CreateWebhook => "CreateWebhook",
            Self::WaitForWebhook => "WaitForWebhook",
        }
    }
}

/// A step as it is on the wire. One with `target_step` is a plan: it announces a step of a parallel group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) step_id: u32,
    pub(super) step_name: String,
    /// Text, because a step of a later version of the protocol is an error of its name, not of the whole list.
    pub(super) step_type: String,
    /// The result as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) out: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sleep_for: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sleep_until: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wait_event_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wait_timeout: Option<bool>,
    #[serde(default)]
    pub(super) concurrent: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target_step: Option<u32>,
}

impl Record {
    pub(super) fn new(step_id: u32, name: &str, kind: StepKind, concurrent: u32) -> Self {
        Self {
            step_id,
            step_name: name.to_owned(),
            step_type: kind.as_str().to_owned(),
            out: None,
            sleep_for: None,
            sleep_until: None,
            wait_event_id: None,
            timeout: None,
            wait_timeout: None,
            concurrent,
            target_step: None,
        }
    }

    pub(super) fn is_plan(&self) -> bool {
        self.target_step.is_some_and(|target| target > 0)
    }

    /// The id of the step that it is, or that it announces.
    pub(super) fn target(&self) -> u32 {
        self.target_step.filter(|target| *target > 0).unwrap_or(self.step_id)
    }
}

/// A value of JSON, or else of text, as results and payloads are.
pub(super) fn json_or_text<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes).or_else(|_| serde_json::from_value(String::from_utf8_lossy(bytes).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_written_as_the_official_client_does() {
        let mut step = Record::new(1, "reserve", StepKind::Run, 1);
        step.out = Some(r#"{"sku":9}"#.into());
        assert_eq!(
            serde_json::to_string(&step).unwrap(),
            r#"{"stepId":1,"stepName":"reserve","stepType":"Run","out":"{\"sku\":9}","concurrent":1}"#
        );
        let mut plan = Record::new(0, "pause", StepKind::SleepFor, 2);
        (plan.sleep_for, plan.target_step) = (Some(5.into()), Some(3));
        let text =
            r#"{"stepId":0,"stepName":"pause","stepType":"SleepFor","sleepFor":5,"concurrent":2,"targetStep":3}"#;
        assert_eq!(serde_json::to_string(&plan).unwrap(), text);
        assert_eq!(serde_json::from_str::<Record>(text).unwrap(), plan);
        assert!(plan.is_plan() && !step.is_plan());
        assert_eq!((plan.target(), step.target()), (3, 1));
    }
}
