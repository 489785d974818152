use super::{
    IpList,
    members::{Members, member_setters},
};
use crate::{
    expiring_map::{ExpiringMap, Name},
    ratelimit::Attempt,
};
use ipnet::IpNet;
use std::net::IpAddr;

/// Clients that are refused: identifiers, addresses and networks, user agents, countries.
///
/// A list has values of its own, and can include the one that processes share in Redis
/// ([`with_shared`](Self::with_shared)): the sets of `@upstash/ratelimit` and of Upstash's console. The script that
/// counts looks there before it counts. If a value is on the shared list, the process remembers that for a minute.
///
/// ```
/// use axum_upstash::ratelimit::{Attempt, Reason, DenyList, FixedWindow, ClientInfo, Ratelimit};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let list = DenyList::new().try_with_networks(["203.0.113.0/24"])?.with_user_agents(["BadBot/1.0"]);
/// let limiter = Ratelimit::memory(FixedWindow::new(10, Duration::from_secs(60))).with_deny_list(list);
///
/// let client_info = ClientInfo::new().with_ip("203.0.113.7".parse()?);
/// let decision = limiter.limit(Attempt::new("user:7").with_client_info(&client_info)).await?;
/// assert!(!decision.allowed);
/// assert_eq!(decision.reason, Reason::Denied("203.0.113.7".into()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct DenyList {
    members: Members,
    shared: bool,
    shared_networks: bool,
    ip_list: Option<IpList>,
    /// Members of the shared list that were seen lately, and when.
    seen: ExpiringMap<u64>,
}

/// Time for which a hit on the shared list is remembered.
const REMEMBERED_MS: u64 = 60_000;

impl DenyList {
    /// An empty list.
    pub fn new() -> Self {
        let seen = ExpiringMap::new(10_000);
        Self { members: Members::default(), shared: false, shared_networks: false, ip_list: None, seen }
    }

    member_setters!();

    /// Looks at the list that processes share in Redis, under the limiter's prefix: identifier, address, user agent and
    /// country, word for word. One command more for each decision. A limiter that counts in memory has no such list.
    pub fn with_shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Looks for networks in the shared list as well, such as `203.0.113.0/24`. The command is the same, and has the
    /// networks that the address is in as further arguments: IPv4 from /8, IPv6 from /16 in steps of four.
    pub fn with_shared_networks(mut self) -> Self {
        self.shared_networks = true;
        self.with_shared()
    }

    /// Keeps the addresses of a public list in the shared one, fetched once a day by one of all processes. One command
    /// more for each decision.
    pub fn with_ip_list(mut self, list: IpList) -> Self {
        self.ip_list = Some(list);
        self.with_shared()
    }

    pub(in crate::ratelimit) fn is_shared(&self) -> bool {
        self.shared
    }

    pub(in crate::ratelimit) fn ip_list(&self) -> Option<&IpList> {
        self.ip_list.as_ref()
    }

    /// What of a request stands on the list, as far as is known without asking.
    pub(in crate::ratelimit) fn known(&self, prefix: &str, attempt: &Attempt<'_>, now_ms: u64) -> Option<String> {
        let own = self.members.find(attempt);
        if own.is_some() {
            return own;
        }
        if !self.shared {
            return None;
        }
        self.values(attempt).into_iter().find(|value| {
            // A clock that was set back would remember it for as long as it was ahead.
            self.seen.get(seen(prefix, value), now_ms).is_some_and(|since_ms| since_ms <= now_ms)
        })
    }

    /// What of a request may stand on the shared list.
    pub(in crate::ratelimit) fn values(&self, attempt: &Attempt<'_>) -> Vec<String> {
        let mut values = vec![attempt.identifier.as_ref().to_owned()];
        if let Some(client_info) = attempt.client_info {
            values.extend(client_info.ip.map(|ip| ip.to_string()));
            values.extend(client_info.user_agent.clone());
            values.extend(client_info.country.clone());
            if self.shared_networks {
                values.extend(client_info.ip.into_iter().flat_map(networks));
            }
        }
        values
    }

    /// Remembers a member of the shared list of a prefix.
    pub(in crate::ratelimit) fn learn(&self, prefix: &str, value: &str, now_ms: u64) {
        self.seen.update(seen(prefix, value), now_ms, |_| (Some((now_ms, now_ms.saturating_add(REMEMBERED_MS))), ()));
    }

    /// Forgets what was remembered.
    pub(super) fn forget(&self) {
        self.seen.clear();
    }
}

impl Default for DenyList {
    fn default() -> Self {
        Self::new()
    }
}

/// Each prefix has a shared list of its own.
fn seen<'a>(prefix: &'a str, text: &'a str) -> Name<'a> {
    Name { namespace: 0, prefix, text }
}

/// The networks that an address is in, as they are written.
fn networks(ip: IpAddr) -> impl Iterator<Item = String> {
    let (first, last, step) = if ip.is_ipv4() { (8, 32, 1) } else { (16, 128, 4) };
    (first..=last).step_by(step).filter_map(move |length| Some(IpNet::new(ip, length).ok()?.trunc().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratelimit::ClientInfo;

    #[test]
    fn networks_are_written_as_people_write_them() {
        let v4: Vec<String> = networks("203.0.113.7".parse().unwrap()).collect();
        assert_eq!((v4.len(), &*v4[0], &*v4[16], &*v4[24]), (25, "203.0.0.0/8", "203.0.113.0/24", "203.0.113.7/32"));
        let v6: Vec<String> = networks("2001:db8:1:2::3".parse().unwrap()).collect();
        assert!(v6.contains(&"2001:db8::/32".to_owned()) && v6.contains(&"2001:db8:1:2::/64".to_owned()), "{v6:?}");
    }

    #[test]
    fn each_kind_is_found_and_nothing_else() {
        let list = DenyList::new()
            .with_identifiers(["bad"])
            .try_with_networks(["10.0.0.0/8"])
            .unwrap()
            .with_user_agents(["Bot"])
            .with_countries(["XX"]);
        let known = |identifier: &str, client_info: &ClientInfo| {
            list.known("p", &Attempt::new(identifier).with_client_info(client_info), 0)
        };
        let nowhere = ClientInfo::new();
        assert_eq!(known("bad", &nowhere).as_deref(), Some("bad"));
        assert_eq!(known("good", &nowhere), None);
        assert_eq!(
            known("good", &ClientInfo::new().with_ip("::ffff:10.1.2.3".parse().unwrap())).as_deref(),
            Some("10.1.2.3")
        );
        assert_eq!(known("good", &ClientInfo::new().with_user_agent("Bot")).as_deref(), Some("Bot"));
        assert_eq!(known("good", &ClientInfo::new().with_country("XX")).as_deref(), Some("XX"));
        // An identifier that looks like a country is none.
        assert_eq!(known("XX", &nowhere), None);
    }

    #[test]
    fn members_of_the_shared_list_are_remembered_for_a_minute() {
        let list = DenyList::new().with_shared();
        list.learn("p", "bad", 0);
        assert_eq!(list.known("p", &Attempt::new("bad"), 59_999).as_deref(), Some("bad"));
        assert_eq!(list.known("p", &Attempt::new("bad"), 60_000), None);
        assert_eq!(list.known("another", &Attempt::new("bad"), 1), None, "it has a list of its own");
    }
}
