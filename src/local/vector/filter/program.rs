use serde_json::Value;

use super::{glob::Glob, path::Path};

/// A filter that was read: whether it holds for the metadata of a record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    /// Holds for all.
    Always,
    #[doc(hidden)]
    All(Vec<Filter>),
    #[doc(hidden)]
    AnyOf(Vec<Filter>),
    #[doc(hidden)]
    Field(Condition),
}

/// A condition on one field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(super) path: Path,
    pub(super) is_negated: bool,
    pub(super) test: Test,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Exists,
    Equals(Literal),
    Orders(Order, f64),
    Matches(Glob),
    In(Vec<Literal>),
    Contains(Literal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Number(f64),
    Bool(bool),
}

impl Filter {
    /// Whether it holds. A record without metadata has no fields.
    pub(crate) fn holds(&self, metadata: Option<&Value>) -> bool {
        match self {
            Self::Always => true,
            Self::All(parts) => parts.iter().all(|part| part.holds(metadata)),
            Self::AnyOf(parts) => parts.iter().any(|part| part.holds(metadata)),
            Self::Field(condition) => condition.holds(metadata),
        }
    }
}

impl Condition {
    fn holds(&self, metadata: Option<&Value>) -> bool {
        match (&self.test, metadata.and_then(|metadata| self.path.find(metadata))) {
            (Test::Exists, found) => found.is_some() != self.is_negated,
            (_, None) => false,
            (test, Some(value)) => test.holds(value) != self.is_negated,
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Exists => true,
            Self::Equals(literal) => literal.is(value),
            Self::Orders(order, number) => value.as_f64().is_some_and(|value| match order {
                Order::Less => value < *number,
                Order::LessOrEqual => value <= *number,
                Order::Greater => value > *number,
                Order::GreaterOrEqual => value >= *number,
            }),
            Self::Matches(glob) => value.as_str().is_some_and(|text| glob.matches(text)),
            Self::In(literals) => literals.iter().any(|literal| literal.is(value)),
            Self::Contains(literal) => value.as_array().is_some_and(|list| list.iter().any(|value| literal.is(value))),
        }
    }
}

impl Literal {
    #[allow(clippy::float_cmp, reason = "equality is what the operator says")]
    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(text), Value::String(value)) => text == value,
            (Self::Number(number), Value::Number(value)) => value.as_f64() == Some(*number),
            (Self::Bool(truth), Value::Bool(value)) => truth == value,
            // 1 and 0 are other names of true and false.
            (Self::Number(number), Value::Bool(value)) => *number == f64::from(u8::from(*value)),
            _ => false,
        }
    }
}
