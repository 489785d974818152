use crate::redis::Cmd;

/// The options of one step of a walk (`SCAN`, `HSCAN`, `SSCAN`, `ZSCAN`).
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ScanOptions {
    pattern: Option<Vec<u8>>,
    count: Option<u64>,
    of_type: Option<String>,
}

impl ScanOptions {
    /// Everything, in steps as large as Redis likes.
    pub fn new() -> Self {
        Self::default()
    }

    /// `MATCH`: only what matches a glob pattern. Steps may then be empty before the end.
    pub fn matching(mut self, pattern: impl Into<Vec<u8>>) -> Self {
        self.pattern = Some(pattern.into());
        self
    }

    /// `COUNT`: about how many items a step looks at (10).
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// `TYPE`: only keys of this type. For `SCAN` alone.
    pub fn of_type(mut self, of_type: impl Into<String>) -> Self {
        self.of_type = Some(of_type.into());
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(in crate::redis) fn write(self, cmd: Cmd) -> Cmd {
        cmd.arg(self.pattern.map(|pattern| ("MATCH", pattern)))
            .arg(self.count.map(|count| ("COUNT", count)))
            .arg(self.of_type.map(|of_type| ("TYPE", of_type)))
    }
}
