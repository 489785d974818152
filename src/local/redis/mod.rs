//! Upstash Redis: the REST protocol over HTTP on one side ([`rest`]), RESP2 to a real Redis on the other.

mod access;
mod address;
mod availability;
mod command;
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
mod supervisor;
#[cfg(unix)]
mod watchdog;

pub(super) use self::{
    address::RedisAddress,
    connection::Connection,
    execute::Executor,
    limits::Limits,
    pool::Pool,
    process::RedisProcess,
    rest::{Rest, RestConfig, Tokens},
    supervisor::Supervisor,
};

#[cfg(fuzzing)]
pub(crate) use self::rest::fuzzing;
