use super::record::StepKind;
use serde_json::Value;

/// A step that a function asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) name: String,
    pub(super) action: Action,
}

/// What a step does, apart from the closure of one that runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Run,
    /// Seconds, or a text such as `1d`.
    SleepFor(Value),
    /// Seconds since 1970.
    SleepUntil(u64),
}

impl Order {
    pub(super) fn kind(&self) -> StepKind {
        match self.action {
            Action::Run => StepKind::Run,
            Action::SleepFor(_) => StepKind::SleepFor,
            Action::SleepUntil(_) => StepKind::SleepUntil,
        }
    }

    /// Whether the endpoint executes it by polling its closure.
    pub(super) fn runs_here(&self) -> bool {
        self.action == Action::Run
    }
}
