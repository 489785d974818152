use super::{BitField, commands, keyword_enums::words};
use crate::redis::{Cmd, ToArg};

words! {
    /// The operation that combines strings bit by bit.
    ///
    /// ```
    /// use axum_upstash::redis::BitOp;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// redis.setbit("monday", 7, true).await?;
    /// redis.setbit("tuesday", 9, true).await?;
    /// redis.bitop(BitOp::Or, "either", ["monday", "tuesday"]).await?;
    /// assert_eq!(redis.bitcount("either").await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub enum BitOp {
        /// Set in all.
        And = "AND",
        /// Set in any.
        Or = "OR",
        /// Set in an odd number.
        Xor = "XOR",
        /// The one string inverted.
        Not = "NOT",
        /// Set in the first and in none of the others. Upstash, and Redis 8.2.
        Diff = "DIFF",
        /// Set in some of the others and not in the first. Upstash, and Redis 8.2.
        Diff1 = "DIFF1",
        /// Set in the first and in any of the others. Upstash, and Redis 8.2.
        AndOr = "ANDOR",
        /// Set in exactly one. Upstash, and Redis 8.2.
        One = "ONE",
    }
}

/// A part of a string, both ends included, negative from the end.
///
/// ```
/// use axum_upstash::redis::BitRange;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.setbit("days", 9, true).await?;
/// assert_eq!(redis.bitcount_range("days", BitRange::Bytes(0, 0)).await?, 0);
/// assert_eq!(redis.bitcount_range("days", BitRange::Bits(8, 15)).await?, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BitRange {
    /// From one byte to another.
    Bytes(i64, i64),
    /// From one bit to another.
    Bits(i64, i64),
}

impl ToArg for BitRange {
    fn write(&self, cmd: &mut Cmd) {
        match self {
            // The older form, which every Redis knows.
            Self::Bytes(start, end) => (start, end).write(cmd),
            Self::Bits(start, end) => ((start, end), "BIT").write(cmd),
        }
    }
}

commands! {
    /// `BITCOUNT`: how many bits are set.
    read "BITCOUNT" bitcount(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `BITCOUNT` of a part.
    read "BITCOUNT" bitcount_range(key: impl ToArg, range: BitRange) -> u64 {
        |cmd| cmd.key(key).arg(range)
    }

    /// `BITOP`: keeps the combination under `to` and returns its length in bytes.
    write "BITOP" bitop(operation: BitOp, to: impl ToArg, keys: impl ToArg) -> u64 {
        |cmd| cmd.arg(operation).key(to).key(keys)
    }

    /// `BITPOS`: the position of the first such bit, or -1.
    read "BITPOS" bitpos(key: impl ToArg, bit: bool) -> i64 {
        |cmd| cmd.key(key).arg(u8::from(bit))
    }

    /// `BITPOS` in a part.
    read "BITPOS" bitpos_range(key: impl ToArg, bit: bool, range: BitRange) -> i64 {
        |cmd| cmd.key(key).arg(u8::from(bit)).arg(range)
    }

    /// `GETBIT`: the bit at an offset.
    read "GETBIT" getbit(key: impl ToArg, offset: u64) -> bool {
        |cmd| cmd.key(key).arg(offset)
    }

    /// `SETBIT`: sets or clears the bit at an offset, and returns what it was.
    write "SETBIT" setbit(key: impl ToArg, offset: u64, bit: bool) -> bool {
        |cmd| cmd.key(key).arg(offset).arg(u8::from(bit))
    }

    /// `BITFIELD`: reads and writes integers of any width; one answer for each, nil if it would overflow
    /// ([`Overflow::Fail`](super::Overflow::Fail)).
    write "BITFIELD" bitfield(key: impl ToArg, operations: BitField) -> Vec<Option<i64>> {
        |cmd| operations.write(cmd.key(key))
    }

    /// `BITFIELD_RO`: the same with reads alone.
    read "BITFIELD_RO" bitfield_ro(key: impl ToArg, operations: BitField) -> Vec<Option<i64>> {
        |cmd| operations.write(cmd.key(key))
    }
}
