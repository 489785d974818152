//! Lenient reading of the service's JSON: numbers may be text, lists may be single values, and most fields may be absent.

use super::seconds;
use crate::rt::from_unix_ms;
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};

/// A value that is read from an answer.
pub(crate) trait FromWire: Sized {
    fn from_wire(value: &Value) -> Result<Self, Unreadable>;
}

/// An id that the service gave something, perhaps before it had rules for names.
pub(crate) trait StoredId: Sized {
    fn from_service(text: String) -> Option<Self>;
}

/// The field that is missing or cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable(pub(crate) &'static str);

/// A JSON object. A field that is `null` or empty text is absent.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    pub(crate) fn of(value: &'a Value) -> Result<Self, Unreadable> {
        value.as_object().map(Self).ok_or(Unreadable("an object"))
    }

    /// The value of the first of these names that is present.
    pub(crate) fn value(self, names: &[&str]) -> Option<&'a Value> {
        let is_present = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        names.iter().find_map(|name| self.0.get(*name).filter(is_present))
    }

    pub(crate) fn text(self, name: &str) -> Option<String> {
        text(self.value(&[name])?)
    }

    /// An id. Text that can be none counts as absent.
    pub(crate) fn id<T: StoredId>(self, name: &str) -> Option<T> {
        T::from_service(self.text(name)?)
    }

    pub(crate) fn required_id<T: StoredId>(self, name: &'static str) -> Result<T, Unreadable> {
        self.id(name).ok_or(Unreadable(name))
    }

    pub(crate) fn required_text(self, name: &'static str) -> Result<String, Unreadable> {
        self.text(name).ok_or(Unreadable(name))
    }

    pub(crate) fn number<T: TryFrom<u64>>(self, name: &str) -> Option<T> {
        T::try_from(number(self.value(&[name])?)?).ok()
    }

    pub(crate) fn flag(self, name: &str) -> bool {
        match self.value(&[name]) {
            Some(Value::Bool(flag)) => *flag,
            Some(other) => matches!(text(other).as_deref(), Some("true" | "True" | "1")),
            None => false,
        }
    }

    /// A time in milliseconds since the Unix epoch; 0 means that there is none.
    pub(crate) fn time(self, name: &str) -> Option<SystemTime> {
        self.number(name).filter(|ms| *ms != 0).map(from_unix_ms)
    }

    /// A time in seconds since the Unix epoch; 0 means that there is none.
    pub(crate) fn time_in_seconds(self, name: &str) -> Option<SystemTime> {
        self.number::<u64>(name).filter(|seconds| *seconds != 0).map(|time| from_unix_ms(time.saturating_mul(1000)))
    }

    /// A number of seconds, or text such as `1h30m`.
    pub(crate) fn seconds(self, name: &str) -> Option<Duration> {
        let value = self.value(&[name])?;
        number(value).map(Duration::from_secs).or_else(|| seconds::parse(value.as_str()?))
    }

    /// A number of milliseconds, or text such as `1h30m`.
    pub(crate) fn milliseconds(self, name: &str) -> Option<Duration> {
        let value = self.value(&[name])?;
        number(value).map(Duration::from_millis).or_else(|| seconds::parse(value.as_str()?))
    }

    pub(crate) fn method(self, name: &str) -> Option<Method> {
        self.text(name)?.parse().ok()
    }

    /// The status of an HTTP response. It is 0 or absent if there was none.
    pub(crate) fn status(self, name: &str) -> Option<StatusCode> {
        self.number::<u16>(name).and_then(|status| StatusCode::from_u16(status).ok())
    }

    /// Headers with a value or a list of values each. Those that HTTP does not allow are left out, and so are those beyond the
    /// number that a map can hold.
    pub(crate) fn headers(self, names: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in self.value(names).and_then(Value::as_object).into_iter().flatten() {
            let Ok(name) = HeaderName::try_from(name) else { continue };
            for value in list(values).iter().filter_map(text_or_empty) {
                if let Ok(value) = HeaderValue::try_from(value)
                    && headers.try_append(&name, value).is_err()
                {
                    return headers;
                }
            }
        }
        headers
    }

    /// A body: text, or Base64 under another name.
    pub(crate) fn body(self, text_name: &str, base64_name: &str) -> Option<Bytes> {
        match self.value(&[text_name]) {
            Some(body) => text(body).map(Bytes::from),
            None => self.base64(base64_name),
        }
    }

    /// A body in Base64. Text that is none, such as the mark of a redacted body, is kept as it is.
    pub(crate) fn base64(self, name: &str) -> Option<Bytes> {
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let text = self.text(name)?;
        let decoded = [&STANDARD, &URL_SAFE]
            .into_iter()
            .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(&text).ok());
        Some(decoded.unwrap_or_else(|| text.into_bytes()).into())
    }

    /// Texts in a list, or a single one.
    pub(crate) fn texts(self, name: &str) -> Vec<String> {
        self.value(&[name]).map(list).unwrap_or_default().iter().filter_map(text).collect()
    }

    /// The labels of a message: all of them, or at least the first.
    pub(crate) fn labels(self) -> Vec<String> {
        let all = self.texts("labels");
        if all.is_empty() { self.texts("label") } else { all }
    }

    /// The items of a list under one of these names. Absent means empty.
    pub(crate) fn items<T: FromWire>(self, names: &[&str]) -> Result<Vec<T>, Unreadable> {
        self.items_with(names, T::from_wire)
    }

    pub(crate) fn items_with<T>(
        self,
        names: &[&str],
        read: fn(&Value) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, Unreadable> {
        self.value(names).map_or(Ok(Vec::new()), |value| items_with(value, read))
    }

    /// Texts under names of their own, such as states of messages.
    pub(crate) fn entries(self, name: &str) -> impl Iterator<Item = (&'a str, String)> {
        let entries = self.value(&[name]).and_then(Value::as_object);
        entries.into_iter().flatten().filter_map(|(name, value)| Some((name.as_str(), text(value)?)))
    }
}

