use super::{Check, CheckRequest, CheckResponse, DynamicLimits, RateLimitStore};
use crate::{
    Error, ErrorKind,
    ratelimit::algorithms::CounterName,
    redis::{Cmd, Redis, Reply, Script},
    rt::random_id,
};
use futures_core::future::BoxFuture;
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

static REGION: Script = Script::new(include_str!("region.lua"));

/// A counter outlives its window a little, for regions and clients whose clock is behind.
const GRACE_MS: u64 = 1_000;

/// Counts in several databases in different regions, and asks all of them: the nearest decides.
///
/// Each window is a hash from the ids of requests to their costs, as with `MultiRegionRatelimit` of
/// `@upstash/ratelimit`. In the background the regions are sent each other's requests, so the count is eventually
/// consistent. Until then each region admits up to the limit by itself: the worst case of a window is the limit times
/// the regions. A region that is down is left out, and receives the missed requests with the next request of the same
/// client. A refused request is removed from the regions that counted it; if an exchange of another process runs at the
/// same time, it may stay counted until its window ends.
///
/// It costs much: two to three commands for each region and request, and two more for telling. For one database with
/// read replicas in other regions ("Global") it is not needed. Fixed and sliding windows only, no dynamic limits, no
/// shared deny lists, and one limit at a time.
///
/// ```
/// use axum_upstash::ratelimit::{FixedWindow, Ratelimit, store::MultiRegionStore};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let store = MultiRegionStore::new([redis.clone(), redis]); // one client for each region
/// let limiter = Ratelimit::with_store(store, FixedWindow::new(10, Duration::from_secs(60)));
/// assert!(limiter.limit("user:7").await?.allowed);
/// limiter.background().finished().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct MultiRegionStore {
    regions: Arc<[Redis]>,
    /// Windows that are being exchanged, and whether another exchange was requested meanwhile.
    exchanging: Arc<Mutex<HashMap<String, bool>>>,
}

type Counts = (bool, i64, i64);
type Region<T> = BoxFuture<'static, Result<T, Error>>;

impl MultiRegionStore {
    /// Counts in these databases.
    pub fn new(regions: impl IntoIterator<Item = Redis>) -> Self {
        Self { regions: regions.into_iter().collect(), exchanging: Arc::default() }
    }

    async fn decide(&self, request: CheckRequest<'_>) -> Result<CheckResponse, Error> {
        let ([check], None) = (request.checks, request.deny) else {
            return Err(unsupported("several limits at once, or a shared deny list"));
        };
        let keys = keys(check, request.now_ms)?;
        let id = random_id::<8>()?;
        let mut asked: Vec<Option<Region<Counts>>> =
            (0..self.regions.len()).map(|region| Some(self.ask(region, check, &keys, &id, request))).collect();

        let mut failure = None;
        let (admitted, previous, current) = loop {
            match next(&mut asked).await {
                Some((_, Ok(counts))) => break counts,
                Some((_, Err(error))) => failure = Some(error),
                None => {
                    return Err(failure.unwrap_or_else(|| Error::new(ErrorKind::Configuration, "there is no region")));
                }
            }
        };
        if check.cost != 0 {
            let (store, timeout) = (self.clone(), request.timeout);
            let exchange = Exchange { store, keys: keys.clone(), id, admitted, timeout };
            request.background.run(exchange.run(asked));
        }
        let state = check.algorithm.state_from_reply(previous, current, request.now_ms);
        let (mut outcome, _) = check.algorithm.decide(request.now_ms, Some(state), check.cost);
        outcome.allowed = admitted;
        Ok(CheckResponse::counted(vec![outcome]))
    }

    fn ask(
        &self,
        region: usize,
        check: &Check<'_>,
        keys: &Keys,
        id: &str,
        request: CheckRequest<'_>,
    ) -> Region<Counts> {
        let (redis, keys, id) = (self.regions[region].clone(), keys.clone(), id.to_owned());
        let (limit, cost, now_ms) = (check.algorithm.limit(), check.cost, request.now_ms);
        let (window, timeout) = (check.algorithm.window().as_millis(), request.timeout);
        Box::pin(async move {
            let call = redis.script(&REGION).key(&keys.current);
            let call = keys.previous.iter().fold(call, |call, key| call.key(key)).arg(id).arg(cost).arg(limit);
            let call = call.arg(now_ms).arg(u64::try_from(window).unwrap_or(u64::MAX)).arg(keys.ttl_ms);
            call.timeout(timeout).query().await
        })
    }
}

/// The keys of a check.
#[derive(Debug, Clone)]
struct Keys {
    current: String,
    previous: Option<String>,
    ttl_ms: u64,
}

fn keys(check: &Check<'_>, now_ms: u64) -> Result<Keys, Error> {
    if check.dynamic != DynamicLimits::Off {
        return Err(unsupported("dynamic limits"));
    }
    if !check.algorithm.is_windowed() {
        return Err(unsupported("token buckets and GCRA"));
    }
    let mut windows = check.algorithm.counters(now_ms).into_iter().filter_map(|name| match name {
        CounterName::Window(index) => Some(format!("{}:{}:{index}", check.prefix, check.identifier)),
        CounterName::Client | CounterName::Tagged(_) => None,
    });
    let empty = check.algorithm.state_from_reply(0, 0, now_ms);
    Ok(Keys {
        current: windows.next().unwrap_or_default(),
        previous: windows.next(),
        ttl_ms: check.algorithm.expires_ms(empty).saturating_sub(now_ms).saturating_add(GRACE_MS),
    })
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("limits over several regions do not support {what}"))
}

