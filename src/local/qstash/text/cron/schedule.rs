use jiff::{Timestamp, ToSpan, civil::DateTime, tz::TimeZone};

use super::spec::{Fields, InvalidCron, Spec};

const MINUTE_S: i64 = 60;
/// How far the next time is looked for: beyond the eight years between two leap days around 2100.
const MAX_AHEAD_S: i64 = 9 * 366 * 24 * 3600;

/// The times of a schedule, in whole minutes.
///
/// A time of day that a clock change leaves out is left out, and one that comes twice counts twice: as robfig/cron has
/// it, a minute counts whose date and time fit.
#[derive(Debug, Clone)]
pub(crate) struct Cron {
    text: Box<str>,
    spec: Spec,
}

impl Cron {
    /// Reads five fields, or a descriptor such as `@daily`, with a time zone in front (`CRON_TZ=Europe/Berlin `) or none.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidCron> {
        let text = text.trim();
        Ok(Self { text: text.into(), spec: Spec::parse(text)? })
    }

    /// The expression as it was written, without the spaces around it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The first time after `after_ms`, in milliseconds since the epoch, if there is one in the next nine years.
    pub(crate) fn next_after(&self, after_ms: u64) -> Option<u64> {
        match &self.spec {
            Spec::Every(interval) => after_ms.checked_add(interval.as_millis().try_into().ok()?),
            Spec::Fields(fields) => {
                let after_s = i64::try_from(after_ms / 1_000).ok()?;
                let next_s = fields.next((after_s / MINUTE_S + 1).checked_mul(MINUTE_S)?)?;
                u64::try_from(next_s).ok()?.checked_mul(1_000)
            }
        }
    }
}

impl Fields {
    /// The first minute at or after `from_s` that fits.
    fn next(&self, from_s: i64) -> Option<i64> {
        let end_s = from_s.checked_add(MAX_AHEAD_S)?;
        let mut at_s = from_s;
        while at_s < end_s {
            let local = local(&self.zone, at_s)?;
            at_s = if !self.month.has(part(local.month())) {
                let month = local.date().first_of_month().checked_add(1.month()).ok()?;
                self.begin(month.to_datetime(Default::default()), at_s)?
            } else if !self.has_day(part(local.day()), part(local.weekday().to_sunday_zero_offset())) {
                let day = local.date().tomorrow().ok()?;
                self.begin(day.to_datetime(Default::default()), at_s)?
            } else if !self.hour.has(part(local.hour())) {
                let hour_s = at_s + MINUTE_S * (60 - i64::from(local.minute()));
                // A clock change on the way could put an hour in between.
                let is_plain = self.zone.to_offset(timestamp(at_s)?) == self.zone.to_offset(timestamp(hour_s)?);
                if is_plain { hour_s } else { at_s + MINUTE_S }
            } else if self.minute.has(part(local.minute())) {
                return Some(at_s);
            } else {
                at_s + MINUTE_S
            };
        }
        None
    }

    /// The first minute that is at this time of the zone, or after it if it is left out; later than `at_s` anyway.
    fn begin(&self, local: DateTime, at_s: i64) -> Option<i64> {
        let begin = self.zone.to_ambiguous_timestamp(local).compatible().ok()?;
        Some(begin.as_second().max(at_s + MINUTE_S))
    }
}

fn timestamp(at_s: i64) -> Option<Timestamp> {
    Timestamp::from_second(at_s).ok()
}

fn local(zone: &TimeZone, at_s: i64) -> Option<DateTime> {
    Some(zone.to_datetime(timestamp(at_s)?))
}

