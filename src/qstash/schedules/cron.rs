use crate::{
    Error,
    qstash::{error::invalid, seconds},
};
use std::{fmt, str::FromStr, time::Duration};

/// When a schedule publishes: a cron expression of five fields (minute, hour, day of the month, month, day of the week), or
/// a descriptor such as `@hourly` or `@every 2h`, to the minute.
///
/// The time zone is UTC unless [`in_zone`](Self::in_zone), or the prefix `CRON_TZ=<zone> `, says otherwise. Months and days
/// of the week may be names (`jan`, `mon`); days of the week are 0 to 6 from Sunday. If both kinds of days are restricted,
/// one of them is enough.
///
/// The expression is checked here, so that a wrong one is an error before anything is sent.
///
/// ```
/// use axum_upstash::qstash::Cron;
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let weekdays = Cron::new("30 9 * * mon-fri")?.in_zone("Europe/Berlin")?;
/// assert_eq!(weekdays.as_str(), "CRON_TZ=Europe/Berlin 30 9 * * mon-fri");
/// assert!(Cron::new("@hourly").is_ok());
/// assert!(Cron::new("61 * * * *").unwrap_err().to_string().contains("minute"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cron(String);

/// A field: its name, its range, and the names that its values may have, from the first value on.
struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: [Field; 5] = [
    Field { name: "minute", min: 0, max: 59, names: &[] },
    Field { name: "hour", min: 0, max: 23, names: &[] },
    Field { name: "day of the month", min: 1, max: 31, names: &[] },
    Field { name: "month", min: 1, max: 12, names: MONTHS },
    Field { name: "day of the week", min: 0, max: 6, names: DAYS },
];
const DESCRIPTORS: &[&str] = &["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

impl Cron {
    /// Checks an expression. White space at its ends does not count.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is none; the message names the field.
    pub fn new(expression: impl AsRef<str>) -> Result<Self, Error> {
        let expression = expression.as_ref().trim();
        let times = match expression.strip_prefix("CRON_TZ=").or_else(|| expression.strip_prefix("TZ=")) {
            Some(rest) => {
                let (zone, times) = rest.split_once(' ').ok_or_else(|| problem("has a time zone, and no times"))?;
                check_zone(zone)?;
                times.trim()
            }
            None => expression,
        };
        if times.starts_with('@') {
            check_descriptor(times)?
        } else {
            check_fields(times)?
        }
        Ok(Self(expression.to_owned()))
    }

    /// Sets the time zone by its name in the IANA database, such as `Europe/Berlin`, instead of any other.
    ///
    /// A time that a change of the clock skips is not published.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if no zone can have that name. Whether there is one, the
    /// service knows.
    pub fn in_zone(&self, zone: impl AsRef<str>) -> Result<Self, Error> {
        let zone = zone.as_ref();
        check_zone(zone)?;
        let times = self.0.strip_prefix("CRON_TZ=").or_else(|| self.0.strip_prefix("TZ="));
        let times = times.and_then(|rest| rest.split_once(' ')).map_or(self.0.as_str(), |(_, times)| times.trim());
        Ok(Self(format!("CRON_TZ={zone} {times}")))
    }

    /// The expression.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn problem(text: impl fmt::Display) -> Error {
    invalid(format!("the cron expression {text}"))
}

fn check_zone(zone: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+');
    if zone.is_empty() || !zone.bytes().all(allowed) {
        return Err(problem("has a time zone that is not a name such as Europe/Berlin"));
    }
    Ok(())
}

fn check_descriptor(text: &str) -> Result<(), Error> {
    if let Some(interval) = text.strip_prefix("@every ") {
        // The service reads it as Go does, which has no days.
        let without_days = Some(interval).filter(|interval| !interval.contains('d'));
        let whole = without_days.and_then(seconds::parse).filter(|interval| *interval >= Duration::from_secs(1));
        let has_unit = interval.trim_end().ends_with(|c: char| c.is_ascii_alphabetic());
        if whole.is_none() || !has_unit {
            return Err(problem("has an interval that is not a duration such as 90m or 2h"));
        }
        return Ok(());
    }
    if DESCRIPTORS.contains(&text) {
        return Ok(());
    }
    Err(problem("begins with @, and is neither @every nor @hourly or its like"))
}

fn check_fields(text: &str) -> Result<(), Error> {
    let found: Vec<&str> = text.split_ascii_whitespace().collect();
    if found.len() != FIELDS.len() {
        return Err(problem(format_args!("has {} fields, and should have five", found.len())));
    }
    for (field, text) in FIELDS.iter().zip(found) {
        if !text.split(',').all(|range| field.allows(range)) {
            return Err(problem(format_args!(
                "has a {} that is not within {} to {}",
                field.name, field.min, field.max
            )));
        }
    }
    Ok(())
}

impl Field {
    /// A value, a range, or all, and a step: `5`, `mon-fri`, `*/10`, `5/15`.
    fn allows(&self, text: &str) -> bool {
        let (range, step) = text.split_once('/').map_or((text, None), |(range, step)| (range, Some(step)));
        let step_is_right = step.is_none_or(|step| number(step).is_some_and(|step| step > 0));
        let range_is_right = match range.split_once('-') {
            None if range == "*" || range == "?" => true,
            None => self.value(range).is_some(),
            Some((from, to)) => matches!((self.value(from), self.value(to)), (Some(from), Some(to)) if from <= to),
        };
        step_is_right && range_is_right
    }

    fn value(&self, text: &str) -> Option<u32> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(at) => u32::try_from(at).ok()?.checked_add(self.min)?,
            None => number(text)?,
        };
        (self.min..=self.max).contains(&value).then_some(value)
    }
}

