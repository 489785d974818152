//! Filters as rig makes them.

use super::super::{Filter, FilterValue, field};
use rig_core_0_44::vector_store::request::{Filter as RigFilter, SearchFilter};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

impl SearchFilter for Filter {
    type Value = Value;

    fn eq(key: impl AsRef<str>, value: Value) -> Self {
        with(value, |value| field(key.as_ref()).eq(value))
    }

    fn gt(key: impl AsRef<str>, value: Value) -> Self {
        with(value, |value| field(key.as_ref()).gt(value))
    }

    fn lt(key: impl AsRef<str>, value: Value) -> Self {
        with(value, |value| field(key.as_ref()).lt(value))
    }

    fn and(self, rhs: Self) -> Self {
        self & rhs
    }

    fn or(self, rhs: Self) -> Self {
        self | rhs
    }
}

/// In the form that agents write filters in.
impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RigFilter::<Value>::deserialize(deserializer).map(RigFilter::interpret)
    }
}

/// A condition on a value, if the language has such ones. Otherwise sending it fails.
fn with(value: Value, condition: impl FnOnce(FilterValue) -> Filter) -> Filter {
    let value = match value {
        Value::String(text) => FilterValue::from(text),
        Value::Bool(truth) => truth.into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => number.into(),
            (_, Some(number), _) => number.into(),
            (.., number) => number.unwrap_or(f64::NAN).into(),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Filter::condition(Err("a filter has a value that is no text, number or truth"));
        }
    };
    condition(value)
}
