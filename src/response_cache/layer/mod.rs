//! The tower layer. A request passes these files in this order, each once:
//!
//! 1. [`service`]: makes a [`Lookup`](super::lookup) of the request.
//! 2. [`future`]: finds a stored response, or follows the request that fills it; otherwise calls the handler.
//! 3. The handler's response becomes a [`Fill`](super::fill): its [`body`] is collected, stored and shared.

mod body;
mod future;
#[allow(clippy::module_inception, reason = "the file of the layer's type, as in every room")]
mod layer;
mod service;

pub use self::{body::CacheBody, future::ResponseFuture, layer::ResponseCacheLayer, service::ResponseCacheService};
