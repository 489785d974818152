use super::{call::CallRequest, invocation::Invoked, record::StepKind};
use serde_json::Value;

/// A step that a function asks for.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) name: String,
    pub(super) action: Action,
}

/// What a step does, apart from the work of one that runs here.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Run,
    /// The version of a change of the function, recorded by runs that reach it.
    Version(u32),
    /// Seconds, or a text such as `1d`.
    SleepFor(Value),
    /// Seconds since 1970.
    SleepUntil(u64),
    Call(Box<CallRequest>),
    /// The event, and how long it is waited for.
    Wait {
        event: String,
        timeout: String,
    },
    Invoke(Box<Invoked>),
    /// A URL that a third party calls.
    CreateWebhook,
    /// The event of such a URL, and how long it is waited for.
    WaitForWebhook {
        event: String,
        timeout: String,
    },
    /// The event, and its data.
    Notify {
        event: String,
        data: Vec<u8>,
        shown: Value,
    },
}

impl Order {
    pub(super) fn kind(&self) -> StepKind {
        match self.action {
            Action::Run | Action::Version(_) => StepKind::Run,
            Action::SleepFor(_) => StepKind::SleepFor,
            Action::SleepUntil(_) => StepKind::SleepUntil,
            Action::Call(_) => StepKind::Call,
            Action::Wait { .. } => StepKind::Wait,
            Action::Notify { .. } => StepKind::Notify,
            Action::CreateWebhook => StepKind::CreateWebhook,
            Action::WaitForWebhook { .. } => StepKind::WaitForWebhook,
            Action::Invoke(_) => StepKind::Invoke,
        }
    }

    /// Whether the endpoint executes it by polling its work.
    pub(super) fn runs_here(&self) -> bool {
        matches!(self.action, Action::Run)
    }
}
