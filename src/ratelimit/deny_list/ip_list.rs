use crate::{
    Error, ErrorKind,
    client::{Transport, fetch_text},
    ratelimit::Ratelimit,
};
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

/// The list that is fetched: <https://github.com/stamparm/ipsum>, addresses that stand on many public blacklists.
const SOURCE: &str = "https://raw.githubusercontent.com/stamparm/ipsum/master/levels/";
const DAY_MS: u64 = 86_400_000;
/// When the list is renewed, after midnight UTC.
const RENEWED_MS: u64 = 7_200_000;

/// A public list of addresses that attacks come from, fetched through the application's HTTP client.
///
/// It goes into the sets that `@upstash/ratelimit` uses, and is renewed after 2 in the morning, UTC, by whichever
/// process is asked first: the others wait 30 seconds for it before one of them tries as well.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, client::ReqwestTransport, ratelimit::{DenyList, FixedWindow, IpList}};
/// use std::time::Duration;
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let addresses = IpList::new(ReqwestTransport::from_defaults().expect("the TLS back end"));
/// let limiter = upstash.ratelimit(FixedWindow::new(100, Duration::from_secs(60)));
/// let limiter = limiter.with_deny_list(DenyList::new().with_shared().with_ip_list(addresses));
/// println!("{} addresses", limiter.deny_list().update_ip_list().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct IpList {
    transport: Arc<dyn Transport>,
    url: String,
    timeout: Duration,
}

impl IpList {
    /// Fetches by this client: `ReqwestTransport::new(client)`.
    pub fn new(transport: impl Transport) -> Self {
        Self { transport: Arc::new(transport), url: format!("{SOURCE}6.txt"), timeout: Duration::from_secs(20) }
    }

    /// On how many of some thirty lists an address has to stand: 1 to 8 (6). Others count as the nearest of these.
    pub fn with_threshold(mut self, lists: u8) -> Self {
        self.url = format!("{SOURCE}{}.txt", lists.clamp(1, 8));
        self
    }

    /// Fetches another list: one address in each line, comments after `#`.
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    async fn fetch(&self) -> Result<Vec<IpAddr>, Error> {
        let text = fetch_text(&*self.transport, &self.url, self.timeout).await?;
        let addresses: Vec<IpAddr> =
            text.lines().filter_map(|line| line.split('#').next()?.split_whitespace().next()?.parse().ok()).collect();
        if addresses.is_empty() {
            return Err(Error::new(ErrorKind::Decode, "the list of addresses has no address in it"));
        }
        Ok(addresses)
    }
}

impl fmt::Debug for IpList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IpList").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Ratelimit {
    /// Fetches the list in the background, because the store said that it is due.
    pub(in crate::ratelimit) fn fetch_ip_list(&self) {
        let limiter = self.clone();
        self.settings.background.run(async move {
            if let Err(error) = limiter.update_ip_list().await {
                tracing::warn!(%error, "the list of addresses could not be fetched; it is tried again");
            }
        });
    }

    pub(super) async fn update_ip_list(&self) -> Result<usize, Error> {
        let no_list = || Error::new(ErrorKind::InvalidInput, "the limiter's deny list has no list of addresses");
        let list = self.settings.deny.as_ref().and_then(|deny| deny.ip_list()).ok_or_else(no_list)?;
        let lists = self.deny_lists()?;
        let addresses = list.fetch().await?;
        let (count, valid_for) = (addresses.len(), Duration::from_millis(until_renewed(self.now_ms())));
        lists.set_addresses(&self.settings.prefix, addresses, valid_for).await?;
        Ok(count)
    }
}

/// Milliseconds until the next 2 in the morning, UTC.
fn until_renewed(now_ms: u64) -> u64 {
    match (RENEWED_MS + DAY_MS - now_ms % DAY_MS) % DAY_MS {
        0 => DAY_MS,
        wait => wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewed_at_two_in_the_morning() {
        for (now, wait) in [
            (1_700_000_000_000, 13_600_000),
            (1_700_000_000_000 + 13_600_000, 86_400_000),
            (1_700_000_000_000 + 13_600_000 - 1, 1),
        ] {
            assert_eq!(until_renewed(now), wait);
        }
    }
}
