use super::keyword_enums::{adding_setters, words};
use crate::redis::{Cmd, ToArg};

/// The options of `ZADD`.
///
/// ```
/// use axum_upstash::redis::ZAddOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.zadd("scores", ZAddOptions::default(), [(10.0, "ferris")]).await?;
/// let best = ZAddOptions::default().only_higher();
/// redis.zadd("scores", best, [(7.0, "ferris")]).await?;
/// assert_eq!(redis.zscore("scores", "ferris").await?, Some(10.0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ZAddOptions {
    condition: Option<&'static str>,
    comparison: Option<&'static str>,
    changed: bool,
}

impl ZAddOptions {
    adding_setters!("members");

    /// `GT`: a member that is there only gets a higher score.
    pub fn only_higher(mut self) -> Self {
        self.comparison = Some("GT");
        self
    }

    /// `LT`: a member that is there only gets a lower score.
    pub fn only_lower(mut self) -> Self {
        self.comparison = Some("LT");
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        let words = [self.condition, self.comparison, self.changed.then_some("CH")];
        cmd.args(words.into_iter().flatten())
    }
}

/// One end of a range of scores.
///
/// ```
/// use axum_upstash::redis::{ScoreBound, ZAddOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.zadd("scores", ZAddOptions::default(), [(1.0, "a"), (2.0, "b"), (3.0, "c")]).await?;
/// assert_eq!(redis.zcount("scores", ScoreBound::Excluded(1.0), ScoreBound::Included(3.0)).await?, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ScoreBound {
    /// This score and beyond; the infinities are good bounds.
    Included(f64),
    /// Beyond this score.
    Excluded(f64),
}

impl ToArg for ScoreBound {
    fn write(&self, cmd: &mut Cmd) {
        match self {
            Self::Included(score) => score.write(cmd),
            Self::Excluded(score) => cmd.push(format!("({score}").as_bytes()),
        }
    }
}

/// One end of a range of members, by their bytes.
///
/// ```
/// use axum_upstash::redis::{LexBound, ZAddOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.zadd("words", ZAddOptions::default(), [(0.0, "ant"), (0.0, "bee"), (0.0, "cat")]).await?;
/// assert_eq!(redis.zlexcount("words", LexBound::Min, LexBound::Excluded("cat".into())).await?, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LexBound {
    /// Before all members.
    Min,
    /// Behind all members.
    Max,
    /// This member and beyond.
    Included(Vec<u8>),
    /// Beyond this member.
    Excluded(Vec<u8>),
}

impl ToArg for LexBound {
    fn write(&self, cmd: &mut Cmd) {
        match self {
            Self::Min => cmd.push(b"-"),
            Self::Max => cmd.push(b"+"),
            Self::Included(member) => cmd.push(&[b"[", &member[..]].concat()),
            Self::Excluded(member) => cmd.push(&[b"(", &member[..]].concat()),
        }
    }
}

words! {
    /// An end of a sorted set.
    ///
    /// ```
    /// use axum_upstash::redis::{Extreme, ZAddOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// redis.zadd("jobs", ZAddOptions::default(), [(1.0, "first"), (2.0, "second")]).await?;
    /// let popped = redis.zmpop::<String>("jobs", Extreme::Min, 1).await?;
    /// assert_eq!(popped, Some(("jobs".into(), vec![("first".into(), 1.0)])));
    /// # Ok(())
    /// # }
    /// ```
    pub enum Extreme {
        /// The lowest scores.
        Min = "MIN",
        /// The highest scores.
        Max = "MAX",
    }
}

words! {
    /// The operation that combines the scores of a member of several sets.
    ///
    /// ```
    /// use axum_upstash::redis::{Aggregate, ZAddOptions, ZCombine};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// redis.zadd("monday", ZAddOptions::default(), [(1.0, "a")]).await?;
    /// redis.zadd("tuesday", ZAddOptions::default(), [(5.0, "a")]).await?;
    /// let lowest = ZCombine::new().aggregate(Aggregate::Min);
    /// redis.zinterstore("lowest", ["monday", "tuesday"], lowest).await?;
    /// assert_eq!(redis.zscore("lowest", "a").await?, Some(1.0));
    /// # Ok(())
    /// # }
    /// ```
    pub enum Aggregate {
        /// Their sum.
        Sum = "SUM",
        /// The lowest.
        Min = "MIN",
        /// The highest.
        Max = "MAX",
    }
}

