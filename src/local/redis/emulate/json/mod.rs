//! `JSON.*` for a Redis without the JSON commands.
//!
//! A document is JSON text in a hash, under a field whose name begins with a NUL byte, so that `DEL`, `EXPIRE`,
//! `RENAME` and `COPY` do what they do to any key, and commands for strings are refused. Each command is one script,
//! which reads the text, works on it and writes it again: nothing is lost of it, neither the order of members nor a
//! digit of a number.
//!
//! Checks that need no document run first: the number of arguments, whether values are JSON, and the meaning of a path.
//! Regular expressions in filters (`=~`) are refused, because Lua has none.

mod arguments;
mod filter;
mod parser;
mod path;

pub(super) use self::arguments::{rewrite, type_of};
