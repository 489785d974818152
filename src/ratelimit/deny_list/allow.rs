use super::members::{Members, member_setters};
use crate::ratelimit::Attempt;

/// Who passes whatever the limits say, without being counted: monitoring, an office, a partner.
///
/// It goes before [deny lists](super::DenyList) and limits. User agents and identifiers that clients choose themselves
/// let anybody pass who knows them.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct AllowList {
    members: Members,
}

impl AllowList {
    /// A list of nobody.
    pub fn new() -> Self {
        Self::default()
    }

    member_setters!();

    pub(in crate::ratelimit) fn contains(&self, attempt: &Attempt<'_>) -> bool {
        self.members.find(attempt).is_some()
    }
}
