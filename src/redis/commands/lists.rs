use super::{commands, keyword_enums::words};
use crate::redis::{Cmd, ToArg};

words! {
    /// An end of a list.
    ///
    /// ```
    /// use axum_upstash::redis::Side;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// redis.rpush("queue", ["a", "b"]).await?;
    /// let moved: String = redis.lmove("queue", "working", Side::Left, Side::Right).await?;
    /// assert_eq!(moved, "a");
    /// # Ok(())
    /// # }
    /// ```
    pub enum Side {
        /// The first element.
        Left = "LEFT",
        /// The last element.
        Right = "RIGHT",
    }
}

/// The options of `LPOS`.
///
/// ```
/// use axum_upstash::redis::LPosOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.rpush("letters", ["a", "b", "a"]).await?;
/// assert_eq!(redis.lpos("letters", "a", LPosOptions::new()).await?, Some(0));
/// assert_eq!(redis.lpos("letters", "a", LPosOptions::new().rank(-1)).await?, Some(2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct LPosOptions {
    rank: Option<i64>,
    max_len: Option<u64>,
}

impl LPosOptions {
    /// Searches the whole list, from the first element on.
    pub fn new() -> Self {
        Self::default()
    }

    /// `RANK`: the search begins at the `rank`th match, 1 for the first, -1 for the last and on to the left.
    pub fn rank(mut self, rank: i64) -> Self {
        self.rank = Some(rank);
        self
    }

    /// `MAXLEN`: at most so many elements are compared.
    pub fn max_len(mut self, max_len: u64) -> Self {
        self.max_len = Some(max_len);
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    fn write(self, cmd: Cmd, count: Option<u64>) -> Cmd {
        cmd.arg(self.rank.map(|rank| ("RANK", rank)))
            .arg(count.map(|count| ("COUNT", count)))
            .arg(self.max_len.map(|max_len| ("MAXLEN", max_len)))
    }
}

commands! {
    /// `LINDEX`: the element at an index, negative from the end, or nil.
    read "LINDEX" lindex<T>(key: impl ToArg, index: i64) -> T {
        |cmd| cmd.key(key).arg(index)
    }

    /// `LINSERT … BEFORE`: returns the new length, -1 if there is no such pivot, 0 if there is no such key.
    write "LINSERT" linsert_before(key: impl ToArg, pivot: impl ToArg, value: impl ToArg) -> i64 {
        |cmd| cmd.key(key).arg("BEFORE").arg(pivot).arg(value)
    }

    /// `LINSERT … AFTER`: returns the new length, -1 if there is no such pivot, 0 if there is no such key.
    write "LINSERT" linsert_after(key: impl ToArg, pivot: impl ToArg, value: impl ToArg) -> i64 {
        |cmd| cmd.key(key).arg("AFTER").arg(pivot).arg(value)
    }

    /// `LLEN`: how many elements there are.
    read "LLEN" llen(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `LMOVE`: takes an element from one end of a list, puts it at one end of another, and returns it, or nil.
    write "LMOVE" lmove<T>(from: impl ToArg, to: impl ToArg, from_side: Side, to_side: Side) -> T {
        |cmd| cmd.key(from).key(to).arg(from_side).arg(to_side)
    }

    /// `RPOPLPUSH`: takes the last element of a list, puts it first in another, and returns it, or nil.
    write "RPOPLPUSH" rpoplpush<T>(from: impl ToArg, to: impl ToArg) -> T {
        |cmd| cmd.key(from).key(to)
    }

    /// `LMPOP`: takes up to `count` elements from the first of the lists that has any; that list and they, or nil.
    write "LMPOP" lmpop<T>(keys: impl ToArg, side: Side, count: u64) -> Option<(String, Vec<T>)> {
        |cmd| cmd.counted_keys(keys).arg(side).arg("COUNT").arg(count)
    }

    /// `LPOP`: takes the first element, or nil.
    write "LPOP" lpop<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `LPOP` with a count: takes up to so many, or nil if there is no such key.
    write "LPOP" lpop_many<T>(key: impl ToArg, count: u64) -> Option<Vec<T>> {
        |cmd| cmd.key(key).arg(count)
    }

    /// `RPOP`: takes the last element, or nil.
    write "RPOP" rpop<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `RPOP` with a count: takes up to so many from the end, or nil if there is no such key.
    write "RPOP" rpop_many<T>(key: impl ToArg, count: u64) -> Option<Vec<T>> {
        |cmd| cmd.key(key).arg(count)
    }

    /// `LPOS`: the index of an element, or nil.
    read "LPOS" lpos(key: impl ToArg, element: impl ToArg, options: LPosOptions) -> Option<u64> {
        |cmd| options.write(cmd.key(key).arg(element), None)
    }

    /// `LPOS … COUNT`: the indexes of up to `count` such elements, of all if it is 0.
    read "LPOS" lpos_many(key: impl ToArg, element: impl ToArg, count: u64, options: LPosOptions) -> Vec<u64> {
        |cmd| options.write(cmd.key(key).arg(element), Some(count))
    }

    /// `LPUSH`: puts values first, one after the other, and returns the length.
    write "LPUSH" lpush(key: impl ToArg, values: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(values)
    }

    /// `LPUSHX`: prepends if there is such a list.
    write "LPUSHX" lpushx(key: impl ToArg, values: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(values)
    }

    /// `RPUSH`: puts values last and returns the length.
    write "RPUSH" rpush(key: impl ToArg, values: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(values)
    }

    /// `RPUSHX`: appends if there is such a list.
    write "RPUSHX" rpushx(key: impl ToArg, values: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(values)
    }

    /// `LRANGE`: the elements from `start` to `stop`, both included, negative from the end.
    read "LRANGE" lrange<T>(key: impl ToArg, start: i64, stop: i64) -> Vec<T> {
        |cmd| cmd.key(key).arg(start).arg(stop)
    }

    /// `LREM`: removes `count` such elements, negative from the end, all if it is 0, and returns how many.
    write "LREM" lrem(key: impl ToArg, count: i64, element: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(count).arg(element)
    }

    /// `LSET`: overwrites the element at an index; an error if there is none.
    write "LSET" lset(key: impl ToArg, index: i64, element: impl ToArg) -> () {
        |cmd| cmd.key(key).arg(index).arg(element)
    }

    /// `LTRIM`: keeps the elements from `start` to `stop`, both included.
    write "LTRIM" ltrim(key: impl ToArg, start: i64, stop: i64) -> () {
        |cmd| cmd.key(key).arg(start).arg(stop)
    }
}
