//! HTTP servers on this machine: their ports and connections, which requests of browsers they refuse, and how they end.

mod body;
mod browser;
mod credentials;
mod front;
mod gate;
mod listener;
mod port;

pub(super) use self::{
    body::{BodyFault, read_body},
    browser::{foreign_page, stays_http},
    credentials::{basic, bearer},
    front::Front,
    gate::{Gate, Guest},
    listener::Handler,
    port::{Port, Running},
};
