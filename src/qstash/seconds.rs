//! Durations as QStash writes and reads them.

use std::time::Duration;

/// Whole seconds, so that nothing happens earlier than asked for.
pub(crate) fn rounded_up(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// A duration as QStash writes it.
pub(crate) fn text(duration: Duration) -> String {
    format!("{}s", rounded_up(duration))
}

/// Reads `10` (seconds), `1d10h30m` and Go's durations such as `1m30.5s` or `200ms`.
pub(super) fn parse(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1e-9),
        ("us", 1e-6),
        ("µs", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
        ("d", 86_400.0),
    ];
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit = &rest[end..];
        let length = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let (_, seconds) = UNITS.iter().find(|(name, _)| *name == &unit[..length])?;
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = &unit[length..];
    }
    (!text.trim().is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_counts_as_a_second() {
        for (duration, expected) in [
            (Duration::ZERO, "0s"),
            (Duration::from_nanos(1), "1s"),
            (Duration::from_secs(90), "90s"),
            (Duration::from_millis(90_001), "91s"),
            (Duration::MAX, "18446744073709551615s"),
        ] {
            assert_eq!(text(duration), expected);
        }
    }

    #[test]
    fn durations_of_the_service_and_of_go_are_read() {
        for (text, seconds) in [
            ("0", 0.0),
            ("10", 10.0),
            (" 10s ", 10.0),
            ("1d10h30m", 124_200.0),
            ("1h30m3s", 5403.0),
            ("6m5s", 365.0),
            ("1.5s", 1.5),
            ("500ms", 0.5),
            ("20us", 2e-5),
            ("20µs", 2e-5),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", " ", "s", "10x", "10 s", "-1s", "1e3s", "1.2.3s", "soon", "99999999999999999999999d"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
