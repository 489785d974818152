//! Measurements of the way to the server.

use crate::rt::Stopwatch;
use http::Version;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The smallest round trip is looked for in the last one to two of these, so that a new route is noticed.
const WINDOW: Duration = Duration::from_secs(10);
/// On a faster network a request costs more than the wait for the one before.
const FAST: Duration = Duration::from_millis(1);
/// On a slower one requests leave so far apart at the least.
const APART: Duration = Duration::from_micros(150);
/// Streams of an HTTP/2 connection that are used; servers allow 100 and more.
const STREAMS: usize = 32;

/// The way to a server, measured by each answer.
#[derive(Debug)]
pub(super) struct Network {
    connections: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    multiplexed: bool,
    /// The smallest round trip of this window, and of the one before.
    smallest: [Option<Duration>; 2],
    window: Option<Stopwatch>,
}

/// The measurements at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Path {
    /// The smallest round trip, if there was any.
    round_trip: Option<Duration>,
    /// The most requests at a time.
    slots: usize,
    multiplexed: bool,
}

impl Network {
    /// A network with at most `connections` of HTTP/1.1 for automatic pipelining.
    pub(super) fn new(connections: usize) -> Self {
        Self { connections: connections.max(1), state: Mutex::default() }
    }

    /// Takes note of an answer that needed one attempt.
    pub(super) fn measured(&self, elapsed: Duration, version: Version) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.multiplexed = version >= Version::HTTP_2;
        if state.window.is_none_or(|window| window.elapsed() > WINDOW) {
            state.window = Some(Stopwatch::start());
            state.smallest = [None, state.smallest[0]];
        }
        state.smallest[0] = Some(state.smallest[0].map_or(elapsed, |smallest| smallest.min(elapsed)));
    }

    pub(super) fn path(&self) -> Path {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let round_trip = state.smallest.iter().flatten().min().copied();
        let multiplexed = state.multiplexed;
        Path { round_trip, slots: if multiplexed { STREAMS } else { self.connections }, multiplexed }
    }
}

impl Path {
    /// Whether requests share a connection.
    pub(super) fn is_multiplexed(self) -> bool {
        self.multiplexed
    }

    /// How many requests may be in flight before a command waits for company.
    ///
    /// One before anything is known. Two on a fast network: one is made or read while the server works on the other, and the processor time of more
    /// requests costs more than the waiting. More the longer the round trip is, because a command that just missed a
    /// departure would wait for as long.
    pub(super) fn limit(self) -> usize {
        let Some(round_trip) = self.round_trip else { return 1 };
        let apart = usize::try_from(round_trip.as_micros() / APART.as_micros()).unwrap_or(usize::MAX);
        if round_trip < FAST { 2.min(self.slots) } else { apart.clamp(1, self.slots) }
    }

    /// The bound that slow requests count for as well.
    pub(super) fn bound(self) -> usize {
        if self.round_trip.is_some() { self.slots * 2 } else { 2 }
    }

    /// The time between two departures while `in_flight` requests are under way, the first of them for `oldest`.
    ///
    /// With it the departures spread over the round trip. Without it all would leave in its first moments, and what is
    /// issued later would wait for their return. Of the few connections of HTTP/1.1 each is kept for its part of the round
    /// trip. The streams of HTTP/2 that are free have to last until the first that is taken is free again. While less
    /// than half of them are taken, the gap is smaller. On a fast network there is none: timers are not as fine.
    pub(super) fn gap(self, in_flight: usize, oldest: Duration) -> Duration {
        let limit = self.limit();
        let round_trip = self.round_trip.filter(|round_trip| *round_trip >= FAST).unwrap_or_default();
        let (span, parts) = if self.multiplexed {
            (round_trip.saturating_sub(oldest), limit.saturating_sub(in_flight) + 1)
        } else {
            (round_trip, limit)
        };
        let taken = (in_flight * 2).min(limit);
        let [parts, taken, limit] = [parts, taken, limit].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        span / parts * taken / limit
    }

    /// The time after which a request is slow, and others no longer wait for it.
    pub(super) fn slow_after(self) -> Duration {
        match self.round_trip {
            Some(round_trip) => (round_trip * 8).max(Duration::from_millis(10)),
            None => Duration::from_millis(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(round_trip_us: u64, version: Version) -> Path {
        let network = Network::new(4);
        network.measured(Duration::from_micros(round_trip_us), version);
        network.path()
    }

    #[test]
    fn the_longer_the_round_trip_the_more_are_in_flight() {
        for (round_trip_us, version, limit) in [
            (200, Version::HTTP_11, 2),
            (1_000, Version::HTTP_11, 4),
            (100_000, Version::HTTP_11, 4),
            (200, Version::HTTP_2, 2),
            (5_000, Version::HTTP_2, 32),
            (100_000, Version::HTTP_2, 32),
        ] {
            assert_eq!(path(round_trip_us, version).limit(), limit, "{round_trip_us} us");
        }
        assert_eq!(Network::new(4).path().limit(), 1);
    }

    #[test]
    fn departures_spread_when_slots_become_rare() {
        let path = path(100_000, Version::HTTP_11);
        let gap = |path: Path, in_flight, oldest_ms| path.gap(in_flight, Duration::from_millis(oldest_ms)).as_micros();
        assert_eq!([0, 1, 2, 3].map(|in_flight| gap(path, in_flight, 0)), [0, 12_500, 25_000, 25_000]);
        let path = self::path(68_000, Version::HTTP_2);
        // Sixteen streams are left, for the time until the oldest request has its answer.
        assert_eq!(
            [(16, 0), (16, 34), (16, 68), (4, 0)].map(|(taken, oldest)| gap(path, taken, oldest)),
            [4_000, 2_000, 0, 586]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_longer_route_is_noticed_after_two_windows() {
        let network = Network::new(4);
        network.measured(Duration::from_millis(1), Version::HTTP_11);
        for _ in 0..3 {
            tokio::time::advance(WINDOW + Duration::from_millis(1)).await;
            network.measured(Duration::from_millis(100), Version::HTTP_11);
        }
        assert_eq!(network.path().round_trip, Some(Duration::from_millis(100)));
    }
}
