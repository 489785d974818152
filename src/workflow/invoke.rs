use super::record::{Record, json_or_text};
use serde::{Deserialize, de::DeserializeOwned};

/// The end of another workflow that was invoked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a run ends in one of three ways")]
pub enum InvokeOutcome<T> {
    /// It returned its result.
    Returned(T),
    /// It failed.
    Failed,
    /// It was cancelled.
    Canceled,
}

impl<T> InvokeOutcome<T> {
    /// The result, if there is one.
    #[must_use]
    pub fn returned(self) -> Option<T> {
        match self {
            Self::Returned(result) => Some(result),
            Self::Failed | Self::Canceled => None,
        }
    }
}

/// The URL of the workflow with that id beside the one with this URL.
pub(super) fn beside(url: &str, id: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let parent = path.rsplit_once('/').map_or(path, |(parent, _)| parent);
    format!("{parent}/{id}")
}

pub(super) fn read_invoked<T: DeserializeOwned>(record: &Record) -> Result<InvokeOutcome<T>, &'static str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Ended {
        body: Option<String>,
        #[serde(default)]
        is_failed: bool,
        #[serde(default)]
        is_canceled: bool,
    }
    let out = record.out.as_deref().ok_or("is missing")?;
    let ended: Ended = serde_json::from_str(out).map_err(|_| "is not that of another workflow")?;
    match ended {
        Ended { is_canceled: true, .. } => Ok(InvokeOutcome::Canceled),
        Ended { is_failed: true, .. } => Ok(InvokeOutcome::Failed),
        Ended { body, .. } => {
            let body = body.filter(|body| !body.is_empty()).unwrap_or_else(|| "null".into());
            json_or_text(body.as_bytes()).map(InvokeOutcome::Returned).map_err(|_| "is of another type")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{fields::is_id, record::StepKind};

    #[test]
    fn another_workflow_ends_in_one_of_three_ways() {
        let ended = |out: &str| {
            let record = Record { out: Some(out.into()), ..Record::new(1, "child", StepKind::Invoke, 1) };
            read_invoked::<serde_json::Value>(&record)
        };
        let returned = ended(r#"{"body":"{\"ok\":true}","isFailed":false,"isCanceled":false}"#);
        assert_eq!(returned.unwrap().returned().unwrap()["ok"], true);
        assert_eq!(ended(r#"{"isFailed":true,"isCanceled":false}"#), Ok(InvokeOutcome::Failed));
        assert_eq!(ended(r#"{"isFailed":false,"isCanceled":true}"#), Ok(InvokeOutcome::Canceled));
        assert!(ended("[").is_err());
    }

    #[test]
    fn workflows_of_one_route_are_beside_each_other() {
        assert_eq!(beside("https://a.example/flows/parent?x=1", "child"), "https://a.example/flows/child");
        assert!(is_id("send-mail.v2") && !is_id("a/b") && !is_id(""));
    }
}
