use super::members::{Members, member_setters};
use crate::ratelimit::Attempt;

/// Clients that pass all limits without being counted: monitoring, an office, a partner.
///
/// It goes before [deny lists](super::DenyList) and limits. Clients choose user agents and some identifiers themselves,
/// so a client that knows such a value passes.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{AllowList, FixedWindow}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let monitoring = AllowList::new().with_identifiers(["monitoring"]).try_with_networks(["192.0.2.0/24"])?;
/// let limiter = upstash.ratelimit(FixedWindow::new(1, Duration::from_secs(60))).with_allow_list(monitoring);
/// assert!(limiter.limit("monitoring").await?.allowed);
/// assert!(limiter.limit("monitoring").await?.allowed);
/// # Ok(())
/// # }
/// ```
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
