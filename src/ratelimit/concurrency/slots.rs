use crate::{
    Clock, Error,
    background::Background,
    redis::{Cmd, Redis, Reply, Script},
};
use std::{
    collections::HashMap,
    fmt,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The slots and the settings of their leases, which a limiter and its permits share.
#[derive(Debug, Clone)]
pub(super) struct LeasedSlots {
    slots: Arc<Slots>,
    pub(super) lease: Duration,
    pub(super) timeout: Duration,
    pub(super) background: Background,
    pub(super) clock: Clock,
}

impl LeasedSlots {
    pub(super) fn new(slots: Slots) -> Self {
        Self {
            slots: Arc::new(slots),
            lease: Duration::from_secs(30),
            timeout: Duration::from_secs(1),
            background: Background::new(),
            clock: Clock::system(),
        }
    }

    pub(super) fn lease<'a>(&self, key: &'a str, id: &'a str) -> Lease<'a> {
        let length_ms = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX);
        Lease { key, id, now_ms: self.clock.now_ms(), length_ms, timeout: self.timeout }
    }
}

impl Deref for LeasedSlots {
    type Target = Slots;

    fn deref(&self) -> &Slots {
        &self.slots
    }
}

static ACQUIRE: Script = Script::new(include_str!("acquire.lua"));

/// The back ends that keep leases.
pub(super) enum Slots {
    Redis(Redis),
    /// How many are held by each key. Here a permit cannot be lost: dropping it gives it back.
    Memory(Mutex<HashMap<String, u32>>),
}

/// One lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease<'a> {
    pub(super) key: &'a str,
    pub(super) id: &'a str,
    pub(super) now_ms: u64,
    pub(super) length_ms: u64,
    pub(super) timeout: Duration,
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(redis) => f.debug_tuple("Redis").field(redis).finish(),
            // The keys name clients.
            Self::Memory(_) => f.debug_tuple("Memory").finish(),
        }
    }
}

impl Slots {
    /// Whether a lease ends by itself, so that it has to be renewed and given back over the network.
    pub(super) fn expire(&self) -> bool {
        matches!(self, Self::Redis(_))
    }

    pub(super) async fn acquire(&self, lease: Lease<'_>, max: u32) -> Result<bool, Error> {
        match self {
            Self::Redis(redis) => {
                let call = redis.script(&ACQUIRE).key(lease.key).arg(lease.now_ms).arg(max).arg(lease.length_ms);
                let (acquired, _): (bool, u64) = call.arg(lease.id).timeout(lease.timeout).query().await?;
                Ok(acquired)
            }
            Self::Memory(held) => {
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                let count = held.entry(lease.key.to_owned()).or_default();
                let acquired = *count < max;
                *count += u32::from(acquired);
                if *count == 0 {
                    held.remove(lease.key);
                }
                Ok(acquired)
            }
        }
    }

    /// Whether it was still there to be renewed.
    pub(super) async fn renew(&self, lease: Lease<'_>) -> Result<bool, Error> {
        let Self::Redis(redis) = self else { return Ok(true) };
        let mut pipeline = redis.transaction().timeout(lease.timeout);
        let end = lease.now_ms.saturating_add(lease.length_ms);
        let cmd = Cmd::new("ZADD").key(lease.key).arg("XX").arg(end).arg(lease.id);
        pipeline.issue::<Reply>(cmd);
        let renewed = pipeline.issue::<Option<f64>>(Cmd::new("ZSCORE").key(lease.key).arg(lease.id));
        let cmd = Cmd::new("PEXPIRE").key(lease.key).arg(lease.length_ms + 1_000).arg("GT");
        pipeline.issue::<Reply>(cmd);
        Ok(pipeline.exec().await?.take(renewed)?.is_some())
    }

    pub(super) async fn release(&self, key: &str, id: &str) -> Result<(), Error> {
        match self {
            Self::Redis(redis) => {
                redis.cmd("ZREM").key(key).arg(id).repeatable().await?;
            }
            Self::Memory(_) => self.release_now(key),
        }
        Ok(())
    }

    /// In memory only.
    pub(super) fn release_now(&self, key: &str) {
        let Self::Memory(held) = self else { return };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.remove(key);
            }
        }
    }
}
