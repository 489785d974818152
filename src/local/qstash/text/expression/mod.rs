//! The expression of `Upstash-Retry-Delay`: a wait in milliseconds from the number of retries.

mod lexer;
#[cfg(test)]
mod model_tests;
mod parser;
mod program;

pub(crate) use self::program::Expression;
