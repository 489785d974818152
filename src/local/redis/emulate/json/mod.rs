//! `JSON.*` where the Redis behind has no JSON of its own.
//!
//! A document is JSON text in a hash, under a field whose name begins with a NUL byte, so that `DEL`, `EXPIRE`,
//! `RENAME` and `COPY` do what they do to any key, and commands for strings are refused. Each command is one script,
//! which reads the text, works on it and writes it again: nothing is lost of it, neither the order of members nor a
//! digit of a number.
//!
//! What is checked without the document is checked before: how many arguments there are, whether values are JSON, and
//! what a path means. Regular expressions in filters (`=~`) are refused, since Lua has none.

mod arguments;
mod filter;
mod parser;
mod path;

pub(super) use self::arguments::{rewrite, type_of};