/// Digits alone: Rust's own parser takes a plus sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl FromStr for Cron {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Cron {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl TryFrom<String> for Cron {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl From<&Cron> for Cron {
    fn from(cron: &Cron) -> Self {
        cron.clone()
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_the_service_takes_are_taken() {
        for text in [
            "* * * * *",
            "*/10 * * * *",
            "1 1 1 1 1",
            "0 0 1,15 * *",
            "0-30/5 8-18 ? JAN-Mar mon-FRI",
            "5/15 * * * 0",
            "59 23 31 12 6",
            "0  12\t* * *",
            "@hourly",
            "@every 1h30m",
            "@every 90m",
            "CRON_TZ=Europe/Berlin 30 9 * * *",
            "TZ=America/Argentina/Buenos_Aires @daily",
            "CRON_TZ=Etc/GMT+3  0 0 * * *",
        ] {
            assert_eq!(Cron::new(text).unwrap().as_str(), text);
        }
        assert_eq!(Cron::new("  */10 * * * * ").unwrap().as_str(), "*/10 * * * *");
    }

    #[test]
    fn others_are_refused_by_their_field_and_not_repeated() {
        for (text, named) in [
            ("", "0 fields"),
            ("secret", "1 fields"),
            ("* * * *", "4 fields"),
            ("0 * * * * *", "6 fields"),
            ("60 * * * *", "minute"),
            ("-1 * * * *", "minute"),
            ("+1 * * * *", "minute"),
            ("*/0 * * * *", "minute"),
            ("*/ * * * *", "minute"),
            ("1,, * * * *", "minute"),
            ("5-1 * * * *", "minute"),
            ("1-2-3 * * * *", "minute"),
            ("secret * * * *", "minute"),
            ("* 24 * * *", "hour"),
            ("* * 0 * *", "day of the month"),
            ("* * 32 * *", "day of the month"),
            ("* * * 13 *", "month"),
            ("* * * secret *", "month"),
            ("* * * * 7", "day of the week"),
            ("* * * * jan", "day of the week"),
            ("@reboot", "@every"),
            ("@secret", "@every"),
            ("@every", "@every"),
            ("@every 10", "interval"),
            ("@every 0s", "interval"),
            ("@every secret", "interval"),
            ("@every 1d", "interval"),
            ("CRON_TZ=Europe/Berlin", "no times"),
            ("CRON_TZ= * * * * *", "time zone"),
            ("CRON_TZ=a;b * * * * *", "time zone"),
            ("CRON_TZ=Europe/Berlin 61 * * * *", "minute"),
        ] {
            let error = Cron::new(text).err().unwrap_or_else(|| panic!("{text:?} was accepted"));
            assert!(error.to_string().contains(named), "{text}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_zone_replaces_another() {
        let berlin = Cron::new("TZ=Asia/Tokyo @daily").unwrap().in_zone("Europe/Berlin").unwrap();
        assert_eq!(berlin.as_str(), "CRON_TZ=Europe/Berlin @daily");
        assert!(berlin.in_zone("").is_err() && berlin.in_zone("a b").is_err());
    }
}
