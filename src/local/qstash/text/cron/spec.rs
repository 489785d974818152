use std::{fmt, time::Duration};

use jiff::tz::TimeZone;

use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH};
use crate::local::qstash::text::duration;

/// The longest text.
const MAX_LENGTH: usize = 500;
/// The service looks at schedules once a minute.
const MIN_INTERVAL: Duration = Duration::from_secs(60);

/// What a schedule says.
#[derive(Debug, Clone)]
pub(super) enum Spec {
    /// The minutes whose date and time fit, in a time zone.
    Fields(Box<Fields>),
    /// Again and again after this time.
    Every(Duration),
}

#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) zone: TimeZone,
    pub(super) minute: Field,
    pub(super) hour: Field,
    pub(super) day_of_month: Field,
    pub(super) month: Field,
    pub(super) day_of_week: Field,
}

/// Why a text is no schedule, in the words of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidCron {
    Empty,
    TooLong,
    Fields(usize),
    Number(Box<str>),
    Range(Box<str>),
    TooMany(&'static str, Box<str>),
    Zone(Box<str>),
    Descriptor(Box<str>),
    Interval,
}

impl fmt::Display for InvalidCron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invalid cron expression ")?;
        match self {
            Self::Empty => f.write_str("empty spec string"),
            Self::TooLong => f.write_str("spec string is too long"),
            Self::Fields(found) => write!(f, "expected exactly 5 fields, found {found}"),
            Self::Number(text) => write!(f, "failed to parse int from {text}"),
            Self::Range(text) => write!(f, "range is out of bounds: {text}"),
            Self::TooMany(what, text) => write!(f, "too many {what}: {text}"),
            Self::Zone(name) => write!(f, "provided bad location {name}: unknown time zone"),
            Self::Descriptor(text) => write!(f, "unrecognized descriptor: {text}"),
            Self::Interval => f.write_str("the interval should be a duration of at least 1m"),
        }
    }
}

impl std::error::Error for InvalidCron {}

impl Spec {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidCron> {
        if text.len() > MAX_LENGTH {
            return Err(InvalidCron::TooLong);
        }
        let (zone, text) = match text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) {
            Some(rest) => {
                let (name, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                (TimeZone::get(name).map_err(|_| InvalidCron::Zone(name.into()))?, text.trim())
            }
            None => (TimeZone::UTC, text),
        };
        let text = match text {
            "" => return Err(InvalidCron::Empty),
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => match text.strip_prefix("@every ") {
                Some(interval) => {
                    let interval = duration::parse(interval).map_err(|_| InvalidCron::Interval)?;
                    return if interval < MIN_INTERVAL {
                        Err(InvalidCron::Interval)
                    } else {
                        Ok(Self::Every(interval))
                    };
                }
                None if text.starts_with('@') => return Err(InvalidCron::Descriptor(text.into())),
                None => text,
            },
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day_of_month, month, day_of_week] = fields[..] else {
            return Err(InvalidCron::Fields(fields.len()));
        };
        Ok(Self::Fields(Box::new(Fields {
            zone,
            minute: Field::parse(minute, MINUTE)?,
            hour: Field::parse(hour, HOUR)?,
            day_of_month: Field::parse(day_of_month, DAY_OF_MONTH)?,
            month: Field::parse(month, MONTH)?,
            day_of_week: Field::parse(day_of_week, DAY_OF_WEEK)?,
        })))
    }
}

impl Fields {
    /// Whether a day fits. If both fields name days, one of them is enough.
    pub(super) fn has_day(&self, day_of_month: u32, day_of_week: u32) -> bool {
        let (by_month, by_week) = (self.day_of_month.has(day_of_month), self.day_of_week.has(day_of_week));
        if self.day_of_month.is_open || self.day_of_week.is_open { by_month && by_week } else { by_month || by_week }
    }
}
