use serde_json::{Map, Value};
use std::ops::{BitOr, BitOrAssign};

/// The parts of records that an answer has, beside their ids ([`NONE`](Self::NONE)).
///
/// ```
/// use axum_upstash::vector::Include;
///
/// let include = Include::METADATA | Include::DATA;
/// assert!(include.contains(Include::DATA) && !include.contains(Include::VECTORS));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Include(u8);

impl Include {
    /// Ids alone.
    pub const NONE: Self = Self(0);
    /// Metadata.
    pub const METADATA: Self = Self(1);
    /// Data.
    pub const DATA: Self = Self(2);
    /// Dense and sparse vectors.
    pub const VECTORS: Self = Self(4);
    /// Everything.
    pub const ALL: Self = Self(7);

    /// Whether all of those parts are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds the fields that ask for these parts. Those that are not asked for are left out.
    pub(super) fn write(self, body: &mut Map<String, Value>) {
        let fields =
            [("includeMetadata", Self::METADATA), ("includeData", Self::DATA), ("includeVectors", Self::VECTORS)];
        for (name, _) in fields.into_iter().filter(|(_, part)| self.contains(*part)) {
            body.insert(name.to_owned(), true.into());
        }
    }
}

impl BitOr for Include {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Include {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
