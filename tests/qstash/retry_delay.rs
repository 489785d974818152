//! The expression of a retry delay gives the delays that are shown.

use axum_upstash::{ErrorKind, qstash::RetryDelay};
use proptest::prelude::*;
use std::time::Duration;

/// Evaluates what QStash evaluates: numbers, `retried`, operators, parentheses and calls.
struct Evaluator<'a> {
    rest: &'a str,
    retried: f64,
}

fn evaluate(expression: &str, retried: u32) -> f64 {
    let mut evaluator = Evaluator { rest: expression, retried: f64::from(retried) };
    let value = evaluator.sum();
    assert_eq!(evaluator.rest.trim(), "", "in {expression}");
    value
}

impl Evaluator<'_> {
    fn take(&mut self, symbol: char) -> bool {
        let rest = self.rest.trim_start();
        let taken = rest.strip_prefix(symbol);
        self.rest = taken.unwrap_or(rest);
        taken.is_some()
    }

    fn sum(&mut self) -> f64 {
        let mut value = self.product();
        loop {
            if self.take('+') {
                value += self.product();
            } else if self.take('-') {
                value -= self.product();
            } else {
                return value;
            }
        }
    }

    fn product(&mut self) -> f64 {
        let mut value = self.atom();
        loop {
            if self.take('*') {
                value *= self.atom();
            } else if self.take('/') {
                value /= self.atom();
            } else {
                return value;
            }
        }
    }

    fn atom(&mut self) -> f64 {
        if self.take('(') {
            let value = self.sum();
            assert!(self.take(')'));
            return value;
        }
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
        let word = &rest[..end];
        self.rest = &rest[end..];
        match word {
            "retried" => self.retried,
            "pow" | "min" | "max" => {
                assert!(self.take('('));
                let first = self.sum();
                assert!(self.take(','));
                let second = self.sum();
                assert!(self.take(')'));
                match word {
                    "pow" => first.powf(second),
                    "min" => first.min(second),
                    _ => first.max(second),
                }
            }
            number => number.parse().unwrap_or_else(|_| panic!("{number:?} is no number")),
        }
    }
}

#[test]
fn the_evaluator_knows_precedence() {
    for (expression, value) in [
        ("1000", 1000.0),
        ("1000 * (1 + retried)", 4000.0),
        ("pow(2, retried) * 1000", 8000.0),
        ("max(1000, pow(2, retried) * 100)", 1000.0),
        ("1 + 2 * 3 - 8 / 4", 5.0),
        ("min(5, 2 * retried)", 5.0),
    ] {
        assert_eq!(evaluate(expression, 3), value, "{expression}");
    }
}

fn delays() -> impl Strategy<Value = RetryDelay> {
    let wait = || (0u64..200_000_000_000).prop_map(Duration::from_micros);
    let shapes = prop_oneof![
        wait().prop_map(RetryDelay::fixed),
        (wait(), wait()).prop_map(|(first, step)| RetryDelay::linear(first, step)),
        (wait(), 0u32..20).prop_map(|(first, factor)| RetryDelay::exponential(first, factor)),
    ];
    (shapes, proptest::option::of(wait())).prop_map(|(delay, max)| match max {
        Some(max) => delay.with_max(max),
        None => delay,
    })
}

proptest! {
    #[test]
    fn what_is_shown_is_what_the_expression_gives(delay in delays()) {
        let expression = delay.expression();
        let shown: Vec<Duration> = delay.delays(20).collect();
        prop_assert_eq!(shown.len(), 20);
        for (retried, shown) in shown.into_iter().enumerate() {
            let ms = evaluate(&expression, u32::try_from(retried).unwrap());
            let given = Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX);
            let difference = shown.abs_diff(given);
            prop_assert!(difference <= Duration::from_micros(1), "{} at {}: {:?} and {:?}", expression, retried, shown, given);
        }
        // It is an expression that one can give as well.
        prop_assert!(RetryDelay::try_expression(expression).is_ok());
    }
}

#[test]
fn waits_are_not_shorter_than_asked_for() {
    assert_eq!(RetryDelay::fixed(Duration::from_micros(1001)).expression(), "2");
    assert_eq!(RetryDelay::linear(Duration::from_secs(1), Duration::ZERO).expression(), "1000 + 0 * retried");
    let unbounded = RetryDelay::exponential(Duration::MAX, u32::MAX);
    assert_eq!(unbounded.delays(100).last(), Some(Duration::MAX));
    assert_eq!(unbounded.with_max(Duration::from_secs(5)).delays(100).last(), Some(Duration::from_secs(5)));
}

#[test]
fn an_expression_of_one_s_own_is_checked_as_far_as_it_goes() {
    let own = RetryDelay::try_expression("1000 * sqrt(1 + retried)").unwrap();
    assert_eq!(own.expression(), "1000 * sqrt(1 + retried)");
    assert_eq!(own.delays(3).count(), 0);
    assert_eq!(own.with_max(Duration::from_secs(3)).expression(), "min(3000, 1000 * sqrt(1 + retried))");
    for wrong in ["", " ", "(", ")", ")(", "1000; secret", "1000\n", "\u{fc}", "pow(2, retried"] {
        let error = RetryDelay::try_expression(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!error.to_string().contains("secret"));
    }
}
