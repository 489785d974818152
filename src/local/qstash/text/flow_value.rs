use std::{fmt, time::Duration};

use super::duration;

/// The longest period: a week.
const MAX_PERIOD: Duration = Duration::from_secs(7 * 24 * 3600);

/// The limits of `Upstash-Flow-Control-Value`, at least one of which is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowValue {
    pub(crate) parallelism: Option<u32>,
    pub(crate) rate: Option<u32>,
    /// A second by default.
    pub(crate) period: Duration,
}

/// A value that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidFlowValue {
    Syntax,
    Period,
}

impl fmt::Display for InvalidFlowValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => FlowValue::REFUSAL,
            Self::Period => "the period of Upstash-Flow-Control-Value should be a duration from 1s to 7d",
        })
    }
}

impl std::error::Error for InvalidFlowValue {}

impl FlowValue {
    /// The service's text for a value that cannot be read.
    pub(crate) const REFUSAL: &str =
        "Upstash-Flow-Control-Value should be either rate=X or parallelism=Y, or both as comma-separated values";

    /// Reads `parallelism=N, rate=N, period=D`, in any order.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidFlowValue> {
        let mut value = Self { parallelism: None, rate: None, period: Duration::from_secs(1) };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, number) = part.split_once('=').ok_or(InvalidFlowValue::Syntax)?;
            let number = number.trim();
            match name.trim() {
                "parallelism" => value.parallelism = Some(at_least_one(number)?),
                "rate" => value.rate = Some(at_least_one(number)?),
                "period" => {
                    value.period = duration::parse(number).map_err(|_| InvalidFlowValue::Period)?;
                    if !(Duration::from_secs(1)..=MAX_PERIOD).contains(&value.period) {
                        return Err(InvalidFlowValue::Period);
                    }
                }
                _ => return Err(InvalidFlowValue::Syntax),
            }
        }
        if value.parallelism.is_none() && value.rate.is_none() { Err(InvalidFlowValue::Syntax) } else { Ok(value) }
    }
}

fn at_least_one(number: &str) -> Result<u32, InvalidFlowValue> {
    number.parse().ok().filter(|number| *number > 0).ok_or(InvalidFlowValue::Syntax)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_in_any_order() {
        for (text, parallelism, rate, period) in [
            ("parallelism=3", Some(3), None, 1),
            ("rate=5", None, Some(5), 1),
            ("parallelism=3, rate=5", Some(3), Some(5), 1),
            ("period=1m,rate=10 , parallelism = 5", Some(5), Some(10), 60),
            ("rate=1,period=60", None, Some(1), 60),
            ("rate=1,period=1d", None, Some(1), 86_400),
        ] {
            let period = Duration::from_secs(period);
            assert_eq!(FlowValue::parse(text), Ok(FlowValue { parallelism, rate, period }), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read() {
        for text in
            ["", "5", "rate", "rate=", "rate=0", "rate=-1", "parallelism=x", "period=1m", "speed=1", "rate=1;period=2"]
        {
            assert_eq!(FlowValue::parse(text), Err(InvalidFlowValue::Syntax), "{text}");
        }
        for text in ["rate=1,period=x", "rate=1,period=8d", "rate=1,period=0s", "rate=1,period=500ms"] {
            assert_eq!(FlowValue::parse(text), Err(InvalidFlowValue::Period), "{text}");
        }
    }

    proptest! {
        #[test]
        fn order_and_spaces_mean_nothing(
            (parallelism, rate) in (proptest::option::of(1..=u32::MAX), proptest::option::of(1..=u32::MAX)),
            period_s in proptest::option::of(1..=604_800_u64),
            order in Just([0, 1, 2]).prop_shuffle(),
            (comma, equals) in ("[ ]{0,2},[ ]{0,2}", "[ ]{0,2}=[ ]{0,2}"),
        ) {
            let part = |name: &str, value: Option<String>| value.map(|value| format!("{name}{equals}{value}"));
            let parts = [
                part("parallelism", parallelism.map(|number| number.to_string())),
                part("rate", rate.map(|number| number.to_string())),
                part("period", period_s.map(|seconds| format!("{seconds}s"))),
            ];
            let text = order.iter().filter_map(|at: &usize| parts[*at].clone()).collect::<Vec<_>>().join(&comma);
            let period = Duration::from_secs(period_s.unwrap_or(1));
            let expected = Some(FlowValue { parallelism, rate, period }).filter(|_| parallelism.or(rate).is_some());
            prop_assert_eq!(FlowValue::parse(&text).ok(), expected);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}|((rate|parallelism|period)[=,]?[0-9smhd, -]{0,8},?){0,4}") {
            if let Ok(value) = FlowValue::parse(&text) {
                prop_assert!(value.parallelism.or(value.rate).is_some_and(|limit| limit > 0));
                prop_assert!(value.period >= Duration::from_secs(1) && value.period <= MAX_PERIOD);
            }
        }
    }
}
