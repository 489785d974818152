use std::fmt;

/// A text that is no schedule, with the reason in the words of robfig/cron, which the service uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidCron(Box<str>);

impl InvalidCron {
    pub(super) fn new(reason: impl Into<Box<str>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for InvalidCron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invalid cron expression {}", self.0)
    }
}

impl std::error::Error for InvalidCron {}

/// The values of one field, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    bits: u64,
    /// Whether it has a `*` or `?` without a step above 1, so that it restricts nothing.
    pub(super) is_open: bool,
}

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

pub(super) const MINUTE: Bounds = Bounds { min: 0, max: 59, names: &[] };
pub(super) const HOUR: Bounds = Bounds { min: 0, max: 23, names: &[] };
pub(super) const DAY_OF_MONTH: Bounds = Bounds { min: 1, max: 31, names: &[] };
pub(super) const MONTH: Bounds = Bounds { min: 1, max: 12, names: &MONTHS };
/// Sunday is 0, and 7 is nothing.
pub(super) const DAY_OF_WEEK: Bounds = Bounds { min: 0, max: 6, names: &DAYS };

impl Field {
    /// Reads a list of ranges.
    pub(super) fn parse(text: &str, bounds: Bounds) -> Result<Self, InvalidCron> {
        let mut field = Self { bits: 0, is_open: false };
        for range in text.split(',').filter(|range| !range.is_empty()) {
            field.add(range, bounds)?;
        }
        if field.bits == 0 { Err(not_a_number(text, "invalid syntax")) } else { Ok(field) }
    }

    pub(super) fn has(self, value: u32) -> bool {
        value < u64::BITS && self.bits & (1 << value) != 0
    }

    /// Adds `*`, `a`, `a-b`, and one of them with a step: `*/n`, `a/n` (from `a` on), `a-b/n`.
    fn add(&mut self, range: &str, bounds: Bounds) -> Result<(), InvalidCron> {
        let mut parts = range.split('/');
        let (span, step, rest) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        if rest.is_some() {
            return Err(InvalidCron::new(format!("too many slashes: {range}")));
        }
        let is_star = matches!(span, "*" | "?");
        let (first, last) = if is_star {
            (bounds.min, bounds.max)
        } else {
            let mut ends = span.split('-');
            let (first, last, rest) = (ends.next().unwrap_or_default(), ends.next(), ends.next());
            let first = bounds.value(first)?;
            match last {
                _ if rest.is_some() => return Err(InvalidCron::new(format!("too many hyphens: {range}"))),
                Some(last) => (first, bounds.value(last)?),
                None if step.is_some() => (first, bounds.max),
                None => (first, first),
            }
        };
        let step = step.map_or(Ok(1), number)?;
        bounds.check(first, last, step, range)?;
        self.is_open |= is_star && step == 1;
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        self.bits |= (first..=last).step_by(step).fold(0, |bits, value| bits | 1 << value);
        Ok(())
    }
}

impl Bounds {
    fn value(self, text: &str) -> Result<u32, InvalidCron> {
        let name = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        match name.and_then(|at| u32::try_from(at).ok()) {
            Some(at) => Ok(self.min + at),
            None => number(text),
        }
    }

    fn check(self, first: u32, last: u32, step: u32, range: &str) -> Result<(), InvalidCron> {
        let Self { min, max, .. } = self;
        let problem = if first < min {
            format!("beginning of range ({first}) below minimum ({min}): {range}")
        } else if last > max {
            format!("end of range ({last}) above maximum ({max}): {range}")
        } else if first > last {
            format!("beginning of range ({first}) beyond end of range ({last}): {range}")
        } else if step == 0 {
            format!("step of range should be a positive number: {range}")
        } else {
            return Ok(());
        };
        Err(InvalidCron::new(problem))
    }
}

fn number(text: &str) -> Result<u32, InvalidCron> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Err(not_a_number(text, "invalid syntax"))
    } else if digits.len() < text.len() {
        Err(InvalidCron::new(format!("negative number ({text}) not allowed: {text}")))
    } else {
        digits.parse().map_err(|_| not_a_number(text, "value out of range"))
    }
}

fn not_a_number(text: &str, why: &str) -> InvalidCron {
    InvalidCron::new(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}"))
}