/// The next region that answers.
async fn next<T>(asked: &mut [Option<Region<T>>]) -> Option<(usize, Result<T, Error>)> {
    poll_fn(|context| {
        let mut waiting = false;
        for (index, slot) in asked.iter_mut().enumerate() {
            let Some(region) = slot else { continue };
            if let Poll::Ready(answer) = region.as_mut().poll(context) {
                *slot = None;
                return Poll::Ready(Some((index, answer)));
            }
            waiting = true;
        }
        if waiting { Poll::Pending } else { Poll::Ready(None) }
    })
    .await
}

/// Tells the regions of each other's requests, when all have answered.
struct Exchange {
    store: MultiRegionStore,
    keys: Keys,
    id: String,
    admitted: bool,
    timeout: Duration,
}

impl Exchange {
    async fn run(self, mut asked: Vec<Option<Region<Counts>>>) {
        if !self.admitted {
            // The request was refused: the regions that allowed it must not count it. First those that answered, then
            // those that were late or received it through an exchange meanwhile.
            self.forget().await;
        }
        while let Some((region, answer)) = next(&mut asked).await {
            if let Err(error) = answer {
                let error = error.without_key();
                tracing::debug!(%error, region, "a region did not answer the rate limiter");
            }
        }
        if !self.admitted {
            self.forget().await;
            return;
        }
        let exchanging = || self.store.exchanging.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut exchanging = exchanging();
            if let Some(again) = exchanging.get_mut(&self.keys.current) {
                // The running exchange does this one as well.
                *again = true;
                return;
            }
            exchanging.insert(self.keys.current.clone(), false);
        }
        let mut guard = Guard { store: &self.store, key: Some(&self.keys.current) };
        loop {
            self.exchange().await;
            let mut exchanging = exchanging();
            match exchanging.get_mut(&self.keys.current) {
                Some(again) if *again => *again = false,
                _ => {
                    // Under the same lock, so that no request relies on an exchange that has ended.
                    exchanging.remove(&self.keys.current);
                    guard.key = None;
                    return;
                }
            }
        }
    }

    /// Does the same in all regions at once. A region that does not answer delays the others no longer than a decision
    /// may take.
    async fn in_all<T: 'static>(&self, what: impl Fn(usize, &Redis) -> Option<Region<T>>) -> Vec<Option<T>> {
        let regions = self.store.regions.iter().enumerate();
        let mut asked: Vec<Option<Region<T>>> = regions.map(|(index, redis)| what(index, redis)).collect();
        let mut answers: Vec<Option<T>> = asked.iter().map(|_| None).collect();
        while let Some((region, answer)) = next(&mut asked).await {
            match answer {
                Ok(answer) => answers[region] = Some(answer),
                Err(error) => {
                    let error = error.without_key();
                    tracing::debug!(%error, region, "a region could not be read, or sent the requests of the others");
                }
            }
        }
        answers
    }

    /// Removes the request from every region. Regions without it are unchanged.
    async fn forget(&self) {
        self.in_all(|_, redis| {
            let (redis, key, id, timeout) = (redis.clone(), self.keys.current.clone(), self.id.clone(), self.timeout);
            Some(Box::pin(
                async move { redis.cmd("HDEL").key(key).arg(id).repeatable().timeout(timeout).await.map(drop) },
            ))
        })
        .await;
    }

    async fn exchange(&self) {
        let known: Vec<Option<BTreeMap<String, String>>> = self
            .in_all(|_, redis| {
                let (redis, key, timeout) = (redis.clone(), self.keys.current.clone(), self.timeout);
                Some(Box::pin(async move { redis.cmd("HGETALL").key(key).timeout(timeout).query().await }))
            })
            .await;
        let union: BTreeMap<&String, &String> = known.iter().flatten().flatten().collect();
        self.in_all(|region, redis| {
            let known = known[region].as_ref()?;
            let missing: Vec<(&str, &str)> = union
                .iter()
                .filter(|(id, _)| !known.contains_key(**id))
                .map(|(id, cost)| (id.as_str(), cost.as_str()))
                .collect();
            if missing.is_empty() {
                return None;
            }
            let mut pipeline = redis.transaction().timeout(self.timeout);
            pipeline.issue::<Reply>(Cmd::new("HSET").key(&self.keys.current).arg(missing));
            pipeline.issue::<Reply>(Cmd::new("PEXPIRE").key(&self.keys.current).arg(self.keys.ttl_ms));
            Some(Box::pin(async move { pipeline.exec().await.map(drop) }))
        })
        .await;
    }
}

/// Removes the entry even if the work is dropped.
struct Guard<'a> {
    store: &'a MultiRegionStore,
    key: Option<&'a str>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.store.exchanging.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        }
    }
}

impl fmt::Debug for MultiRegionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys in `exchanging` contain identifiers.
        f.debug_struct("MultiRegionStore").field("regions", &self.regions).finish_non_exhaustive()
    }
}

impl RateLimitStore for MultiRegionStore {
    fn check<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<CheckResponse, Error>> {
        Box::pin(self.decide(request))
    }

    fn reset<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            for check in request.checks {
                let keys = keys(check, request.now_ms)?;
                for redis in &*self.regions {
                    let call = redis.cmd("DEL").key(&keys.current);
                    keys.previous.iter().fold(call, |call, key| call.key(key)).timeout(request.timeout).await?;
                }
            }
            Ok(())
        })
    }
}
