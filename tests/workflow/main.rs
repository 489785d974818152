//! Workflows as routes, against the local QStash.

mod running;
mod support;
