//! Durations of fields and bodies: `50s`, `1d10h30m`, a number of seconds, and those of Go.

use std::{fmt, time::Duration};

/// The longest duration: a hundred years.
const MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A duration that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidDuration {
    /// It is neither a number nor numbers with units.
    Syntax,
    /// It is longer than a hundred years.
    TooLong,
}

impl fmt::Display for InvalidDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "should be a duration such as 50s, 3m, 10h or 1d10h",
            Self::TooLong => "the duration is too long",
        })
    }
}

impl std::error::Error for InvalidDuration {}

/// Reads one or more numbers with the units `ns`, `us`, `µs`, `ms`, `s`, `m`, `h` and `d`, or a number of seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(InvalidDuration::Syntax);
    }
    if rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return part(rest, "", 1_000_000_000);
    }
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let (whole, after) = split(rest, |c| c.is_ascii_digit());
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split(after, |c| c.is_ascii_digit()),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(InvalidDuration::Syntax);
        }
        let (unit, after) = split(after, |c| c.is_alphabetic());
        let nanoseconds = match unit {
            "ns" => 1,
            // Both signs that are in use for a millionth.
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return Err(InvalidDuration::Syntax),
        };
        sum = sum.checked_add(part(whole, fraction, nanoseconds)?).ok_or(InvalidDuration::TooLong)?;
        rest = after;
    }
    if sum > MAX { Err(InvalidDuration::TooLong) } else { Ok(sum) }
}

/// A number of units of so many nanoseconds. Parts of a nanosecond are dropped.
fn part(whole: &str, fraction: &str, nanoseconds: u128) -> Result<Duration, InvalidDuration> {
    // 20 digits of the largest unit are far below 2^128.
    let whole = whole.trim_start_matches('0');
    if whole.len() > 20 {
        return Err(InvalidDuration::TooLong);
    }
    let number = |digits: &str| digits.bytes().fold(0_u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    let fraction = &fraction[..fraction.len().min(15)];
    let scale = fraction.bytes().fold(1_u128, |scale, _| scale * 10);
    let sum = number(whole) * nanoseconds + number(fraction) * nanoseconds / scale;
    if sum > MAX.as_nanos() {
        return Err(InvalidDuration::TooLong);
    }
    let (seconds, rest) = (sum / 1_000_000_000, sum % 1_000_000_000);
    Ok(Duration::new(seconds.try_into().unwrap_or(u64::MAX), rest.try_into().unwrap_or_default()))
}

/// The longest begin of which all characters fit, and the rest.
fn split(text: &str, fits: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !fits(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_and_numbers() {
        for (text, milliseconds) in [
            ("50s", 50_000),
            ("3m", 180_000),
            ("10h", 36_000_000),
            ("7d", 604_800_000),
            ("1d10h30m", 124_200_000),
            ("1h30m3s", 5_403_000),
            ("0s", 0),
            ("60", 60_000),
            (" 60 ", 60_000),
            ("500ms", 500),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("1.s", 1_000),
            ("6m5.25s", 365_250),
            ("1500us", 1),
            ("1500\u{b5}s", 1),
        ] {
            assert_eq!(parse(text).map(|duration| duration.as_millis()), Ok(milliseconds), "{text}");
        }
        assert_eq!(parse("36500d"), Ok(MAX));
    }

    #[test]
    fn what_is_no_duration() {
        for text in ["", " ", "s", "1x", "-1s", "+1s", "1 s", "1s 2m", "1.2", "1,5s", ".s", "1s2", "1e3s", "\u{661}s"] {
            assert_eq!(parse(text), Err(InvalidDuration::Syntax), "{text}");
        }
        for text in ["36501d", "99999999999999999999999999s", "36500d1ns", "18446744073709551616"] {
            assert_eq!(parse(text), Err(InvalidDuration::TooLong), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_sum_of_units(days in 0..300_u64, hours in 0..100_u64, minutes in 0..100_u64, seconds in 0..100_u64) {
            let text = format!("{days}d{hours}h{minutes}m{seconds}s");
            let expected = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
            prop_assert_eq!(parse(&text), Ok(Duration::from_secs(expected)));
            prop_assert_eq!(parse(&expected.to_string()), Ok(Duration::from_secs(expected)));
        }

        #[test]
        fn a_fraction_of_a_unit(
            whole in 0..1_000_u128,
            fraction in "[0-9]{0,12}",
            (unit, nanoseconds) in prop::sample::select(vec![
                ("ns", 1),
                ("us", 1_000),
                ("\u{b5}s", 1_000),
                ("ms", 1_000_000),
                ("s", 1_000_000_000),
                ("m", 60_000_000_000),
                ("h", 3_600_000_000_000),
                ("d", 86_400_000_000_000_u128),
            ]),
        ) {
            let parts: u128 = format!("{fraction:0<12}").parse().unwrap();
            let expected = whole * nanoseconds + parts * nanoseconds / 1_000_000_000_000;
            let duration = parse(&format!("{whole}.{fraction}{unit}"));
            prop_assert_eq!(duration.map(|duration| duration.as_nanos()), Ok(expected));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9.a-zµ -]{0,40}|([0-9]{0,30}[.]?[0-9]{0,30}(ns|us|ms|[smhd])){0,8}|.*") {
            if let Ok(duration) = parse(&text) {
                prop_assert!(duration <= MAX);
            }
        }
    }
}
