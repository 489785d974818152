use crate::ratelimit::Attempt;
use ipnet::IpNet;
use std::collections::HashSet;

/// Who is on a list of this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    pub(super) identifiers: HashSet<Box<str>>,
    pub(super) user_agents: HashSet<Box<str>>,
    pub(super) countries: HashSet<Box<str>>,
    pub(super) networks: Vec<IpNet>,
}

impl Members {
    /// What of a request is on the list.
    pub(super) fn find(&self, attempt: &Attempt<'_>) -> Option<String> {
        let client_info = attempt.client_info;
        let text = |value: &str| value.to_owned();
        let listed = |ip: &std::net::IpAddr| self.networks.iter().any(|network| network.contains(ip));
        let identifier = Some(&*attempt.identifier).filter(|&identifier| self.identifiers.contains(identifier));
        identifier
            .map(text)
            .or_else(|| Some(client_info?.ip.filter(listed)?.to_string()))
            .or_else(|| {
                Some(text(client_info?.user_agent.as_deref().filter(|&agent| self.user_agents.contains(agent))?))
            })
            .or_else(|| {
                Some(text(client_info?.country.as_deref().filter(|&country| self.countries.contains(country))?))
            })
    }
}

/// The setters of a list that has its [`Members`] in a field `members`.
macro_rules! member_setters {
    () => {
        /// Adds identifiers.
        pub fn with_identifiers<S: AsRef<str>>(mut self, identifiers: impl IntoIterator<Item = S>) -> Self {
            self.members.identifiers.extend(identifiers.into_iter().map(|value| value.as_ref().into()));
            self
        }

        /// Adds addresses and networks: `10.0.0.0/8`, `2001:db8::1`.
        ///
        /// # Errors
        /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if a text is no address and no network.
        pub fn try_with_networks<N: crate::client_ip::IntoNetwork>(
            mut self,
            networks: impl IntoIterator<Item = N>,
        ) -> Result<Self, crate::Error> {
            for network in networks {
                self.members.networks.push(network.into_network()?);
            }
            Ok(self)
        }

        /// Adds user agents, word for word.
        pub fn with_user_agents<S: AsRef<str>>(mut self, user_agents: impl IntoIterator<Item = S>) -> Self {
            self.members.user_agents.extend(user_agents.into_iter().map(|value| value.as_ref().into()));
            self
        }

        /// Adds countries, as the proxy in front names them.
        pub fn with_countries<S: AsRef<str>>(mut self, countries: impl IntoIterator<Item = S>) -> Self {
            self.members.countries.extend(countries.into_iter().map(|value| value.as_ref().into()));
            self
        }
    };
}
pub(super) use member_setters;
