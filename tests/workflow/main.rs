//! Workflows as routes, against the local QStash.

mod dead_letters;
mod logs;
mod model;
#[path = "../shared/random.rs"]
mod random;
mod running;
mod support;