/// The options of a union or intersection of sorted sets.
///
/// ```
/// use axum_upstash::redis::{Aggregate, ZAddOptions, ZCombine};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.zadd("monday", ZAddOptions::default(), [(1.0, "a")]).await?;
/// redis.zadd("tuesday", ZAddOptions::default(), [(5.0, "a")]).await?;
/// redis.zunionstore("best", ["monday", "tuesday"], ZCombine::new().aggregate(Aggregate::Max)).await?;
/// assert_eq!(redis.zscore("best", "a").await?, Some(5.0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ZCombine {
    weights: Vec<f64>,
    aggregate: Option<Aggregate>,
}

impl ZCombine {
    /// Scores are added.
    pub fn new() -> Self {
        Self::default()
    }

    /// `WEIGHTS`: the factor of each set's scores, one number for each set.
    pub fn weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.weights = weights.into();
        self
    }

    /// `AGGREGATE`: the operation that combines several scores.
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = Some(aggregate);
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        let weights = (!self.weights.is_empty()).then_some(("WEIGHTS", self.weights));
        cmd.arg(weights).arg(self.aggregate.map(|aggregate| ("AGGREGATE", aggregate)))
    }
}

/// A range of a sorted set.
///
/// ```
/// use axum_upstash::redis::{ZAddOptions, ZRange};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.zadd("scores", ZAddOptions::default(), [(1.0, "a"), (2.0, "b"), (3.0, "c")]).await?;
/// let best: Vec<String> = redis.zrange("scores", ZRange::by_rank(0, 1).reversed()).await?;
/// assert_eq!(best, ["c", "b"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ZRange {
    bounds: Bounds,
    reverse: bool,
    limit: Option<(u64, u64)>,
}

#[derive(Debug, Clone)]
enum Bounds {
    Rank(i64, i64),
    Score(ScoreBound, ScoreBound),
    Lex(LexBound, LexBound),
}

impl ZRange {
    /// Selects by rank: the first is 0, negative from the end, both included.
    pub fn by_rank(start: i64, stop: i64) -> Self {
        Self { bounds: Bounds::Rank(start, stop), reverse: false, limit: None }
    }

    /// Selects by score, from the lower bound to the higher.
    pub fn by_score(min: ScoreBound, max: ScoreBound) -> Self {
        Self { bounds: Bounds::Score(min, max), reverse: false, limit: None }
    }

    /// Selects by member, from the lower bound to the higher, in a set whose scores are all the same.
    pub fn by_lex(min: LexBound, max: LexBound) -> Self {
        Self { bounds: Bounds::Lex(min, max), reverse: false, limit: None }
    }

    /// Reverses the order: the highest score first. Bounds stay as they are, the lower first.
    pub fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// Only `count` members after the first `offset`. Upstash knows this for every range,
    /// Redis for those by score and by member.
    pub fn limit(mut self, offset: u64, count: u64) -> Self {
        self.limit = Some((offset, count));
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        let mut cmd = match (self.bounds, self.reverse) {
            (Bounds::Rank(start, stop), _) => cmd.arg(start).arg(stop),
            // With REV Redis wants the higher bound first.
            (Bounds::Score(min, max), true) => cmd.arg(max).arg(min).arg("BYSCORE"),
            (Bounds::Score(min, max), false) => cmd.arg(min).arg(max).arg("BYSCORE"),
            (Bounds::Lex(min, max), true) => cmd.arg(max).arg(min).arg("BYLEX"),
            (Bounds::Lex(min, max), false) => cmd.arg(min).arg(max).arg("BYLEX"),
        };
        if self.reverse {
            cmd = cmd.arg("REV");
        }
        match self.limit {
            Some((offset, count)) => cmd.arg("LIMIT").arg(offset).arg(count),
            None => cmd,
        }
    }
}
