//! Commands over TCP, in RESP2: to one server over a connection of our own, and to clusters by the `redis` crate.

mod builder;
mod cluster;
mod connect;
mod convert;
mod driver;
mod events;
mod frames;
mod link;
mod pool;
mod queue;
mod refused;
mod resp;
mod scanner;
mod server;
mod settings;
mod slot_move;
#[allow(clippy::module_inception, reason = "the type that the rest of the client knows")]
mod tcp;
mod tls;

pub use self::builder::RedisTcpBuilder;
pub(super) use self::{events::source, tcp::Tcp};
