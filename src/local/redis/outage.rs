use std::io;

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

impl From<io::Error> for Outage {
    fn from(error: io::Error) -> Self {
        tracing::warn!(%error, "the exchange with Redis failed");
        match error.kind() {
            io::ErrorKind::InvalidData => Self::Garbled,
            io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Unreachable,
        }
    }
}
