use crate::redis::{
    Cmd,
    command::{millis, unix_millis},
};
use std::time::Duration;
use web_time::SystemTime;

/// The options of `SET`.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct SetOptions {
    expiry: Option<Expiry>,
    condition: Option<&'static str>,
}

#[derive(Debug, Clone)]
enum Expiry {
    After(Duration),
    AtUnixMs(u64),
    Keep,
}

impl SetOptions {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// `PX`: expires after `ttl`, in whole milliseconds, rounded up.
    pub fn expire(mut self, ttl: Duration) -> Self {
        self.expiry = Some(Expiry::After(ttl));
        self
    }

    /// `PXAT`: expires at a time, in whole milliseconds, rounded up.
    pub fn expire_at(mut self, time: SystemTime) -> Self {
        self.expiry = Some(Expiry::AtUnixMs(unix_millis(time)));
        self
    }

    /// `KEEPTTL`: keeps the time to live that the key has.
    pub fn keep_ttl(mut self) -> Self {
        self.expiry = Some(Expiry::Keep);
        self
    }

    /// `NX`: only where there is no such key.
    pub fn if_absent(mut self) -> Self {
        self.condition = Some("NX");
        self
    }

    /// `XX`: only where there is such a key.
    pub fn if_present(mut self) -> Self {
        self.condition = Some("XX");
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, mut cmd: Cmd) -> Cmd {
        if let Some(condition) = self.condition {
            cmd = cmd.arg(condition);
        }
        match self.expiry {
            Some(Expiry::After(ttl)) => cmd.arg("PX").arg(millis(ttl)),
            Some(Expiry::AtUnixMs(at)) => cmd.arg("PXAT").arg(at),
            Some(Expiry::Keep) => cmd.arg("KEEPTTL"),
            None => cmd,
        }
    }
}
