use crate::redis::Cmd;

/// The options of one step of a walk (`SCAN`, `HSCAN`, `SSCAN`, `ZSCAN`).
///
/// ```
/// use axum_upstash::redis::ScanOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.mset([("user:1", "a"), ("user:2", "b"), ("cart:1", "c")]).await?;
/// let (_, keys) = redis.scan::<String>("0", ScanOptions::new().matching("user:*").count(100)).await?;
/// assert_eq!(keys.len(), 2);
/// # Ok(())
/// # }
/// ```
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
