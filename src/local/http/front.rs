use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum_core::body::Body;
use bytes::Bytes;
use http::request::Parts;
use tokio::time::timeout;

use super::{
    body::{BodyFault, read_body},
    browser::refused,
    gate::{Gate, Guest},
};
use crate::local::refusal::Refusal;

/// The way in of an API: it counts requests, keeps those of web pages out, and lets none in once the server stops.
#[derive(Debug)]
pub(in crate::local) struct Front {
    pub(super) gate: Gate,
    read_timeout: Duration,
    /// The server is for this machine only, under the names of this machine.
    is_loopback: bool,
    begun: AtomicU64,
}

impl Front {
    /// The way in, with the time in which a request has to be complete.
    pub(in crate::local) fn new(is_loopback: bool, read_timeout: Duration) -> Self {
        Self { gate: Gate::new(), read_timeout, is_loopback, begun: AtomicU64::new(0) }
    }

    pub(super) fn read_timeout(&self) -> Duration {
        self.read_timeout
    }

    /// Counts a request, and gives the number of those before it.
    pub(in crate::local) fn count(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of requests so far.
    pub(in crate::local) fn requests(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Runs the work of a request, unless the server stops.
    pub(in crate::local) async fn pass<T>(&self, work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        let stopped = || Err(Refusal::new(503, "this server is shutting down"));
        self.gate.pass(work).await.unwrap_or_else(stopped)
    }

    /// Refuses a request that a web page may have sent.
    pub(in crate::local) fn check(&self, head: &Parts) -> Result<(), Refusal> {
        refused(&head.headers, &head.uri, self.is_loopback).map_or(Ok(()), |text| Err(Refusal::forbidden(text)))
    }

    /// Reads a body of at most `limit` bytes, in the time that a request has.
    pub(in crate::local) async fn read(
        &self,
        body: Body,
        limit: usize,
        too_large: impl FnOnce() -> String,
    ) -> Result<Bytes, Refusal> {
        let late = |_| Refusal::new(408, "the request was not complete in time");
        timeout(self.read_timeout, read_body(body, limit)).await.map_err(late)?.map_err(|fault| match fault {
            BodyFault::Broken => Refusal::invalid("the request broke off"),
            BodyFault::TooLarge(_) => Refusal::new(413, too_large()),
        })
    }

    /// Lets a request wait, until it is told to leave.
    pub(in crate::local) fn guest(&self) -> Guest {
        self.gate.guest()
    }

    /// Lets nothing in any more, and breaks off requests.
    pub(in crate::local) fn close(&self) {
        self.gate.close();
    }

    /// The same, and waits until no request is left.
    pub(in crate::local) async fn emptied(&self) {
        self.gate.close();
        self.gate.emptied().await;
    }
}
