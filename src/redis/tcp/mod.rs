//! Commands over TCP, in RESP.

mod builder;
mod connection;
mod convert;
mod events;
mod refused;

pub use self::builder::RedisTcpBuilder;
pub(super) use self::{connection::Tcp, events::source};
