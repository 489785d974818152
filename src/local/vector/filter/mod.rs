//! The language of metadata filters ([Metadata filtering](https://upstash.com/docs/vector/features/filtering)).
//!
//! ```text
//! filter  := or
//! or      := and ( OR and )*
//! and     := prim ( AND prim )*
//! prim    := '(' or ')' | cond
//! cond    := field ('=' | '!=') literal
//!          | field ('<' | '<=' | '>' | '>=') number
//!          | field [NOT] GLOB string
//!          | field [NOT] IN '(' literal (',' literal)* ')'
//!          | field [NOT] CONTAINS literal
//!          | HAS [NOT] FIELD field
//! ```
//!
//! A condition on a field that is missing does not hold, whatever the operator, other than `HAS NOT FIELD`.

mod error;
mod glob;
mod lexer;
#[cfg(test)]
mod model_tests;
mod parser;
mod path;
mod program;

pub(super) use self::{parser::parse, program::Filter};
