//! An entry as it is stored: a line with times and tags, and the payload behind it.

use super::lives::Ends;
use bytes::Bytes;

/// The first line of an entry, read. Its times are those of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) created_us: u64,
    fresh_us: u64,
    stale_us: u64,
    on_error_us: u64,
    pub(super) version: u32,
    pub(super) tags: Vec<Box<str>>,
    pub(super) payload: Bytes,
}

impl Envelope {
    /// Reads an entry. One that is cut, another's, or of a later form is none.
    pub(super) fn read(entry: &Bytes) -> Option<Self> {
        let end = entry.iter().position(|byte| *byte == b'\n')?;
        let mut words = std::str::from_utf8(&entry[..end]).ok()?.split(' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        if number()? != 1 {
            return None;
        }
        let (created_us, fresh_us, stale_us, on_error_us) = (number()?, number()?, number()?, number()?);
        number()?;
        let version = u32::try_from(number()?).ok()?;
        let tags = words.filter(|tag| !tag.is_empty()).map(Into::into).collect();
        Some(Self { created_us, fresh_us, stale_us, on_error_us, version, tags, payload: entry.slice(end + 1..) })
    }

    /// The ends of its lives by the clock of this process, which shows `now_ms` when the store's shows `now_us`.
    pub(super) fn ends(&self, now_us: u64, now_ms: u64) -> Ends {
        let local = |us: u64| match us >= now_us {
            true => now_ms.saturating_add((us - now_us) / 1_000),
            false => now_ms.saturating_sub((now_us - us).div_ceil(1_000)),
        };
        Ends {
            since_ms: local(self.created_us.min(now_us)),
            fresh_ms: local(self.fresh_us),
            stale_ms: local(self.stale_us),
            on_error_ms: local(self.on_error_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::lives::Freshness;
    use proptest::prelude::*;

    #[test]
    fn an_entry_is_read() {
        let read = Envelope::read(&Bytes::from_static(b"1 1000 3000 5000 5000 7 2 a b\n{\n}")).unwrap();
        assert_eq!((read.created_us, read.version, &*read.payload), (1000, 2, &b"{\n}"[..]));
        assert_eq!(read.tags.iter().map(|tag| &**tag).collect::<Vec<_>>(), ["a", "b"]);
        let ends = read.ends(2_000, 77);
        assert_eq!((ends.since_ms, ends.fresh_ms, ends.stale_ms), (76, 78, 80));
        assert_eq!(ends.freshness(77), Freshness::Fresh);
        let without_tags = Envelope::read(&Bytes::from_static(b"1 1 2 3 4 5 6 \nx")).unwrap();
        assert!(without_tags.tags.is_empty());
    }

    #[test]
    fn others_are_none() {
        for entry in
            ["", "1 1 2 3 4 5 6", "2 1 2 3 4 5 6 \n", "1 1 2 3 4 5\n", "1 1 2 3 4 5 99999999999 \n", "{}\n", "\n"]
        {
            assert_eq!(Envelope::read(&Bytes::copy_from_slice(entry.as_bytes())), None, "{entry}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(entry in prop::collection::vec(any::<u8>(), 0..80), now_us in any::<u64>()) {
            if let Some(read) = Envelope::read(&entry.into()) {
                let _ = read.ends(now_us, now_us / 1_000);
            }
        }
    }
}
