use std::fmt;

/// The device that a session is used from, for a page "your devices".
///
/// ```
/// use axum_upstash::session::{DeviceInfo, Session, SessionError};
///
/// fn remember_device(session: &Session) -> Result<(), SessionError> {
///     session.set_device(DeviceInfo::new().with_user_agent("Firefox 140 on Linux").with_network("203.0.113.0/24"))
/// }
/// # let _ = remember_device;
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// The browser, as it names itself.
    pub user_agent: Option<String>,
    /// The network, such as `203.0.113.0/24`. An address would tell more than a page needs.
    pub network: Option<String>,
}

impl DeviceInfo {
    /// Nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the browser.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// Sets the network.
    #[must_use]
    pub fn with_network(mut self, network: impl Into<String>) -> Self {
        self.network = Some(network.into());
        self
    }
}

/// A user agent and a network say much of a person, so they are not printed.
impl fmt::Debug for DeviceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceInfo").finish_non_exhaustive()
    }
}
