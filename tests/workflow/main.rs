//! Workflows as routes, against the local QStash.

mod model;
#[path = "../shared/random.rs"]
mod random;
mod running;
mod support;
