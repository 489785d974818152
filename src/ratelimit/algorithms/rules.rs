use super::{RawOutcome, State};
use std::time::Duration;

/// An algorithm, as the engine and the stores use it.
pub(in crate::ratelimit) trait Rules {
    /// The mistake in the settings, if there is one. The limiter reports it when it is used.
    fn problem(&self) -> Option<&'static str>;

    /// The most that can pass at once.
    fn limit(&self) -> u64;

    /// The time in which [`limit`](Self::limit) is replenished.
    fn window(&self) -> Duration;

    /// Decides on a request of `cost` in a state, and returns the state after it.
    fn decide(&self, now_ms: u64, state: Option<State>, cost: i64) -> (RawOutcome, State);

    /// The time after which a state can be forgotten, in milliseconds since the Unix epoch.
    fn expires_ms(&self, state: State) -> u64;

    /// Whether a count ends with its window.
    fn is_windowed(&self) -> bool {
        false
    }

    /// The number that separates, in memory, the counts of one identifier under different algorithms. In Redis the
    /// names of the counters do. Windows of one length share theirs, as in `@upstash/ratelimit`.
    fn namespace(&self) -> u64;

    /// The counters of a client in Redis, the current one first.
    fn counters(&self, now_ms: u64) -> Vec<CounterName>;

    /// Whether the first counter is a hash. The others are strings.
    fn counts_in_hash(&self) -> bool {
        false
    }

    /// The kind, the span and the rate, as `limits.lua` takes them.
    fn script_arguments(&self) -> (u8, u64, u64);

    /// The state that the two numbers of a script's reply describe.
    fn state_from_reply(&self, one: i64, two: i64, now_ms: u64) -> State;
}

/// The name of a counter, relative to the key of its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ratelimit) enum CounterName {
    /// The client's key itself.
    Client,
    /// The client's key in a window.
    Window(u64),
    /// A key of an algorithm that `@upstash/ratelimit` does not have.
    Tagged(&'static str),
}
