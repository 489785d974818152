//! Upstash Redis: the REST protocol over HTTP on one side ([`rest`]), RESP2 to a real Redis on the other.

mod access;
mod address;
mod availability;
mod command;
mod config;
mod connection;
mod emulate;
mod execute;
mod limits;
mod outage;
mod pool;
mod prepare;
mod process;
mod read_only;
mod resp;
mod rest;
mod script;
mod server;
mod supervisor;
#[cfg(unix)]
mod watchdog;

pub use self::{config::LocalRedisConfig, server::LocalRedis};

#[cfg(fuzzing)]
pub(crate) use self::rest::fuzzing;
