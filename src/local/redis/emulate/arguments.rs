//! Shared by the emulations: reading arguments as Redis reads them, and commands that answer without Redis.

use bytes::Bytes;

use super::{Command, Rewritten, Value};

/// An integer as Redis writes it: no sign `+`, no spaces, no zeros in front.
pub(super) fn integer(bytes: &Bytes) -> Option<i64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// The error of Redis for a command with too many or too few arguments.
pub(super) fn wrong_arity(command: &Command) -> Value {
    Value::error(format!("ERR wrong number of arguments for '{}' command", command.name().to_ascii_lowercase()))
}

/// The error of Redis for options that it cannot make sense of.
pub(super) const SYNTAX: &str = "ERR syntax error";
pub(super) const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

impl Rewritten {
    /// A command that fails when its turn comes, as one does that Redis refuses: the others of a transaction are
    /// executed.
    pub(super) fn failing(error: impl Into<Bytes>) -> Self {
        Self::script("return { err = ARGV[1] }", [], [error.into()])
    }

    /// A command that changes nothing and replies 0.
    pub(super) fn zero() -> Self {
        Self::script("return 0", [], [])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_what_redis_reads() {
        let of = |text: &'static str| integer(&Bytes::from_static(text.as_bytes()));
        assert_eq!(of("0"), Some(0));
        assert_eq!(of("-12"), Some(-12));
        assert_eq!(of("9223372036854775807"), Some(i64::MAX));
        for text in ["", "+1", "01", " 1", "1 ", "1.0", "-0", "9223372036854775808", "x"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
