use super::keyword_enums::words;
use crate::redis::{Cmd, ToArg};

/// The type of an integer in a string: `u1` to `u63`, `i1` to `i64`.
///
/// ```
/// use axum_upstash::redis::{BitField, BitOffset, BitType};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let counters = BitField::new().incrby(BitType::unsigned(8), BitOffset::Index(1), 3);
/// assert_eq!(redis.bitfield("counters", counters).await?, [Some(3)]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitType {
    signed: bool,
    bits: u8,
}

impl BitType {
    /// Without a sign, of 1 to 63 bits.
    #[must_use]
    pub const fn unsigned(bits: u8) -> Self {
        Self { signed: false, bits }
    }

    /// A signed integer of 1 to 64 bits.
    #[must_use]
    pub const fn signed(bits: u8) -> Self {
        Self { signed: true, bits }
    }
}

impl ToArg for BitType {
    fn write(&self, cmd: &mut Cmd) {
        format!("{}{}", if self.signed { 'i' } else { 'u' }, self.bits).write(cmd);
    }
}

/// The position of an integer.
///
/// ```
/// use axum_upstash::redis::{BitField, BitOffset, BitType};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// // The second byte, by its number or by its first bit.
/// let both = BitField::new()
///     .set(BitType::unsigned(8), BitOffset::Index(1), 7)
///     .get(BitType::unsigned(8), BitOffset::Bits(8));
/// assert_eq!(redis.bitfield("bytes", both).await?, [Some(0), Some(7)]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BitOffset {
    /// So many bits from the beginning.
    Bits(u64),
    /// At an index of an array of such integers (`#n`).
    Index(u64),
}

impl From<u64> for BitOffset {
    fn from(bits: u64) -> Self {
        Self::Bits(bits)
    }
}

impl ToArg for BitOffset {
    fn write(&self, cmd: &mut Cmd) {
        match self {
            Self::Bits(bits) => bits.write(cmd),
            Self::Index(index) => format!("#{index}").write(cmd),
        }
    }
}

words! {
    /// The behaviour when a sum does not fit its type.
    ///
    /// ```
    /// use axum_upstash::redis::{BitField, BitType, Overflow};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// let add = BitField::new().overflow(Overflow::Fail).incrby(BitType::unsigned(2), 0, 4);
    /// assert_eq!(redis.bitfield("counter", add).await?, [None]);
    /// # Ok(())
    /// # }
    /// ```
    pub enum Overflow {
        /// It wraps around.
        Wrap = "WRAP",
        /// It stays at the end of the type's range.
        Saturate = "SAT",
        /// It is not written, and the answer is nil.
        Fail = "FAIL",
    }
}

/// The operations of `BITFIELD`, in their order.
///
/// ```
/// use axum_upstash::redis::{BitField, BitOffset, BitType, Overflow};
///
/// let visits = BitType::unsigned(8);
/// let operations = BitField::new()
///     .overflow(Overflow::Saturate)
///     .incrby(visits, BitOffset::Index(2), 1)
///     .get(visits, 0);
/// # let _ = operations;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct BitField(Cmd);

impl BitField {
    /// No operation yet.
    pub fn new() -> Self {
        Self(Cmd::new(""))
    }

    /// `GET`: the integer there.
    pub fn get(self, of: BitType, at: impl Into<BitOffset>) -> Self {
        Self(self.0.arg("GET").arg(of).arg(at.into()))
    }

    /// `SET`: writes it, and returns what was there.
    pub fn set(self, of: BitType, at: impl Into<BitOffset>, value: i64) -> Self {
        Self(self.0.arg("SET").arg(of).arg(at.into()).arg(value))
    }

    /// `INCRBY`: adds to it, and returns the sum.
    pub fn incrby(self, of: BitType, at: impl Into<BitOffset>, n: i64) -> Self {
        Self(self.0.arg("INCRBY").arg(of).arg(at.into()).arg(n))
    }

    /// `OVERFLOW`: for the operations after it.
    pub fn overflow(self, overflow: Overflow) -> Self {
        Self(self.0.arg("OVERFLOW").arg(overflow))
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        cmd.args(self.0.iter().skip(1))
    }
}

impl Default for BitField {
    fn default() -> Self {
        Self::new()
    }
}
