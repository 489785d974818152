use super::keyword_enums::words;
use crate::redis::{Cmd, FromReply, Pairs, Reply, ReplyTypeError, ToArg};

/// An index of an array, from 0 to 2^64-2. Above 2^63 it comes as text, since Redis's integers have a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArrayIndex(pub u64);

impl FromReply for ArrayIndex {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        u64::from_reply(reply).map(Self)
    }
}

/// The operation of `AROP` on values.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::ArOp};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let sum: Option<i64> = upstash.redis().arop("readings", 0, 999, ArOp::Sum).await?;
/// println!("{sum:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArOp {
    /// The sum of the numbers.
    Sum,
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// The integers combined by and.
    And,
    /// The integers combined by or.
    Or,
    /// The integers combined by exclusive or.
    Xor,
    /// How many places are not empty.
    Used,
    /// How many values are this.
    Match(Vec<u8>),
}

impl ToArg for ArOp {
    fn write(&self, cmd: &mut Cmd) {
        let word = match self {
            Self::Sum => "SUM",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::And => "AND",
            Self::Or => "OR",
            Self::Xor => "XOR",
            Self::Used => "USED",
            Self::Match(value) => return ("MATCH", value).write(cmd),
        };
        word.write(cmd);
    }
}

words! {
    /// The comparison of a value.
    ///
    /// ```no_run
    /// use axum_upstash::{Error, Upstash, redis::{ArGrep, ArMatch}};
    ///
    /// # async fn run(upstash: &Upstash) -> Result<(), Error> {
    /// let search = ArGrep::new(ArMatch::Exact, "done").or(ArMatch::Exact, "failed");
    /// println!("{:?}", upstash.redis().argrep("jobs", search).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub enum ArMatch {
        /// It is this text.
        Exact = "EXACT",
        /// It has this text in it.
        Contains = "MATCH",
        /// It matches this glob pattern.
        Glob = "GLOB",
        /// It matches this regular expression.
        Regex = "RE",
    }
}

/// Which values `ARGREP` looks for.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::{ArGrep, ArMatch}};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let errors = upstash.redis().argrep("log", ArGrep::new(ArMatch::Glob, "*error*").no_case().limit(10)).await?;
/// println!("{} lines", errors.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ArGrep {
    start: String,
    end: String,
    predicates: Vec<(ArMatch, Vec<u8>)>,
    all: bool,
    no_case: bool,
    limit: Option<u64>,
}

impl ArGrep {
    /// Values that match, anywhere in the array.
    pub fn new(how: ArMatch, pattern: impl Into<Vec<u8>>) -> Self {
        Self {
            start: "-".into(),
            end: "+".into(),
            predicates: vec![(how, pattern.into())],
            all: false,
            no_case: false,
            limit: None,
        }
    }

    /// Values that match this one or another, or, after [`all`](Self::all), this one as well. At most 250.
    pub fn or(mut self, how: ArMatch, pattern: impl Into<Vec<u8>>) -> Self {
        self.predicates.push((how, pattern.into()));
        self
    }

    /// `AND`: a value has to match everything.
    pub fn all(mut self) -> Self {
        self.all = true;
        self
    }

    /// Only between two indexes, both included.
    pub fn between(mut self, start: u64, end: u64) -> Self {
        (self.start, self.end) = (start.to_string(), end.to_string());
        self
    }

    /// `NOCASE`: small and capital letters are the same.
    pub fn no_case(mut self) -> Self {
        self.no_case = true;
        self
    }

    /// `LIMIT`: at most so many.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd, with_values: bool) -> Cmd {
        let combine = (self.predicates.len() > 1).then_some(if self.all { "AND" } else { "OR" });
        cmd.arg(self.start)
            .arg(self.end)
            .arg(self.predicates)
            .arg(combine)
            .arg(self.no_case.then_some("NOCASE"))
            .arg(with_values.then_some("WITHVALUES"))
            .arg(self.limit.map(|limit| ("LIMIT", limit)))
    }
}

/// The properties of an array.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ArInfo {
    /// One more than the highest index.
    pub len: u64,
    /// The number of places that are not empty.
    pub count: u64,
    /// All that the server says, by name.
    pub all: Vec<(String, String)>,
}

impl FromReply for ArInfo {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let Pairs(all) = Pairs::<String, String>::from_reply(reply)?;
        let number = |of: &str| {
            let found = all.iter().find(|(name, _)| name == of);
            found.and_then(|(_, value)| value.parse().ok()).unwrap_or_default()
        };
        Ok(Self { len: number("len"), count: number("count"), all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_beyond_signed_integers_is_read_from_text() {
        let last = (u64::MAX - 1).to_string();
        assert_eq!(ArrayIndex::from_reply(Reply::Bulk(last.into())).unwrap(), ArrayIndex(u64::MAX - 1));
        assert_eq!(ArrayIndex::from_reply(Reply::Int(7)).unwrap(), ArrayIndex(7));
    }

    #[test]
    fn what_is_known_of_an_array_may_be_numbers_or_text() {
        let bulk = |text: &'static str| Reply::Bulk(text.into());
        let info = ArInfo::from_reply(Reply::Array(vec![
            bulk("count"),
            Reply::Int(2),
            bulk("len"),
            bulk("18446744073709551615"),
            bulk("slices"),
            Reply::Int(1),
        ]));
        let info = info.unwrap();
        assert_eq!((info.len, info.count, info.all.len()), (u64::MAX, 2, 3));
    }
}
