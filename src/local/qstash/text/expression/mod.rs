//! The expression of `Upstash-Retry-Delay`: a wait in milliseconds from the number of retries.

mod lexer;
mod parser;
mod program;

pub(crate) use self::program::Expression;
