use crate::local::redis::{command::Command, outage::Outage, pool::Pool, resp::Value};

/// What the Redis behind this server has of its own. What it lacks is emulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(in crate::local::redis) struct Capabilities {
    /// `JSON.*`: a module, or Redis 8.
    pub(in crate::local::redis) json: bool,
    /// `HEXPIRE` and its family: Redis 7.4.
    pub(in crate::local::redis) hash_field_expiry: bool,
    /// `HGETDEL`, `HGETEX`, `HSETEX`: Redis 8.0.
    pub(in crate::local::redis) hash_get_and_change: bool,
    /// `XACKDEL` and `XDELEX`: Redis 8.2.
    pub(in crate::local::redis) stream_delete_options: bool,
    /// `BITOP` with `DIFF`, `DIFF1`, `ANDOR` and `ONE`: Redis 8.2.
    pub(in crate::local::redis) bitop_differences: bool,
}

/// The commands that are asked for, each for one capability. `BITOP`'s new words came with `XDELEX`.
const PROBES: [&str; 4] = ["json.set", "hexpire", "hgetdel", "xdelex"];

impl Capabilities {
    /// Asks Redis. One that does not say has everything: its own errors are then what clients see.
    pub(in crate::local::redis) async fn of(pool: &Pool) -> Result<Self, Outage> {
        let probes = PROBES.map(|name| Command::of(&["COMMAND", "INFO", name]));
        let replies = pool.lease().await?.exchange(&probes).await?;
        let has = |index: usize| match replies.get(index) {
            Some(Value::Array(found)) => found.iter().any(|entry| *entry != Value::Null),
            _ => true,
        };
        Ok(Self {
            json: has(0),
            hash_field_expiry: has(1),
            hash_get_and_change: has(2),
            stream_delete_options: has(3),
            bitop_differences: has(3),
        })
    }
}
