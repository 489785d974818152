use crate::{
    Error, ErrorKind,
    client::{Transport, fetch_text},
    ratelimit::{DENY_LIST, IP_LIST, IP_LIST_STATUS, Ratelimit, RedisStore},
};
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

/// The list that is fetched: <https://github.com/stamparm/ipsum>, addresses that stand on many public blacklists.
const SOURCE: &str = "https://raw.githubusercontent.com/stamparm/ipsum/master/levels/";
const DAY_MS: u64 = 86_400_000;
/// When the list is renewed, after midnight UTC.
const RENEWED_MS: u64 = 7_200_000;
/// Addresses in one command.
const CHUNK: usize = 5_000;

/// A public list of addresses that attacks come from, fetched through the application's HTTP client.
///
/// It goes into the sets that `@upstash/ratelimit` uses, and is renewed after 2 in the morning, UTC, by whichever
/// process is asked first: the others wait 30 seconds for it before one of them tries as well.
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

    /// Fetches the [`IpList`] now, whether it is due or not, and returns how many addresses there are.
    ///
    /// # Errors
    /// Where there is no such list, where it cannot be fetched, or Redis cannot be asked.
    pub async fn update_ip_list(&self) -> Result<usize, Error> {
        let list = self.settings.deny.as_ref().and_then(|deny| deny.ip_list()).ok_or_else(no_list)?;
        let store = self.redis_store()?;
        let addresses = list.fetch().await?;
        let mut transaction = store.redis().transaction();
        let [all, ips, status] = keys(store, &self.settings.prefix);
        transaction.sdiffstore(&all, [&all, &ips]);
        transaction.del([&ips]);
        for chunk in addresses.chunks(CHUNK) {
            transaction.sadd(&ips, chunk.iter().map(ToString::to_string).collect::<Vec<_>>());
        }
        // An address that somebody put on the list by hand stays when it is on the public one no more.
        transaction.sdiffstore(&ips, [&ips, &all]);
        transaction.sunionstore(&all, [&all, &ips]);
        let ttl = until_renewed(self.now_ms());
        let set = crate::redis::Cmd::new("SET").key(&status).arg("valid").arg("PX").arg(ttl);
        transaction.issue::<crate::redis::Reply>(set);
        finish(transaction).await?;
        Ok(addresses.len())
    }

    /// Takes the addresses of the [`IpList`] off the shared list, and keeps every process from fetching it again.
    ///
    /// # Errors
    /// Where the limiter does not count in Redis, or it cannot be asked.
    pub async fn disable_ip_list(&self) -> Result<(), Error> {
        let store = self.redis_store()?;
        let [all, ips, status] = keys(store, &self.settings.prefix);
        let mut transaction = store.redis().transaction();
        transaction.sdiffstore(&all, [&all, &ips]);
        transaction.del([&ips]);
        let set = crate::redis::Cmd::new("SET").key(&status).arg("disabled");
        transaction.issue::<crate::redis::Reply>(set);
        finish(transaction).await?;
        if let Some(deny) = &self.settings.deny {
            deny.forget();
        }
        Ok(())
    }
}

async fn finish(transaction: crate::redis::Pipeline) -> Result<(), Error> {
    for reply in transaction.exec().await?.into_replies() {
        reply?;
    }
    Ok(())
}

fn keys(store: &RedisStore, prefix: &str) -> [String; 3] {
    [DENY_LIST, IP_LIST, IP_LIST_STATUS].map(|name| store.shared_key(prefix, name))
}

fn no_list() -> Error {
    Error::new(ErrorKind::InvalidInput, "the limiter's deny list has no list of addresses")
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
