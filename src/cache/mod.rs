//! A typed cache: values by key in a namespace, computed once for all that ask for them, in memory and in Redis.
//!
//! ```
//! use axum_upstash::Upstash;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let upstash = Upstash::builder().or_memory().build()?; // Upstash::from_env()? in an application
//! let products = upstash
//!     .cache::<u64, String>("products")
//!     .with_ttl(Duration::from_secs(60))
//!     .with_stale_while_revalidate(Duration::from_secs(300));
//!
//! let product = products
//!     .get_or_compute(&17, async |context| {
//!         context.set_tags(["catalogue"]);
//!         Ok::<_, std::io::Error>("tea".to_owned()) // from a database that is slow
//!     })
//!     .await?;
//! assert_eq!(product, "tea");
//!
//! products.invalidate_tags(["catalogue"]).await?;
//! assert_eq!(products.get(&17).await, None);
//! # Ok(())
//! # }
//! ```
//!
//! # Costs
//! Round trips to Redis, and the commands that Upstash bills: a script counts as one, and each command in it as well.
//! Without Redis there are none.
//!
//! | call | round trips | billed commands |
//! |---|---|---|
//! | a value in memory | 0 | 0 |
//! | `get_or_compute` of a value that this process computed or read before, if nothing was invalidated since | 1 | 1 |
//! | `get_or_compute` of another value in Redis | 1 | 4 |
//! | `get` | 1 | 4, and 1 for each tag |
//! | `get_or_compute` of a value that is computed | 2 | 4 and 5; 1 more if a stale one is there |
//! | `get_many` of `n` values | 1 | 2 + 2 `n` at the most, and 1 for each tag |
//! | `set`, `set_many` of `n` values | 1 | 2 + 2 `n` |
//! | `remove` | 1 | 1 |
//! | `invalidate_tags`, `clear` | 1 | 6, and those that forget old tags |
//!
//! If a value that this process had before was removed or invalidated by another process, its lookup is one round trip more.
//!
//! With a [channel](Cache::with_channel) `remove` is 3 commands, and each other change one more.
//!
//! While another process computes a value, it is looked for after 10 ms, and then after longer pauses, up to 200 ms.
//!
//! Tags cost a lookup no round trip: the script that reads an entry judges it by the times at which its tags were last
//! invalidated. Those are in one hash of the namespace.
//!
//! # Two tiers
//! Memory holds a value of Redis for a [second](Cache::with_memory_ttl) at the most: so late an invalidation by another
//! process may be seen. One of this process is seen at once, and one of another by the next lookup in Redis.
//! Over a [channel](Cache::with_channel) those of others are heard at once, and memory may hold values for longer.
//!
//! # Values in Redis
//! A [codec](Codec) writes them, by default as JSON. Those above 1 KiB are
//! [compressed](Cache::with_compression_above). A [store of your own](store::CacheStore) may take the place of Redis.
//!
//! # What is invalid
//! Times are those of Redis. A value is created when its computation begins. It is invalid if one of its tags, or the
//! namespace, was invalidated at that time or later: nothing that was computed from an older source outlives an
//! invalidation, however late it is written. A value that is set or removed overtakes the computations of its key.
//!
//! # Faults
//! Redis that fails costs a deadline until the [circuit breaker](crate::CircuitBreaker) opens, and then one a second. Values
//! are then computed, once for all calls in this process, and kept in memory for a second. Entries that are corrupt, of
//! another version or of another program are misses. A process that dies while it computes a value delays the others by
//! its [lease](Cache::with_lease).

mod beside;
mod channel;
mod codec;
mod computation;
#[cfg(feature = "testing")]
pub mod conformance;
mod context;
mod error;
mod event;
mod get_or_compute;
mod key;
mod listener;
mod lives;
mod memory;
#[cfg(feature = "cache-messagepack")]
mod messagepack;
mod namespace;
mod payload;
mod settings;
mod shared;
pub mod store;
mod values;

#[cfg(feature = "cache-messagepack")]
pub use self::messagepack::MessagePackCodec;
pub use self::{
    codec::{Codec, JsonCodec},
    context::ComputeContext,
    error::ComputeError,
    event::{CacheEvent, Tier},
    key::CacheKey,
    namespace::Cache,
    values::EntryOptions,
};
