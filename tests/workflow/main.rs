//! Workflows as routes, against the local QStash.

mod bad_input;
mod dead_letters;
mod logs;
mod model;
#[path = "../shared/random.rs"]
mod random;
mod running;
mod serving;
mod support;
