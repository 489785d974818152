use crate::cache::lives::{Ends, Lives, after};
use bytes::Bytes;
use std::fmt;

/// An entry to keep.
#[derive(Clone)]
#[non_exhaustive]
pub struct Put<'a> {
    /// Its name.
    pub name: &'a str,
    /// The lease that has to be held. Without one it takes the place of what is there, and the lease of others.
    pub lease: Option<&'a str>,
    /// The time of the store at which its computation began, in microseconds; the time of the write, if there is none.
    pub created_us: Option<u64>,
    /// Its lives, from the write on.
    pub lives: Lives,
    /// The form of the payload, a number of the cache.
    pub form: u8,
    /// The version of the value.
    pub version: u32,
    /// Its tags: without spaces, and up to 100.
    pub tags: &'a [Box<str>],
    /// The value.
    pub payload: Bytes,
}

impl<'a> Put<'a> {
    /// An entry without tags and lease.
    #[must_use]
    pub fn new(name: &'a str, payload: Bytes, lives: Lives) -> Self {
        Self { name, lease: None, created_us: None, lives, form: 0, version: 0, tags: &[], payload }
    }
}

/// Without the value: it is the application's.
impl fmt::Debug for Put<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put").field("lives", &self.lives).field("version", &self.version).finish_non_exhaustive()
    }
}

/// An entry as a store keeps it. Its times are those of the store, in microseconds.
///
/// As bytes it is a line with times and tags, and the payload behind it.
///
/// ```
/// use axum_upstash::cache::store::{Entry, Lives, Put};
/// use std::time::Duration;
///
/// let lives = Lives::of(Duration::from_secs(60));
/// let entry = Entry::of(&Put::new("tea", "3".into(), lives), 1_000_000);
/// assert!(entry.is_fresh(60_999_999, None) && !entry.is_fresh(61_000_000, None));
/// assert_eq!(Entry::from_bytes(&entry.to_bytes()), Some(entry));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The time at which its computation began.
    pub created_us: u64,
    /// The end of its life as a fresh value.
    pub fresh_us: u64,
    /// The end of its life as a stale one.
    pub stale_us: u64,
    /// The end of its life as one that is used if a computation fails.
    pub on_error_us: u64,
    /// The form of the payload, a number of the cache.
    pub form: u8,
    /// The version of the value.
    pub version: u32,
    /// Its tags.
    pub tags: Vec<Box<str>>,
    /// The value.
    pub payload: Bytes,
}

impl Entry {
    /// The entry of a value that is written when the store shows `now_us`.
    #[must_use]
    pub fn of(put: &Put<'_>, now_us: u64) -> Self {
        let end = |life| after(now_us / 1_000, life).saturating_mul(1_000).saturating_add(now_us % 1_000);
        Self {
            created_us: put.created_us.unwrap_or(now_us),
            fresh_us: end(put.lives.fresh),
            stale_us: end(put.lives.stale),
            on_error_us: end(put.lives.on_error),
            form: put.form,
            version: put.version,
            tags: put.tags.to_vec(),
            payload: put.payload.clone(),
        }
    }

    /// Whether it is fresh, or was created within the part `eager` of its fresh life.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "lives are below 2^53 microseconds"
    )]
    #[must_use]
    pub fn is_fresh(&self, now_us: u64, eager: Option<f64>) -> bool {
        let life = self.fresh_us.saturating_sub(self.created_us);
        let part = eager.map_or(life, |part| (life as f64 * part) as u64);
        now_us < self.created_us.saturating_add(part)
    }

    /// The end of its longest life.
    #[must_use]
    pub fn expires_us(&self) -> u64 {
        self.fresh_us.max(self.stale_us).max(self.on_error_us)
    }

    /// The entry as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let Self { created_us, fresh_us, stale_us, on_error_us, form, version, .. } = self;
        let tags = self.tags.join(" ");
        let line = format!("1 {created_us} {fresh_us} {stale_us} {on_error_us} {form} {version} {tags}\n");
        [line.as_bytes(), &self.payload].concat().into()
    }

    /// The entry of bytes. Those that are cut, another program's, or of a later version of this crate are none.
    #[must_use]
    pub fn from_bytes(bytes: &Bytes) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let mut words = std::str::from_utf8(&bytes[..end]).ok()?.split(' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        if number()? != 1 {
            return None;
        }
        let (created_us, fresh_us, stale_us, on_error_us) = (number()?, number()?, number()?, number()?);
        let (form, version) = (u8::try_from(number()?).ok()?, u32::try_from(number()?).ok()?);
        let tags = words.filter(|tag| !tag.is_empty()).map(Into::into).collect();
        let payload = bytes.slice(end + 1..);
        Some(Self { created_us, fresh_us, stale_us, on_error_us, form, version, tags, payload })
    }

    /// The ends of its lives by the clock of this process, which shows `now_ms` when the store's shows `now_us`.
    pub(in crate::cache) fn ends(&self, now_us: u64, now_ms: u64) -> Ends {
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

/// Without the value and its tags: they are the application's.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("created_us", &self.created_us)
            .field("fresh_us", &self.fresh_us)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::lives::Freshness;
    use proptest::prelude::*;

    #[test]
    fn an_entry_is_read() {
        let read = Entry::from_bytes(&Bytes::from_static(b"1 1000 3000 5000 5000 1 2 a b\n{\n}")).unwrap();
        assert_eq!((read.created_us, read.form, read.version, &*read.payload), (1000, 1, 2, &b"{\n}"[..]));
        assert_eq!(read.tags.iter().map(|tag| &**tag).collect::<Vec<_>>(), ["a", "b"]);
        let ends = read.ends(2_000, 77);
        assert_eq!((ends.since_ms, ends.fresh_ms, ends.stale_ms), (76, 78, 80));
        assert_eq!(ends.freshness(77), Freshness::Fresh);
        let without_tags = Entry::from_bytes(&Bytes::from_static(b"1 1 2 3 4 0 6 \nx")).unwrap();
        assert!(without_tags.tags.is_empty());
    }

    #[test]
    fn others_are_none() {
        for entry in [
            "",
            "1 1 2 3 4 0 6",
            "2 1 2 3 4 0 6 \n",
            "1 1 2 3 4 0\n",
            "1 1 2 3 4 0 99999999999 \n",
            "1 1 2 3 4 256 6 \n",
            "{}\n",
            "\n",
        ] {
            assert_eq!(Entry::from_bytes(&Bytes::copy_from_slice(entry.as_bytes())), None, "{entry}");
        }
    }

    #[test]
    fn an_entry_is_refreshed_ahead_of_its_end() {
        let entry = Entry::from_bytes(&Bytes::from_static(b"1 1000 3000 3000 3000 0 0 \n")).unwrap();
        assert!(entry.is_fresh(2_999, None) && !entry.is_fresh(3_000, None));
        assert!(entry.is_fresh(1_999, Some(0.5)) && !entry.is_fresh(2_000, Some(0.5)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(entry in prop::collection::vec(any::<u8>(), 0..80), now_us in any::<u64>()) {
            if let Some(read) = Entry::from_bytes(&entry.into()) {
                let _ = (read.ends(now_us, now_us / 1_000), read.is_fresh(now_us, Some(0.5)));
                prop_assert_eq!(Entry::from_bytes(&read.to_bytes()), Some(read));
            }
        }
    }
}
