//! The value under a key.

use super::super::{MOVED_MS, Record};
use crate::{
    expiring_map::Spare,
    session::{Lifetime, SessionKey},
};
use std::sync::Arc;

pub(super) enum Slot {
    Session(Arc<Record>),
    /// One that was rotated, and goes on until a request with the new id comes.
    Replaced {
        record: Arc<Record>,
        until_ms: u64,
    },
    Moved {
        to: SessionKey,
        until_ms: u64,
    },
}

impl Slot {
    /// The session, if there is one.
    pub(super) fn record(&self) -> Option<&Arc<Record>> {
        match self {
            Self::Session(record) | Self::Replaced { record, .. } => Some(record),
            Self::Moved { .. } => None,
        }
    }

    /// With the time until which it is kept.
    pub(super) fn kept(self, lifetime: Lifetime) -> Option<(Self, u64)> {
        let until_ms = match &self {
            Self::Session(record) => record.ends_ms(lifetime),
            Self::Replaced { until_ms, .. } | Self::Moved { until_ms, .. } => *until_ms,
        };
        Some((self, until_ms))
    }

    pub(super) fn moved(to: &SessionKey, now_ms: u64) -> Self {
        Self::Moved { to: to.clone(), until_ms: now_ms.saturating_add(MOVED_MS) }
    }
}

impl Spare for Slot {}

/// The other side of a rotation that no client has confirmed.
pub(super) fn linked(record: &Record) -> Option<SessionKey> {
    record.replaced.as_ref().map(|replaced| replaced.by.clone()).or_else(|| record.replaces.clone())
}

/// A session that goes on under its old key.
pub(super) fn restored(mut record: Arc<Record>, now_ms: u64) -> Arc<Record> {
    let session = Arc::make_mut(&mut record);
    (session.replaced, session.seen_ms) = (None, now_ms);
    record
}
