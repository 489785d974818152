//! Expressions against trees, whose values are worked out by recursion.

use std::time::Duration;

use proptest::prelude::*;

use super::{Expression, parser::MAX_LENGTH};

/// An expression as a tree.
#[derive(Debug, Clone)]
enum Tree {
    Number(u16),
    Retried,
    Negative(Box<Tree>),
    Binary(char, Box<Tree>, Box<Tree>),
    Call(&'static str, Vec<Tree>),
}

/// The place of an expression in another one: the operators that need no parentheses there.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Place {
    Sum,
    Product,
    Value,
}

impl Tree {
    /// The expression with no more parentheses than it needs.
    fn text(&self, place: Place, space: &str) -> String {
        let (own, text) = match self {
            Self::Number(number) => (Place::Value, number.to_string()),
            Self::Retried => (Place::Value, "retried".into()),
            Self::Negative(tree) => (Place::Value, format!("-{space}{}", tree.text(Place::Value, space))),
            Self::Binary(sign, a, b) => {
                let (own, right) =
                    if "+-".contains(*sign) { (Place::Sum, Place::Product) } else { (Place::Product, Place::Value) };
                (own, format!("{}{space}{sign}{space}{}", a.text(own, space), b.text(right, space)))
            }
            Self::Call(name, arguments) => {
                let arguments: Vec<_> = arguments.iter().map(|tree| tree.text(Place::Sum, space)).collect();
                (Place::Value, format!("{name}{space}({})", arguments.join(&format!(",{space}"))))
            }
        };
        if own < place { format!("({space}{text}{space})") } else { text }
    }

    fn value(&self, retried: u32) -> f64 {
        match self {
            Self::Number(number) => f64::from(*number),
            Self::Retried => f64::from(retried),
            Self::Negative(tree) => -tree.value(retried),
            Self::Binary(sign, a, b) => {
                let (a, b) = (a.value(retried), b.value(retried));
                match sign {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    _ => a / b,
                }
            }
            Self::Call(name, arguments) => {
                let values: Vec<_> = arguments.iter().map(|tree| tree.value(retried)).collect();
                match (*name, values.as_slice()) {
                    ("pow", [base, exponent]) => base.powf(*exponent),
                    ("exp", [value]) => value.exp(),
                    ("sqrt", [value]) => value.sqrt(),
                    ("abs", [value]) => value.abs(),
                    ("floor", [value]) => value.floor(),
                    ("ceil", [value]) => value.ceil(),
                    ("round", [value]) => value.round(),
                    ("min", values) => values.iter().copied().fold(f64::NAN, f64::min),
                    ("max", values) => values.iter().copied().fold(f64::NAN, f64::max),
                    _ => unreachable!("{name} of {} values", values.len()),
                }
            }
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf =
        prop_oneof![any::<u16>().prop_map(Tree::Number), (0..10_u16).prop_map(Tree::Number), Just(Tree::Retried)];
    leaf.prop_recursive(5, 32, 4, |inner| {
        let call = |names: &[&'static str], count| {
            (prop::sample::select(names.to_vec()), prop::collection::vec(inner.clone(), count))
                .prop_map(|(name, arguments)| Tree::Call(name, arguments))
        };
        prop_oneof![
            1 => call(&["exp", "sqrt", "abs", "floor", "ceil", "round"], 1..2),
            1 => call(&["pow", "min", "max"], 2..3),
            1 => call(&["min", "max"], 2..5),
            1 => inner.clone().prop_map(|tree| Tree::Negative(Box::new(tree))),
            4 => (prop::sample::select(vec!['+', '-', '*', '/']), inner.clone(), inner.clone())
                .prop_map(|(sign, a, b)| Tree::Binary(sign, Box::new(a), Box::new(b))),
        ]
    })
}

proptest! {
    #[test]
    fn has_the_value_of_its_tree(tree in tree(), retried in 0..10_u32, space in "|[ \t]") {
        let text = tree.text(Place::Sum, &space);
        prop_assume!(text.len() <= MAX_LENGTH);
        let expression = Expression::parse(&text).unwrap();
        let value = tree.value(retried);
        let expected = if value > 0.0 { value.min(86_400_000.0) } else { 0.0 };
        let delay = expression.delay(retried).as_secs_f64() * 1_000.0;
        prop_assert!((delay - expected).abs() <= 1e-6 * expected.max(1.0), "{text}: {delay}, not {expected}");
        prop_assert_eq!(expression.text(), text);
    }

    #[test]
    fn any_text_is_read_or_refused(
        text in ".*|[0-9a-z+*/(), .-]{0,80}|(-|[(]|exp[(]|1|[+]|retried|[)]|,|min[(]|é){0,400}",
        retried in any::<u32>(),
    ) {
        match Expression::parse(&text) {
            Ok(expression) => prop_assert!(expression.delay(retried) <= Duration::from_secs(86_400)),
            Err(error) => prop_assert!(error.at <= text.len(), "{error} of {text}"),
        }
    }
}
