//! Literals of filters.

use std::fmt;

/// A text, number or truth that a field is compared with.
///
/// ```
/// use axum_upstash::vector::{FilterValue, field};
///
/// let any_of: Vec<FilterValue> = vec!["Asia".into(), 17.into(), true.into()];
/// assert_eq!(field("a").is_in(any_of).to_string(), "a IN ('Asia', 17, true)");
/// ```
#[derive(Clone, PartialEq)]
pub struct FilterValue(Value);

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Number(f64),
    Integer(i128),
    Bool(bool),
}

impl FilterValue {
    pub(super) fn is_number(&self) -> bool {
        matches!(self.0, Value::Number(_) | Value::Integer(_))
    }

    /// The literal, or why there is none.
    pub(super) fn literal(&self) -> Result<String, &'static str> {
        match &self.0 {
            Value::Text(text) => quoted(text),
            // Without an exponent, as the language has none.
            Value::Number(number) if number.is_finite() => Ok(number.to_string()),
            Value::Number(_) => Err("a filter has a number that is not finite"),
            Value::Integer(number) => Ok(number.to_string()),
            Value::Bool(truth) => Ok(truth.to_string()),
        }
    }
}

/// Without the value.
impl fmt::Debug for FilterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FilterValue")
    }
}

/// A text in the quotes that it does not have. How the language escapes quotes is not documented: no text depends on it to
/// stay within its quotes. Two backslashes are one in a language with escapes, and end no text in one without.
pub(super) fn quoted(text: &str) -> Result<String, &'static str> {
    let quote = match (text.contains('\''), text.contains('"')) {
        (false, _) => '\'',
        (true, false) => '"',
        (true, true) => return Err("a filter has a text with both kinds of quotes, which it cannot hold"),
    };
    // A backslash at the end must not be read as the escape of the quote behind it.
    let is_plain = !text.ends_with('\\') && !text.contains("\\\\") && !text.contains("\\'") && !text.contains("\\\"");
    let text = if is_plain { text.to_owned() } else { text.replace('\\', "\\\\") };
    Ok(format!("{quote}{text}{quote}"))
}

impl From<&str> for FilterValue {
    fn from(text: &str) -> Self {
        Self(Value::Text(text.to_owned()))
    }
}

impl From<&String> for FilterValue {
    fn from(text: &String) -> Self {
        Self(Value::Text(text.clone()))
    }
}

impl From<String> for FilterValue {
    fn from(text: String) -> Self {
        Self(Value::Text(text))
    }
}

impl From<bool> for FilterValue {
    fn from(truth: bool) -> Self {
        Self(Value::Bool(truth))
    }
}

impl From<f64> for FilterValue {
    fn from(number: f64) -> Self {
        Self(Value::Number(number))
    }
}

impl From<f32> for FilterValue {
    fn from(number: f32) -> Self {
        // The number that is written, and not what it is to more digits.
        Self(number.to_string().parse().map_or(Value::Number(f64::NAN), Value::Number))
    }
}

macro_rules! integers {
    ($($of:ty),*) => {$(
        impl From<$of> for FilterValue {
            fn from(number: $of) -> Self {
                Self(Value::Integer(number.into()))
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

impl From<usize> for FilterValue {
    fn from(number: usize) -> Self {
        Self(Value::Integer(number as i128))
    }
}

impl From<isize> for FilterValue {
    fn from(number: isize) -> Self {
        Self(Value::Integer(number as i128))
    }
}

/// For iterators over references.
impl From<&&str> for FilterValue {
    fn from(text: &&str) -> Self {
        (*text).into()
    }
}
