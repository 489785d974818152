use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

/// Why Redis gave no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outage {
    /// There was no connection, or it broke.
    Unreachable,
    /// Every connection was in use for too long; nothing was sent.
    Busy,
    /// It took too long over the command.
    TimedOut,
    /// The answer is not RESP2.
    Garbled,
}

impl Outage {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Unreachable => "ERR the Redis behind this server is not reachable",
            Self::Busy => "ERR every connection to the Redis behind this server is in use",
            Self::TimedOut => "ERR the Redis behind this server did not answer in time",
            Self::Garbled => "ERR the Redis behind this server sent an unexpected reply",
        }
    }
}

impl From<&io::Error> for Outage {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => Self::Garbled,
            io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Unreachable,
        }
    }
}

/// The log of outages: one line when one begins and one when it ends, however many requests meet it.
#[derive(Debug, Default)]
pub(super) struct OutageLog {
    lasts: AtomicBool,
}

impl OutageLog {
    pub(super) fn failed(&self, error: &io::Error) -> Outage {
        if self.lasts.swap(true, Ordering::Relaxed) {
            tracing::debug!(%error, "Redis still does not answer");
        } else {
            tracing::warn!(%error, "Redis does not answer; this is logged once until it does");
        }
        error.into()
    }

    pub(super) fn answered(&self) {
        if self.lasts.load(Ordering::Relaxed) && self.lasts.swap(false, Ordering::Relaxed) {
            tracing::warn!("Redis answers again");
        }
    }
}
