//! HEXPIRE and its family: deadlines are set, asked for and taken back.

use bytes::Bytes;

use super::fields::{NOT_POSITIVE, fields};
use crate::local::redis::{
    command::Command,
    emulate::{
        Rewritten,
        arguments::{NOT_AN_INTEGER, integer},
    },
};

const EXPIRE: &str = concat!(include_str!("moment.lua"), include_str!("hidden.lua"), include_str!("expire.lua"));
const TTL: &str = concat!(include_str!("moment.lua"), include_str!("hidden.lua"), include_str!("ttl.lua"));
const PERSIST: &str = concat!(include_str!("moment.lua"), include_str!("hidden.lua"), include_str!("persist.lua"));

const NOT_POSITIVE_HERE: &str = "ERR Parameter `numFields` should be greater than 0";
const NEGATIVE: &str = "ERR invalid expire time, must be >= 0";
/// The last millisecond of Unix time at which a field may expire, as in the scripts.
const MAX: i64 = 9_007_199_254_740_991;

/// How a command gives a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// How many milliseconds one is.
    pub(super) unit: i64,
    /// Whether it counts from now, rather than from 1970.
    pub(super) relative: bool,
}

impl Clock {
    pub(super) const SECONDS: Self = Self { unit: 1000, relative: true };
    pub(super) const MILLISECONDS: Self = Self { unit: 1, relative: true };
    pub(super) const UNIX_SECONDS: Self = Self { unit: 1000, relative: false };
    pub(super) const UNIX_MILLISECONDS: Self = Self { unit: 1, relative: false };

    /// What a script is told: the error for a time too far away, the milliseconds, and whether they count from now.
    pub(super) fn read(self, command: &Command, amount: &Bytes) -> Result<[Bytes; 3], Bytes> {
        let too_far = too_far(command);
        let amount = integer(amount).ok_or(Bytes::from_static(NOT_AN_INTEGER.as_bytes()))?;
        if amount < 0 {
            return Err(Bytes::from_static(NEGATIVE.as_bytes()));
        }
        match amount.checked_mul(self.unit) {
            Some(milliseconds) if milliseconds <= MAX => {
                Ok([too_far, milliseconds.to_string().into(), self.counts_from_now()])
            }
            _ => Err(too_far),
        }
    }

    fn counts_from_now(self) -> Bytes {
        Bytes::from_static(if self.relative { b"1" } else { b"0" })
    }
}

fn too_far(command: &Command) -> Bytes {
    format!("ERR invalid expire time in '{}' command", command.name().to_ascii_lowercase()).into()
}

/// `HEXPIRE key time [NX | XX | GT | LT] FIELDS count field…`, and the like of it. Gives the script and its arguments.
pub(super) fn expire(command: &Command, clock: Clock) -> Result<Rewritten, Bytes> {
    let mut arguments: Vec<_> = clock.read(command, argument(command, 2))?.into();
    let condition = command.word(3);
    let (condition, next) = match condition.as_str() {
        "NX" | "XX" | "GT" | "LT" => (Bytes::from(condition), 4),
        _ => (Bytes::new(), 3),
    };
    arguments.push(condition);
    arguments.extend_from_slice(fields(command, next, NOT_POSITIVE_HERE)?);
    Ok(Rewritten::script(EXPIRE, [key(command)], arguments))
}

/// `HTTL key FIELDS count field…`, and the like of it.
pub(super) fn ttl(command: &Command, clock: Clock) -> Result<Rewritten, Bytes> {
    let fields = fields(command, 2, NOT_POSITIVE)?;
    let arguments = [clock.unit.to_string().into(), clock.counts_from_now()].into_iter().chain(fields.iter().cloned());
    Ok(Rewritten::script(TTL, [key(command)], arguments))
}

/// `HPERSIST key FIELDS count field…`.
pub(super) fn persist(command: &Command) -> Result<Rewritten, Bytes> {
    let fields = fields(command, 2, NOT_POSITIVE)?;
    Ok(Rewritten::script(PERSIST, [key(command)], fields.iter().cloned()))
}

pub(super) fn key(command: &Command) -> Bytes {
    argument(command, 1).clone()
}

pub(super) fn argument(command: &Command, index: usize) -> &Bytes {
    static NONE: Bytes = Bytes::new();
    command.arguments.get(index).unwrap_or(&NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_times_that_redis_finds_too_late() {
        let read = |clock: Clock, amount: &'static str| {
            let command = Command::of(&["HEXPIREAT", "h", amount]);
            clock.read(&command, argument(&command, 2)).map(|[_, milliseconds, _]| milliseconds)
        };
        assert_eq!(read(Clock::SECONDS, "5").unwrap(), "5000");
        assert_eq!(read(Clock::UNIX_SECONDS, "1790000000000").unwrap(), "1790000000000000");
        assert_eq!(read(Clock::UNIX_MILLISECONDS, "9007199254740991").unwrap(), "9007199254740991");
        for (amount, error) in [
            ("9007199254740992", "ERR invalid expire time in 'hexpireat' command"),
            ("-1", NEGATIVE),
            ("1.5", NOT_AN_INTEGER),
        ] {
            assert_eq!(read(Clock::UNIX_MILLISECONDS, amount).unwrap_err(), error);
        }
    }
}
