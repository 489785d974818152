use super::versions;
use http::HeaderMap;
use std::time::SystemTime;

/// What a delivery says of its run.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) id: String,
    /// The URL of the workflow.
    pub(super) url: String,
    /// The version of the workflow that the run is bound to.
    pub(super) version: Option<String>,
    /// The headers that it was triggered with.
    pub(super) headers: HeaderMap,
    pub(super) retried: u32,
    pub(super) labels: Vec<String>,
    /// In milliseconds since 1970, as the server wrote it.
    pub(super) created_at: Option<u64>,
    /// How many runs invoked each other before this one.
    pub(super) invoke_count: u32,
}

impl Run {
    /// A run that begins, without headers and labels.
    pub(super) fn new(id: &str, url: &str) -> Self {
        Self {
            id: id.to_owned(),
            url: url.to_owned(),
            version: None,
            headers: HeaderMap::new(),
            retried: 0,
            labels: Vec::new(),
            created_at: None,
            invoke_count: 0,
        }
    }

    /// The URL that its messages are for.
    pub(super) fn destination(&self) -> String {
        versions::joined(&self.url, self.version.as_deref())
    }

    pub(super) fn created_at(&self) -> Option<SystemTime> {
        self.created_at.map(crate::rt::from_unix_ms)
    }
}
