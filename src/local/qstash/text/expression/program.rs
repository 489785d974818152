use std::{fmt, time::Duration};

/// No retry waits longer.
const MAX_MS: f64 = 86_400_000.0;

/// An expression that has been read: its steps, for a stack.
#[derive(Clone)]
pub(crate) struct Expression {
    pub(super) text: Box<str>,
    pub(super) steps: Box<[Step]>,
}

/// A step. Those that take values take the last ones of the stack, and leave one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Number(f64),
    Retried,
    Negate,
    Add,
    Subtract,
    Multiply,
    Divide,
    One(fn(f64) -> f64),
    Two(fn(f64, f64) -> f64),
}

impl Expression {
    /// The expression as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The wait after so many retries: from nothing to a day.
    pub(crate) fn delay(&self, retried: u32) -> Duration {
        let mut stack = Vec::new();
        for step in &self.steps {
            let value = match *step {
                Step::Number(number) => number,
                Step::Retried => f64::from(retried),
                Step::Negate => -pop(&mut stack),
                Step::One(function) => function(pop(&mut stack)),
                Step::Add => two(&mut stack, |a, b| a + b),
                Step::Subtract => two(&mut stack, |a, b| a - b),
                Step::Multiply => two(&mut stack, |a, b| a * b),
                Step::Divide => two(&mut stack, |a, b| a / b),
                Step::Two(function) => two(&mut stack, function),
            };
            stack.push(value);
        }
        let milliseconds = pop(&mut stack);
        // Nor does NaN wait.
        if milliseconds > 0.0 { Duration::from_secs_f64(milliseconds.min(MAX_MS) / 1_000.0) } else { Duration::ZERO }
    }
}

/// The parser sees to it that there is one.
fn pop(stack: &mut Vec<f64>) -> f64 {
    stack.pop().unwrap_or(f64::NAN)
}

fn two(stack: &mut Vec<f64>, function: impl Fn(f64, f64) -> f64) -> f64 {
    let second = pop(stack);
    function(pop(stack), second)
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}
