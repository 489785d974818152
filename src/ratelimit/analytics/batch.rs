use std::collections::HashMap;

/// So many different members are kept until they are sent.
const MOST: usize = 10_000;

/// Counts that were not sent yet, by the key of the bucket and its member.
#[derive(Debug, Default)]
pub(super) struct Batch {
    counts: HashMap<(String, String), Count>,
    /// Whether a task is going to send them.
    pub(super) scheduled: bool,
    /// Events that found no room.
    lost: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    pub(super) events: u64,
    pub(super) expires_s: u64,
}

pub(super) type Counts = Vec<((String, String), Count)>;

impl Batch {
    pub(super) fn add(&mut self, key: String, member: String, count: Count) {
        let full = self.counts.len() >= MOST;
        match self.counts.get_mut(&(key.clone(), member.clone())) {
            Some(known) => known.events += count.events,
            None if full => self.lost += count.events,
            None => drop(self.counts.insert((key, member), count)),
        }
    }

    /// Everything, and how many events found no room.
    pub(super) fn take(&mut self) -> (Counts, u64) {
        (self.counts.drain().collect(), std::mem::take(&mut self.lost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_bounded_and_says_what_it_lost() {
        let mut batch = Batch::default();
        let count = Count { events: 1, expires_s: 0 };
        for index in 0..MOST + 5 {
            batch.add("k".to_owned(), index.to_string(), count);
        }
        batch.add("k".to_owned(), "0".to_owned(), count);
        let (counts, lost) = batch.take();
        assert_eq!((counts.len(), lost), (MOST, 5));
        assert_eq!(counts.iter().map(|(_, count)| count.events).sum::<u64>(), MOST as u64 + 1);
        assert!(batch.take().0.is_empty());
    }
}
