//! The local Upstash as a program.
fn main() {}
