//! HTTP servers on this machine: their connections, which requests of browsers they refuse, and how they end.

mod body;
mod browser;
mod gate;
mod listener;

pub(super) use self::{
    body::{BodyFault, read_body},
    browser::{foreign_page, refused, stays_http},
    gate::{Gate, Guest},
    listener::{Handler, serve, url_of},
};
