use crate::Error;
use futures_core::stream::BoxStream;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A change by one process, for the memory of the others.
///
/// ```
/// use axum_upstash::cache::store::Change;
///
/// let mut change = Change::new("a process");
/// change.tags.push("drinks".into());
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// The process and the change, which it has no need to hear of.
    pub by: Box<str>,
    /// The names of entries that were set or removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Box<str>>,
    /// The tags that were invalidated. The empty one is that of all entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Box<str>>,
}

impl Change {
    /// No change of a process.
    #[must_use]
    pub fn new(by: impl Into<Box<str>>) -> Self {
        Self { by: by.into(), names: Vec::new(), tags: Vec::new() }
    }
}

/// Without names and tags: they are the application's.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Change");
        all.field("by", &self.by).field("names", &self.names.len()).field("tags", &self.tags.len()).finish()
    }
}

/// The changes of others, or that they are heard from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a store of one's own makes it")]
pub enum Heard {
    /// Each change from now on is heard, until the stream ends or has an error.
    Open,
    /// A change.
    Change(Change),
}

/// The changes of others, as they happen.
pub type Changes = BoxStream<'static, Result<Heard, Error>>;
