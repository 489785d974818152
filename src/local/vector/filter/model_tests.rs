//! Filters that are made at random beside a slow reading of their meaning.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::parse;

/// A condition as the model has it, on the fields `a`, `b.c` and `l`.
#[derive(Debug, Clone)]
enum Model {
    Compare(&'static str, &'static str, Value),
    In(&'static str, bool, Vec<Value>),
    Contains(&'static str, bool, Value),
    Has(&'static str, bool),
    And(Box<Model>, Box<Model>),
    Or(Box<Model>, Box<Model>),
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'")),
        other => other.to_string(),
    }
}

impl Model {
    fn text(&self) -> String {
        let not = |negated: &bool| if *negated { "NOT " } else { "" };
        match self {
            Self::Compare(field, operator, value) => format!("{field} {operator} {}", literal(value)),
            Self::In(field, negated, values) => {
                let values: Vec<String> = values.iter().map(literal).collect();
                format!("{field} {}IN ({})", not(negated), values.join(", "))
            }
            Self::Contains(field, negated, value) => format!("{field} {}CONTAINS {}", not(negated), literal(value)),
            Self::Has(field, negated) => format!("HAS {}FIELD {field}", not(negated)),
            Self::And(a, b) => format!("({}) AND ({})", a.text(), b.text()),
            Self::Or(a, b) => format!("({} OR {})", a.text(), b.text()),
        }
    }

    fn holds(&self, metadata: &Value) -> bool {
        let find = |field: &str| metadata.pointer(&format!("/{}", field.replace('.', "/")));
        let is = |a: &Value, b: &Value| match (a, b) {
            (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
            (Value::Bool(a), Value::Number(b)) => Some(f64::from(u8::from(*a))) == b.as_f64(),
            _ => a == b,
        };
        match self {
            Self::Compare(field, operator, value) => find(field).is_some_and(|found| match *operator {
                "=" => is(found, value),
                "!=" => !is(found, value),
                _ => match (found.as_f64(), value.as_f64(), *operator) {
                    (Some(a), Some(b), "<") => a < b,
                    (Some(a), Some(b), ">=") => a >= b,
                    _ => false,
                },
            }),
            Self::In(field, negated, values) => {
                find(field).is_some_and(|found| values.iter().any(|value| is(found, value)) != *negated)
            }
            Self::Contains(field, negated, value) => find(field).is_some_and(|found| {
                found.as_array().is_some_and(|list| list.iter().any(|found| is(found, value))) != *negated
            }),
            Self::Has(field, negated) => find(field).is_some() != *negated,
            Self::And(a, b) => a.holds(metadata) && b.holds(metadata),
            Self::Or(a, b) => a.holds(metadata) || b.holds(metadata),
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3..3_i32).prop_map(Value::from),
        Just(json!(0.5)),
        any::<bool>().prop_map(Value::from),
        prop_oneof![Just("x"), Just("it's"), Just("a\\"), Just("\"\\'\"")].prop_map(Value::from),
    ]
}

fn models() -> impl Strategy<Value = Model> {
    let field = || prop_oneof![Just("a"), Just("b.c"), Just("l")];
    let leaf = prop_oneof![
        (field(), prop_oneof![Just("="), Just("!=")], values()).prop_map(|(f, o, v)| Model::Compare(f, o, v)),
        (field(), prop_oneof![Just("<"), Just(">=")], (-3..3_i32).prop_map(Value::from))
            .prop_map(|(f, o, v)| Model::Compare(f, o, v)),
        (field(), any::<bool>(), proptest::collection::vec(values(), 1..4)).prop_map(|(f, n, v)| Model::In(f, n, v)),
        (field(), any::<bool>(), values()).prop_map(|(f, n, v)| Model::Contains(f, n, v)),
        (field(), any::<bool>()).prop_map(|(f, n)| Model::Has(f, n)),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let pair = (inner.clone(), inner);
        prop_oneof![
            pair.clone().prop_map(|(a, b)| Model::And(Box::new(a), Box::new(b))),
            pair.prop_map(|(a, b)| Model::Or(Box::new(a), Box::new(b))),
        ]
    })
}

fn documents() -> impl Strategy<Value = Value> {
    let some = || proptest::option::of(values());
    (some(), some(), proptest::option::of(proptest::collection::vec(values(), 0..3))).prop_map(|(a, c, list)| {
        let mut metadata = json!({});
        if let Some(a) = a {
            metadata["a"] = a;
        }
        if let Some(c) = c {
            metadata["b"] = json!({"c": c});
        }
        if let Some(list) = list {
            metadata["l"] = list.into();
        }
        metadata
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_filter_holds_as_its_meaning_does(model in models(), metadata in documents()) {
        let filter = parse(&model.text(), 999).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(filter.holds(Some(&metadata)), model.holds(&metadata), "{}", model.text());
    }

    #[test]
    fn no_text_is_too_much(text in "[a-z0-9.#\\[\\]()'\"=<>!, \\\\ü-]{0,40}") {
        let _ = parse(&text, 999);
    }
}
