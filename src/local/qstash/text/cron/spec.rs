use std::time::Duration;

use jiff::tz::TimeZone;

use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, InvalidCron, MINUTE, MONTH};
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

impl Spec {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidCron> {
        if text.len() > MAX_LENGTH {
            return Err(InvalidCron::new(format!("spec string is longer than {MAX_LENGTH} bytes")));
        }
        let (zone, text) = match text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) {
            Some(rest) => {
                let (name, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                (zone(name)?, text.trim())
            }
            None => (TimeZone::UTC, text),
        };
        let text = match text {
            "" => return Err(InvalidCron::new("empty spec string")),
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => match text.strip_prefix("@every ") {
                Some(interval) => return every(interval).map(Self::Every),
                None if text.starts_with('@') => {
                    return Err(InvalidCron::new(format!("unrecognized descriptor: {text}")));
                }
                None => text,
            },
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day_of_month, month, day_of_week] = fields[..] else {
            let (count, found) = (fields.len(), fields.join(" "));
            return Err(InvalidCron::new(format!("expected exactly 5 fields, found {count}: [{found}]")));
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

fn zone(name: &str) -> Result<TimeZone, InvalidCron> {
    // The library knows a zone for "unknown" as well, which would be UTC without a word.
    TimeZone::get(name)
        .ok()
        .filter(|zone| !zone.is_unknown())
        .ok_or_else(|| InvalidCron::new(format!("provided bad location {name}: unknown time zone {name}")))
}

fn every(interval: &str) -> Result<Duration, InvalidCron> {
    let invalid = |_| format!("failed to parse duration @every {interval}: time: invalid duration {interval:?}");
    let interval = duration::parse(interval).map_err(invalid).map_err(InvalidCron::new)?;
    if interval < MIN_INTERVAL {
        return Err(InvalidCron::new("the interval of @every should be at least 1m"));
    }
    Ok(interval)
}

impl Fields {
    /// Whether a day fits. If both fields name days, one of them is enough.
    pub(super) fn has_day(&self, day_of_month: u32, day_of_week: u32) -> bool {
        let (by_month, by_week) = (self.day_of_month.has(day_of_month), self.day_of_week.has(day_of_week));
        if self.day_of_month.is_open || self.day_of_week.is_open { by_month && by_week } else { by_month || by_week }
    }
}
