//! Workflows as routes, against the local QStash.

mod bad_input;
mod dead_letters;
#[path = "../shared/log.rs"]
mod log;
mod logs;
mod model;
#[path = "../shared/random.rs"]
mod random;
mod running;
mod serving;
mod support;
