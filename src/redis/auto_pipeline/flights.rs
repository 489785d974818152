use crate::{redis::network::Path, rt::Stopwatch};
use std::time::Duration;

/// Requests of a lane that are under way, in the order in which they left.
#[derive(Debug, Default)]
pub(super) struct Flights {
    under_way: Vec<(u64, Stopwatch)>,
    count: u64,
    last: Option<Stopwatch>,
}

impl Flights {
    /// Notes a departure, and names it.
    pub(super) fn depart(&mut self) -> u64 {
        self.count += 1;
        let now = Stopwatch::start();
        self.under_way.push((self.count, now));
        self.last = Some(now);
        self.count
    }

    pub(super) fn land(&mut self, flight: u64) {
        self.under_way.retain(|(other, _)| *other != flight);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// The time until another request may leave: zero if it may now, and `None` if one has to land before.
    ///
    /// Requests that are slow, or whose connection is dead, do not hold up others until there are too many of them.
    pub(super) fn wait(&self, path: Path) -> Option<Duration> {
        if self.under_way.is_empty() {
            return Some(Duration::ZERO);
        }
        if self.under_way.len() >= path.bound() {
            return None;
        }
        let slow = path.slow_after();
        let quick = self.under_way.iter().filter(|(_, left)| left.elapsed() < slow);
        let in_flight = quick.clone().count();
        if in_flight < path.limit() {
            let since = self.last.map_or(Duration::MAX, Stopwatch::elapsed);
            let oldest = quick.clone().next().map(|(_, left)| left.elapsed()).unwrap_or_default();
            return Some(path.gap(in_flight, oldest).saturating_sub(since));
        }
        quick.map(|(_, left)| slow.saturating_sub(left.elapsed())).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::network::Network;
    use http::Version;

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_makes_room_and_there_are_only_so_many() {
        let network = Network::new(2);
        network.measured(Duration::ZERO, Version::HTTP_11);
        let (path, mut flights) = (network.path(), Flights::default());
        let [at_once, later] = [Some(Duration::ZERO), Some(Duration::from_millis(10))];
        for waits in [[at_once, at_once, later], [at_once, at_once, None]] {
            for wait in &waits[..2] {
                assert_eq!(flights.wait(path), *wait);
                flights.depart();
            }
            assert_eq!(flights.wait(path), waits[2]);
            tokio::time::advance(waits[2].unwrap_or_default()).await;
        }
        flights.land(1);
        assert_eq!(flights.wait(path), Some(Duration::from_millis(10)));
    }
}
