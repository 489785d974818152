use super::keyword_enums::words;
use crate::redis::{FromReply, Reply, ReplyTypeError};
use std::time::Duration;
use web_time::{SystemTime, UNIX_EPOCH};

/// The remaining time to live of a key or a hash field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// There is no such key or field.
    Missing,
    /// It does not expire.
    Persistent,
    /// It expires after so long.
    After(Duration),
}

/// When a key or a hash field expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpireTime {
    /// There is no such key or field.
    Missing,
    /// It does not expire.
    Never,
    /// It expires at this time.
    At(SystemTime),
}

/// From milliseconds, -1, or -2.
impl FromReply for Ttl {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        Ok(match i64::from_reply(reply)? {
            -2 => Self::Missing,
            -1 => Self::Persistent,
            // Redis rounds: the rest of the last millisecond is none.
            ms => Self::After(Duration::from_millis(ms.try_into().unwrap_or(0))),
        })
    }
}

/// From milliseconds since the Unix epoch, -1, or -2.
impl FromReply for ExpireTime {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        Ok(match i64::from_reply(reply)? {
            -2 => Self::Missing,
            -1 => Self::Never,
            ms => Self::At(UNIX_EPOCH + Duration::from_millis(ms.try_into().unwrap_or(0))),
        })
    }
}

words! {
    /// When a time to live is changed.
    pub enum ExpireCondition {
        /// Only if there is no expiry yet.
        IfPersistent = "NX",
        /// Only if there is an expiry already.
        IfExpiring = "XX",
        /// Only if the new expiry is later.
        IfLater = "GT",
        /// Only if the new expiry is earlier.
        IfEarlier = "LT",
    }
}
