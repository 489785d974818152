use super::members::{Members, member_setters};
use crate::ratelimit::Attempt;

/// Clients that pass all limits without being counted: monitoring, an office, a partner.
///
/// It goes before [deny lists](super::DenyList) and limits. Clients choose user agents and some identifiers themselves,
/// so a client that knows such a value passes.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct AllowList {
    members: Members,
}

impl AllowList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    member_setters!();

    pub(in crate::ratelimit) fn contains(&self, attempt: &Attempt<'_>) -> bool {
        self.members.find(attempt).is_some()
    }
}