/// A part of a date, of which none is negative.
fn part(value: i8) -> u32 {
    value.unsigned_abs().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(time: &str) -> u64 {
        let time: Timestamp = time.parse().unwrap();
        u64::try_from(time.as_millisecond()).unwrap()
    }

    /// The next times, without their seconds.
    fn times(cron: &str, after: &str, count: usize) -> Vec<String> {
        let cron = Cron::parse(cron).unwrap_or_else(|error| panic!("{cron}: {error}"));
        let mut at = ms(after);
        let mut times = Vec::new();
        for _ in 0..count {
            at = cron.next_after(at).unwrap();
            let time = Timestamp::from_millisecond(i64::try_from(at).unwrap()).unwrap().to_string();
            times.push(time.trim_end_matches(":00Z").to_owned());
        }
        times
    }

    #[test]
    fn fields_names_ranges_and_steps() {
        let after = "2026-01-31T10:07:30Z"; // a Saturday
        for (cron, expected) in [
            ("* * * * *", ["2026-01-31T10:08", "2026-01-31T10:09"]),
            ("*/10 * * * *", ["2026-01-31T10:10", "2026-01-31T10:20"]),
            ("5/20 * * * *", ["2026-01-31T10:25", "2026-01-31T10:45"]),
            ("0 9-17/4 * * *", ["2026-01-31T13:00", "2026-01-31T17:00"]),
            ("0 0 1 1 *", ["2027-01-01T00:00", "2028-01-01T00:00"]),
            ("1 1 1 1 1", ["2027-01-01T01:01", "2027-01-04T01:01"]), // the first, or a Monday
            ("0 0 ? FEB mon,Wed", ["2026-02-02T00:00", "2026-02-04T00:00"]),
            ("0 0 29 2 *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
            ("30 12 31 * *", ["2026-01-31T12:30", "2026-03-31T12:30"]),
            ("0 0 */2 * 1", ["2026-02-09T00:00", "2026-02-23T00:00"]), // an odd day that is a Monday
            ("@hourly", ["2026-01-31T11:00", "2026-01-31T12:00"]),
            ("@daily", ["2026-02-01T00:00", "2026-02-02T00:00"]),
            ("@weekly", ["2026-02-01T00:00", "2026-02-08T00:00"]),
            ("@monthly", ["2026-02-01T00:00", "2026-03-01T00:00"]),
            ("@yearly", ["2027-01-01T00:00", "2028-01-01T00:00"]),
            ("  0   0 * * 0  ", ["2026-02-01T00:00", "2026-02-08T00:00"]),
            ("CRON_TZ=Asia/Kolkata 0 9 * * *", ["2026-02-01T03:30", "2026-02-02T03:30"]),
            ("TZ=America/New_York 0 9 * * *", ["2026-01-31T14:00", "2026-02-01T14:00"]),
        ] {
            assert_eq!(times(cron, after, 2), expected, "{cron}");
        }
        assert_eq!(times("@every 1h30m", "2026-01-31T10:00:00Z", 2), ["2026-01-31T11:30", "2026-01-31T13:00"]);
        assert_eq!(Cron::parse("0 0 30 2 *").unwrap().next_after(0), None);
        assert_eq!(times("0 0 29 2 *", "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00"]);
        assert_eq!(Cron::parse(" CRON_TZ=UTC  1 1 1 1 1 ").unwrap().text(), "CRON_TZ=UTC  1 1 1 1 1");
    }

    #[test]
    fn a_time_that_is_left_out_is_not_made_up_and_one_that_comes_twice_counts_twice() {
        let berlin = "CRON_TZ=Europe/Berlin 30 2 * * *";
        // 02:00 is 03:00 on 29 March.
        assert_eq!(times(berlin, "2026-03-27T12:00:00Z", 2), ["2026-03-28T01:30", "2026-03-30T00:30"]);
        // 03:00 is 02:00 on 25 October.
        assert_eq!(
            times(berlin, "2026-10-24T12:00:00Z", 3),
            ["2026-10-25T00:30", "2026-10-25T01:30", "2026-10-26T01:30"]
        );
        let new_york = "CRON_TZ=America/New_York 30 1 * * *";
        assert_eq!(
            times(new_york, "2026-10-31T12:00:00Z", 3),
            ["2026-11-01T05:30", "2026-11-01T06:30", "2026-11-02T06:30"]
        );
        // Half an hour: 02:00 is 01:30 on 5 April, and 02:00 is 02:30 on 4 October.
        let lord_howe = "CRON_TZ=Australia/Lord_Howe 45 1 * * *";
        assert_eq!(times(lord_howe, "2026-04-04T00:00:00Z", 2), ["2026-04-04T14:45", "2026-04-04T15:15"]);
        let left_out = "CRON_TZ=Australia/Lord_Howe 15 2 * * *";
        assert_eq!(times(left_out, "2026-10-02T20:00:00Z", 1), ["2026-10-04T15:15"]);
    }

    #[test]
    fn what_is_no_schedule_is_refused_in_the_words_of_the_service() {
        for (cron, text) in [
            ("", "empty spec string"),
            ("   ", "empty spec string"),
            ("CRON_TZ=UTC", "empty spec string"),
            ("* * * *", "expected exactly 5 fields, found 4"),
            ("* * * * * *", "expected exactly 5 fields, found 6"),
            ("60 * * * *", "range is out of bounds: 60"),
            ("* 24 * * *", "range is out of bounds: 24"),
            ("* * 0 * *", "range is out of bounds: 0"),
            ("* * * 13 *", "range is out of bounds: 13"),
            ("* * * * 7", "range is out of bounds: 7"),
            ("5-1 * * * *", "range is out of bounds: 5-1"),
            ("*/0 * * * *", "range is out of bounds: */0"),
            ("a * * * *", "failed to parse int from a"),
            ("-1 * * * *", "failed to parse int from "),
            (", * * * *", "failed to parse int from ,"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            ("CRON_TZ=Mars/Base * * * * *", "provided bad location Mars/Base: unknown time zone"),
            ("@reboot", "unrecognized descriptor: @reboot"),
            ("@every 30s", "the interval should be a duration of at least 1m"),
            ("@every soon", "the interval should be a duration of at least 1m"),
        ] {
            let error = Cron::parse(cron).expect_err(cron).to_string();
            assert_eq!(error, format!("Invalid cron expression {text}"), "{cron}");
        }
        assert!(Cron::parse(&"1,".repeat(1_000)).is_err());
    }

    /// Looks at every minute.
    fn slow(fields: &Fields, after_ms: u64, minutes: i64) -> Option<u64> {
        let first = i64::try_from(after_ms).unwrap() / 60_000 + 1;
        (first..first + minutes).find_map(|minute| {
            let local = fields.zone.to_datetime(Timestamp::from_second(minute * 60).unwrap());
            let fits = fields.month.has(part(local.month()))
                && fields.has_day(part(local.day()), part(local.weekday().to_sunday_zero_offset()))
                && fields.hour.has(part(local.hour()))
                && fields.minute.has(part(local.minute()));
            fits.then(|| u64::try_from(minute * 60_000).unwrap())
        })
    }

    fn field(min: u32, max: u32) -> impl Strategy<Value = String> {
        prop_oneof![
            3 => Just("*".to_owned()),
            2 => (min..=max).prop_map(|value| value.to_string()),
            1 => (min..=max, min..=max).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
            1 => (1..=max).prop_map(|step| format!("*/{step}")),
            1 => (min..=max, min..=max).prop_map(|(a, b)| format!("{a},{b}")),
        ]
    }

    proptest! {
        #[test]
        fn finds_the_minute_that_a_look_at_every_minute_finds(
            (minute, hour, day) in (field(0, 59), field(0, 23), field(1, 31)),
            (month, week) in (field(1, 12), field(0, 6)),
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut",
            ]),
            // Around the clock changes of 2026, and anywhere.
            near in prop::sample::select(vec![1_774_700_000_u64, 1_792_800_000, 1_775_300_000, 1_791_000_000, 1_793_500_000]),
            offset in 0..400_000_u64,
        ) {
            let cron = Cron::parse(&format!("CRON_TZ={zone} {minute} {hour} {day} {month} {week}")).unwrap();
            let Spec::Fields(fields) = &cron.spec else { unreachable!() };
            let after_ms = (near - 200_000 + offset) * 1_000;
            let minutes = 10 * 24 * 60;
            let found = cron.next_after(after_ms).filter(|at| *at <= after_ms / 60_000 * 60_000 + minutes as u64 * 60_000);
            prop_assert_eq!(found, slow(fields, after_ms, minutes));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-0-9*/,?A-Za-z@= ]{0,40}", after_ms in 0..4_000_000_000_000_u64) {
            if let Ok(cron) = Cron::parse(&text) {
                prop_assert!(cron.next_after(after_ms).is_none_or(|next| next > after_ms));
            }
        }
    }
}
