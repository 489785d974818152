//! The tower layer. A delivery passes these files in this order, each once:
//!
//! 1. [`service`]: checks the token ([`verification`](super::verification)), before the body is read.
//! 2. [`future`]: reads the body, checks it, and asks the guards ([`admission`]).
//! 3. The handler, which gets the same bytes.
//! 4. [`future`]: marks the message as done, or releases it.

mod admission;
mod future;
#[allow(clippy::module_inception, reason = "the file of the layer's type, as in every room")]
mod layer;
mod service;

pub use self::{future::ResponseFuture, layer::QStashLayer, service::QStashService};
