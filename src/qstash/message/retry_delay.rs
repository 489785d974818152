use crate::{Error, qstash::error::invalid};
use std::{fmt, time::Duration};

/// The waits between the retries of a message, as an expression that QStash evaluates (`Upstash-Retry-Delay`).
///
/// In the expression `retried` is the number of retries so far: 0 when the wait before the first retry is computed. Its
/// value is in milliseconds. The destination's `Retry-After` is obeyed instead, if it sends one.
///
/// ```
/// use axum_upstash::qstash::{Message, RetryDelay};
/// use std::time::Duration;
///
/// let delay = RetryDelay::exponential(Duration::from_secs(1), 2).with_max(Duration::from_secs(60));
/// assert_eq!(delay.expression(), "min(60000, 1000 * pow(2, retried))");
/// let waits: Vec<u64> = delay.delays(8).map(|wait| wait.as_secs()).collect();
/// assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
/// let message = Message::to_url("https://app.example.com/hook").retries(8).retry_delay(delay);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RetryDelay {
    shape: Shape,
    max_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Fixed { ms: u64 },
    Linear { first_ms: u64, step_ms: u64 },
    Exponential { first_ms: u64, factor: u32 },
    Expression(String),
}

impl RetryDelay {
    /// A fixed wait before every retry, in whole milliseconds, rounded up.
    pub fn fixed(wait: Duration) -> Self {
        Self::of(Shape::Fixed { ms: milliseconds(wait) })
    }

    /// Waits that grow by `step` from `first`, in whole milliseconds, rounded up.
    pub fn linear(first: Duration, step: Duration) -> Self {
        Self::of(Shape::Linear { first_ms: milliseconds(first), step_ms: milliseconds(step) })
    }

    /// Waits that begin with `first`, in whole milliseconds, rounded up, and are multiplied by `factor` each time.
    pub fn exponential(first: Duration, factor: u32) -> Self {
        Self::of(Shape::Exponential { first_ms: milliseconds(first), factor })
    }

    /// An expression as it is: numbers, `retried`, `+ - * /`, parentheses, and the functions `pow`, `exp`, `sqrt`, `abs`,
    /// `floor`, `ceil`, `round`, `min` and `max`.
    ///
    /// ```
    /// use axum_upstash::qstash::RetryDelay;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let delay = RetryDelay::try_expression("1000 * sqrt(1 + retried)")?;
    /// assert!(RetryDelay::try_expression("1000 * (1 + retried").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is empty, has other characters than those of such
    /// an expression, or parentheses that do not match. The service may still refuse it.
    pub fn try_expression(expression: impl Into<String>) -> Result<Self, Error> {
        let expression = expression.into();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b" .,+-*/%()_".contains(&byte);
        if expression.trim().is_empty() || !expression.bytes().all(allowed) {
            return Err(invalid("the expression of a retry delay is empty, or has characters that none has"));
        }
        let mut open = 0u32;
        for byte in expression.bytes() {
            let depth = match byte {
                b'(' => open.checked_add(1),
                b')' => open.checked_sub(1),
                _ => Some(open),
            };
            open = depth.ok_or_else(unbalanced)?;
        }
        if open > 0 {
            return Err(unbalanced());
        }
        Ok(Self::of(Shape::Expression(expression)))
    }

    /// Waits no longer than this, in whole milliseconds, rounded up.
    pub fn with_max(mut self, max: Duration) -> Self {
        self.max_ms = Some(milliseconds(max));
        self
    }

    /// The expression that is sent.
    #[must_use]
    pub fn expression(&self) -> String {
        match self.max_ms {
            Some(max) => format!("min({max}, {})", self.shape),
            None => self.shape.to_string(),
        }
    }

    /// The waits before the first `retries` retries. An expression of your own is evaluated by QStash alone, so it has
    /// none here.
    pub fn delays(&self, retries: u32) -> impl Iterator<Item = Duration> + use<> {
        let Self { shape, max_ms } = self.clone();
        (0..retries).map_while(move |retried| {
            let ms = shape.evaluate(retried)?;
            let ms = max_ms.map_or(ms, |max| ms.min(max as f64));
            // Beyond what a duration can hold it is the longest.
            Some(Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX))
        })
    }

    fn of(shape: Shape) -> Self {
        Self { shape, max_ms: None }
    }
}

impl Shape {
    fn evaluate(&self, retried: u32) -> Option<f64> {
        let retried = f64::from(retried);
        Some(match self {
            Self::Fixed { ms } => *ms as f64,
            Self::Linear { first_ms, step_ms } => *first_ms as f64 + *step_ms as f64 * retried,
            Self::Exponential { first_ms, factor } => *first_ms as f64 * f64::from(*factor).powf(retried),
            Self::Expression(_) => return None,
        })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed { ms } => write!(f, "{ms}"),
            Self::Linear { first_ms, step_ms } => write!(f, "{first_ms} + {step_ms} * retried"),
            Self::Exponential { first_ms, factor } => write!(f, "{first_ms} * pow({factor}, retried)"),
            Self::Expression(text) => f.write_str(text),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn unbalanced() -> Error {
    invalid("the parentheses of a retry delay do not match")
}
