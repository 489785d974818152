//! The tower layer. A request passes these files in this order, each once:
//!
//! 1. [`service`]: reads the cookies ([`presented`](super::presented)) and puts a [`Session`](super::Session) into the request.
//! 2. The handler uses the session: [`lookup`](super::lookup) loads it, [`changes`](super::changes) collects.
//! 3. [`future`]: closes the session, commits ([`commit`](super::commit)), and writes the cookie and the fields for caches.

mod future;
#[allow(clippy::module_inception, reason = "the file of the layer's type, as in every room")]
mod layer;
mod scheme;
mod service;

pub use self::{future::ResponseFuture, layer::SessionLayer, service::SessionService};