/// The items of a list; `null` is empty.
pub(crate) fn items<T: FromWire>(value: &Value) -> Result<Vec<T>, Unreadable> {
    items_with(value, T::from_wire)
}

fn items_with<T>(value: &Value, read: fn(&Value) -> Result<T, Unreadable>) -> Result<Vec<T>, Unreadable> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(read).collect(),
        _ => Err(Unreadable("a list")),
    }
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        other => std::slice::from_ref(other),
    }
}

fn text(value: &Value) -> Option<String> {
    text_or_empty(value).filter(|text| !text.is_empty())
}

fn text_or_empty(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        // A cursor may be a number beyond 2^53.
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u64> {
    let from_float = |float: f64| (float >= 0.0 && float < u64::MAX as f64).then_some(float as u64);
    match value {
        Value::Number(number) => number.as_u64().or_else(|| from_float(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok().or_else(|| from_float(text.trim().parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with<T>(value: &Value, read: impl FnOnce(Object<'_>) -> T) -> T {
        read(Object::of(value).unwrap())
    }

    #[test]
    fn numbers_are_numbers_or_text() {
        for (value, expected) in [
            (json!(7), Some(7)),
            (json!("7"), Some(7)),
            (json!(7.0), Some(7)),
            (json!(1.7e3), Some(1700)),
            (json!("1700000000000.0"), Some(1_700_000_000_000)),
            (json!(-1), None),
            (json!("x"), None),
            (json!(""), None),
            (json!(null), None),
            (json!([7]), None),
        ] {
            let object = json!({"n": value});
            assert_eq!(with(&object, |object| object.number::<u64>("n")), expected, "{object}");
        }
        assert_eq!(with(&json!({"n": 256}), |object| object.number::<u8>("n")), None);
        assert_eq!(with(&json!({}), |object| object.number::<u64>("n")), None);
    }

    #[test]
    fn times_and_durations_keep_their_unit() {
        let object =
            json!({"ms": "1725323658779", "s": 1725323658, "zero": 0, "delay": 10, "go": "1m30s", "timeout": 30000});
        let after = |ms| Some(SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
        with(&object, |object| {
            assert_eq!(object.time("ms"), after(1_725_323_658_779));
            assert_eq!(object.time_in_seconds("s"), after(1_725_323_658_000));
            assert_eq!((object.time("zero"), object.time("absent")), (None, None));
            assert_eq!(object.seconds("delay"), Some(Duration::from_secs(10)));
            assert_eq!(object.seconds("go"), Some(Duration::from_secs(90)));
            assert_eq!(object.milliseconds("timeout"), Some(Duration::from_secs(30)));
        });
    }

    #[test]
    fn headers_have_a_value_or_a_list() {
        let object =
            json!({"header": {"A": ["1", "2"], "B": "3", "C": null, "bad name": ["4"], "D": ["a\nb", ""], "E": [5]}});
        let headers = with(&object, |object| object.headers(&["absent", "header"]));
        let all: Vec<_> = headers.get_all("a").iter().collect();
        assert_eq!(all, ["1", "2"]);
        assert_eq!(
            (&headers["b"], &headers["d"], &headers["e"], headers.len()),
            (&"3".parse().unwrap(), &"".parse().unwrap(), &"5".parse().unwrap(), 5)
        );
        assert!(with(&json!({"header": []}), |object| object.headers(&["header"])).is_empty());
        let many: Map<String, Value> = (0..40_000).map(|n| (format!("x-{n}"), "1".into())).collect();
        assert!(with(&json!({"header": many}), |object| object.headers(&["header"])).len() > 20_000);
    }

    #[test]
    fn bodies_are_text_or_base64_in_any_spelling() {
        let body = |object: Value| with(&object, |object| object.body("body", "bodyBase64"));
        assert_eq!(body(json!({"body": "text"})).unwrap(), "text");
        assert_eq!(body(json!({"body": "", "bodyBase64": "/wD+"})).unwrap().as_ref(), b"\xff\x00\xfe");
        assert_eq!(body(json!({"bodyBase64": "_wD-"})).unwrap().as_ref(), b"\xff\x00\xfe");
        assert_eq!(body(json!({"bodyBase64": "YQ"})).unwrap(), "a");
        assert_eq!(body(json!({"bodyBase64": "YQ=="})).unwrap(), "a");
        assert_eq!(body(json!({"bodyBase64": "REDACTED:0a"})).unwrap(), "REDACTED:0a");
        assert_eq!(body(json!({})), None);
    }

    #[test]
    fn labels_and_flags() {
        let labels = |object: Value| with(&object, |object| object.labels());
        assert_eq!(labels(json!({"label": "a", "labels": ["a", "b"]})), ["a", "b"]);
        assert_eq!(labels(json!({"label": "a"})), ["a"]);
        assert!(labels(json!({"labels": null})).is_empty());
        let flag = |value: Value| with(&json!({"f": value}), |object| object.flag("f"));
        assert!(flag(json!(true)) && flag(json!("true")) && flag(json!(1)));
        assert!(!flag(json!(false)) && !flag(json!(0)) && !flag(json!(null)));
    }
}
