use std::time::Duration;

/// Whole seconds, so that nothing happens earlier than asked for.
pub(super) fn rounded_up(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// A duration as QStash writes it.
pub(super) fn text(duration: Duration) -> String {
    format!("{}s", rounded_up(duration))
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
}
