use jiff::{Timestamp, ToSpan, civil::DateTime, tz::TimeZone};

use super::{
    field::InvalidCron,
    spec::{Fields, Spec},
};

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
            // In whole seconds, as robfig/cron has it.
            Spec::Every(interval) => (after_ms / 1_000).checked_add(interval.as_secs())?.checked_mul(1_000),
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
            ("0 0 */2 * 1", ["2026-02-01T00:00", "2026-02-02T00:00"]), // an odd day, or a Monday
            ("0 0 */1 * 1", ["2026-02-02T00:00", "2026-02-09T00:00"]), // any day that is a Monday
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
        assert_eq!(times("@every 90.9s", "2026-01-31T10:00:00.7Z", 1), ["2026-01-31T10:01:30Z"]);
        assert_eq!(Cron::parse("0 0 30 2 *").unwrap().next_after(0), None);
        assert_eq!(Cron::parse("* * * * *").unwrap().next_after(u64::MAX), None);
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
        // robfig/cron goes on by whole hours from 01:00, to 02:30 and 03:30, and would leave this one out.
        let after = "CRON_TZ=Australia/Lord_Howe 0 3 * * *";
        assert_eq!(times(after, "2026-10-03T14:00:00Z", 1), ["2026-10-03T16:00"]);
        // Midnight is left out on 29 March, not the day.
        let beirut = "CRON_TZ=Asia/Beirut */30 0,1 29 3 *";
        assert_eq!(times(beirut, "2026-03-28T00:00:00Z", 2), ["2026-03-28T22:00", "2026-03-28T22:30"]);
    }

    /// The cases of robfig/cron's own `spec_test.go` that have no seconds.
    #[test]
    fn the_cases_of_robfig() {
        for (after, cron, expected) in [
            ("2012-07-09T14:45Z", "0/15 * * * *", Some("2012-07-09T15:00Z")),
            ("2012-07-09T14:59:59Z", "0/15 * * * *", Some("2012-07-09T15:00Z")),
            ("2012-07-09T15:45Z", "20-35/15 * * * *", Some("2012-07-09T16:20Z")),
            ("2012-07-09T23:46Z", "*/15 * * * *", Some("2012-07-10T00:00Z")),
            ("2012-07-09T23:45Z", "20-35/15 * * * *", Some("2012-07-10T00:20Z")),
            ("2012-07-09T23:35Z", "0 0 9 Apr-Oct ?", Some("2012-08-09T00:00Z")),
            ("2012-07-09T23:35Z", "0 0 */5 Apr,Aug,Oct Mon", Some("2012-08-01T00:00Z")),
            ("2012-07-09T23:35Z", "0 0 */5 Oct Mon", Some("2012-10-01T00:00Z")),
            ("2012-07-09T23:35Z", "0 0 * Feb Mon", Some("2013-02-04T00:00Z")),
            ("2012-07-09T23:35Z", "0 0 * Feb Mon/2", Some("2013-02-01T00:00Z")),
            ("2012-12-31T23:59:45Z", "* * * * *", Some("2013-01-01T00:00Z")),
            ("2012-07-09T23:35Z", "0 0 29 Feb ?", Some("2016-02-29T00:00Z")),
            ("2012-03-11T00:00-05", "TZ=America/New_York 30 2 11 Mar ?", Some("2013-03-11T02:30-04")),
            ("2012-03-11T01:00-05", "TZ=America/New_York 0 * * * ?", Some("2012-03-11T03:00-04")),
            ("2012-03-11T01:00-05", "TZ=America/New_York 0 1 * * ?", Some("2012-03-12T01:00-04")),
            ("2012-03-11T00:00-05", "TZ=America/New_York 0 2 * * ?", Some("2012-03-12T02:00-04")),
            ("2012-11-04T00:00-04", "TZ=America/New_York 30 2 04 Nov ?", Some("2012-11-04T02:30-05")),
            ("2012-11-04T01:45-04", "TZ=America/New_York 30 1 04 Nov ?", Some("2012-11-04T01:30-05")),
            ("2012-11-04T01:00-04", "TZ=America/New_York 0 * * * ?", Some("2012-11-04T01:00-05")),
            ("2012-11-04T01:00-05", "TZ=America/New_York 0 * * * ?", Some("2012-11-04T02:00-05")),
            ("2012-11-04T01:00-04", "TZ=America/New_York 0 1 * * ?", Some("2012-11-04T01:00-05")),
            ("2012-11-04T01:00-05", "TZ=America/New_York 0 1 * * ?", Some("2012-11-05T01:00-05")),
            ("2012-11-04T00:00-04", "TZ=America/New_York 0 3 3 * ?", Some("2012-12-03T03:00-05")),
            ("2018-10-17T05:00-04", "TZ=America/Sao_Paulo 0 9 10 * ?", Some("2018-11-10T06:00-05")),
            ("2018-02-14T05:00-05", "TZ=America/Sao_Paulo 0 9 22 * ?", Some("2018-02-22T07:00-05")),
            ("2012-07-09T23:35Z", "0 0 30 Feb ?", None),
            ("2012-07-09T23:35Z", "0 0 31 Apr ?", None),
        ] {
            let next = Cron::parse(cron).unwrap().next_after(ms(after));
            assert_eq!(next, expected.map(ms), "{cron} after {after}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_in_the_words_of_the_service() {
        for (cron, text) in [
            ("", "empty spec string"),
            ("   ", "empty spec string"),
            ("CRON_TZ=UTC", "empty spec string"),
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("*  * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* 24 * * *", "end of range (24) above maximum (23): 24"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("* * * 13 *", "end of range (13) above maximum (12): 13"),
            ("* * * * 7", "end of range (7) above maximum (6): 7"),
            ("* * * * fri-sun", "beginning of range (5) beyond end of range (0): fri-sun"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("*/-12 * * * *", "negative number (-12) not allowed: -12"),
            ("a * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"),
            ("-1 * * * *", "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax"),
            (", * * * *", "failed to parse int from ,: strconv.Atoi: parsing \",\": invalid syntax"),
            (
                "9999999999 * * * *",
                "failed to parse int from 9999999999: strconv.Atoi: parsing \"9999999999\": value out of range",
            ),
            ("5--5 * * * *", "too many hyphens: 5--5"),
            ("*//2 * * * *", "too many slashes: *//2"),
            ("CRON_TZ=Mars/Base * * * * *", "provided bad location Mars/Base: unknown time zone Mars/Base"),
            ("TZ=Etc/Unknown * * * * *", "provided bad location Etc/Unknown: unknown time zone Etc/Unknown"),
            ("@reboot", "unrecognized descriptor: @reboot"),
            ("@every 30s", "the interval of @every should be at least 1m"),
            ("@every soon", "failed to parse duration @every soon: time: invalid duration \"soon\""),
        ] {
            let error = Cron::parse(cron).expect_err(cron).to_string();
            assert_eq!(error, format!("Invalid cron expression {text}"), "{cron}");
        }
        assert!(Cron::parse(&"1,".repeat(1_000)).is_err());
    }
}
