//! The fields against a look at every minute.

use jiff::{Timestamp, tz};
use proptest::prelude::*;

use super::Cron;

/// The lists that a field of numbers from `min` to `max` is read as.
fn values(text: &str, min: i64, max: i64) -> Vec<i64> {
    let number = |text: &str| text.parse::<i64>().unwrap();
    let mut values = Vec::new();
    for range in text.split(',') {
        let (span, step) = range.split_once('/').map_or((range, 1), |(span, step)| (span, number(step)));
        let (first, last) = match (span, span.split_once('-')) {
            ("*", _) => (min, max),
            (_, Some((first, last))) => (number(first), number(last)),
            (first, None) if range.contains('/') => (number(first), max),
            (first, None) => (number(first), number(first)),
        };
        values.extend((min..=max).filter(|value| *value >= first && *value <= last && (value - first) % step == 0));
    }
    values
}

/// The first of these minutes since the epoch at which all fields fit.
fn slow(zone: &tz::TimeZone, fields: &[String; 5], mut minutes: impl Iterator<Item = u64>) -> Option<u64> {
    let bounds = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
    let [minute, hour, day, month, week] = std::array::from_fn(|at| values(&fields[at], bounds[at].0, bounds[at].1));
    let is_any = |at: usize| fields[at].split(',').any(|range| matches!(range, "*" | "*/1"));
    let either = !is_any(2) && !is_any(4);
    let found = minutes.find(|at| {
        let local = zone.to_datetime(Timestamp::from_second(i64::try_from(at * 60).unwrap()).unwrap());
        let by_month = day.contains(&i64::from(local.day()));
        let by_week = week.contains(&i64::from(local.weekday().to_sunday_zero_offset()));
        minute.contains(&i64::from(local.minute()))
            && hour.contains(&i64::from(local.hour()))
            && month.contains(&i64::from(local.month()))
            && if either { by_month || by_week } else { by_month && by_week }
    });
    found.map(|at| at * 60_000)
}

fn field(min: u32, max: u32) -> impl Strategy<Value = String> {
    let range = prop_oneof![
        3 => Just("*".to_owned()),
        3 => (min..=max).prop_map(|value| value.to_string()),
        2 => (min..=max, min..=max).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (1..=max).prop_map(|step| format!("*/{step}")),
        1 => (min..=max, 1..=max).prop_map(|(first, step)| format!("{first}/{step}")),
    ];
    prop::collection::vec(range, 1..3).prop_map(|ranges| ranges.join(","))
}

fn fields() -> impl Strategy<Value = [String; 5]> {
    (field(0, 59), field(0, 23), field(1, 31), prop_oneof![2 => Just("*".to_owned()), 1 => field(1, 12)], field(0, 6))
        .prop_map(|(minute, hour, day, month, week)| [minute, hour, day, month, week])
}

/// A zone and a time, mostly less than two days before a change of its clock.
fn place() -> impl Strategy<Value = (String, u64)> {
    let zones: Vec<String> = tz::db().available().map(|name| name.as_str().to_owned()).collect();
    let named = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"].map(str::to_owned).to_vec();
    let zone = prop_oneof![prop::sample::select(named), prop::sample::select(zones)];
    // From 1972 on: the clocks of Monrovia were 44:30 minutes behind until then.
    (zone, 63_072_000..4_000_000_000_i64, 0..172_800_i64).prop_map(|(zone, around_s, before_s)| {
        let around = Timestamp::from_second(around_s).unwrap();
        let clock = tz::TimeZone::get(&zone).unwrap();
        let change = clock.following(around).next();
        let at_s = change.map_or(around_s, |change| change.timestamp().as_second()) - before_s;
        (zone, u64::try_from(at_s.max(0) * 1_000).unwrap())
    })
}

proptest! {
    #[test]
    fn finds_the_minute_that_a_look_at_every_minute_finds(fields in fields(), (zone, after_ms) in place()) {
        let cron = Cron::parse(&format!("CRON_TZ={zone} {}", fields.join(" "))).unwrap();
        let zone = tz::TimeZone::get(&zone).unwrap();
        let minutes = after_ms / 60_000 + 1..=after_ms / 60_000 + 5 * 24 * 60;
        let found = cron.next_after(after_ms).filter(|at| minutes.contains(&(at / 60_000)));
        prop_assert_eq!(found, slow(&zone, &fields, minutes));
    }

    #[test]
    fn finds_the_day_that_a_look_at_every_day_finds([_, _, day, month, week] in fields(), after_days in 0..40_000_u64) {
        let fields = ["0".to_owned(), "0".to_owned(), day, month, week];
        let cron = Cron::parse(&fields.join(" ")).unwrap();
        // As far as any day recurs: the 29th of February.
        let minutes = (after_days + 1..after_days + 9 * 366).map(|day| day * 24 * 60);
        prop_assert_eq!(cron.next_after(after_days * 86_400_000), slow(&tz::TimeZone::UTC, &fields, minutes));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}|[-0-9*/,?A-Za-z@= ]{0,40}", after_ms: u64) {
        if let Ok(cron) = Cron::parse(&text) {
            prop_assert!(cron.next_after(after_ms).is_none_or(|next| next > after_ms));
            prop_assert_eq!(cron.text(), text.trim());
        }
    }
}
