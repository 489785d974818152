use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum_core::{body::Body, response::IntoResponse};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header::AUTHORIZATION};
use tokio::time::{sleep, timeout};

use super::{
    api::{self, Reply, Route},
    embed::{LONG, in_background},
    faults::LocalVectorFaults,
    index::Index,
    indexes::Indexes,
    management,
    refusal::Refusal,
};
use crate::local::{
    chance::CallFault,
    http::{BodyFault, Gate, Handler, read_body, refused},
};

/// The bytes of a request for an index to be made.
const MANAGEMENT_BYTES: usize = 64 * 1024;

/// Answers the requests of Vector clients.
pub(super) struct Service {
    pub(super) indexes: Indexes,
    pub(super) url: String,
    pub(super) gate: Gate,
    pub(super) faults: LocalVectorFaults,
    pub(super) read_timeout: Duration,
    /// The server is for this machine only, under the names of this machine.
    pub(super) is_loopback: bool,
    pub(super) answered: AtomicU64,
}

impl Service {
    async fn answer(&self, request: Request<Body>, number: u64) -> Result<Reply, Refusal> {
        let (head, body) = request.into_parts();
        if let Some(text) = refused(&head.headers, &head.uri, self.is_loopback) {
            return Err(Refusal::forbidden(text));
        }
        if management::is_path(head.uri.path()) {
            management::authorize(&self.indexes, &head.headers)?;
            let body = self.read(body, MANAGEMENT_BYTES).await?;
            let call = management::Call { method: &head.method, path: head.uri.path(), body: &body };
            return management::answer(&self.indexes, &self.url, &call);
        }
        let route = Route::of(head.uri.path())?;
        let index = self.index(&route, &head.headers)?;
        if !matches!(head.method, Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE) {
            return Err(Refusal::new(405, "the method is not allowed"));
        }
        let body = self.read(body, self.indexes.shared.limits.request_bytes).await?;
        sleep(self.faults.delay()).await;
        let fault = self.faults.of_call(number);
        if fault == Some(CallFault::Refused) {
            return Err(Refusal::new(500, "a fault was asked for: nothing was done"));
        }
        let (namespace, limits) = (route.namespace.clone(), self.indexes.shared.limits);
        let is_long = body.len() > LONG;
        let read = move || api::Request::read(&route, head.uri.query(), &body, &limits);
        let request = if is_long { in_background(read).await? } else { read() };
        let reply = index.call(namespace, request?).await;
        match fault {
            Some(CallFault::LostAnswer) => Err(Refusal::new(500, "a fault was asked for")),
            _ => reply,
        }
    }

    /// The index of a path, if the token is one for it. Without a token there is nothing to find out.
    fn index(&self, route: &Route, headers: &HeaderMap) -> Result<Arc<Index>, Refusal> {
        let unauthorized = || Refusal::new(401, "Unauthorized: Invalid auth token");
        let given = bearer(headers).ok_or_else(unauthorized)?;
        let index = self.indexes.get(route.index.as_deref().unwrap_or_default());
        let Some(index) = index else {
            // The server's token shows which indexes there are.
            let refusal = || Refusal::not_found("there is no such index or endpoint");
            return Err(if self.indexes.token.matches(given) { refusal() } else { unauthorized() });
        };
        let token = index.settings.token.as_ref().unwrap_or(&self.indexes.token);
        let read_only = index.settings.read_only_token.as_ref().or(self.indexes.read_only_token.as_ref());
        let read_only = read_only.is_some_and(|token| token.matches(given));
        match (token.matches(given), read_only) {
            (true, _) => Ok(index),
            (_, true) if !route.operation.is_write() => Ok(index),
            (_, true) => Err(Refusal::forbidden("Forbidden: the token is for reads alone")),
            _ => Err(unauthorized()),
        }
    }

    async fn read(&self, body: Body, limit: usize) -> Result<Bytes, Refusal> {
        let late = |_| Refusal::new(408, "the request was not complete in time");
        timeout(self.read_timeout, read_body(body, limit)).await.map_err(late)?.map_err(|fault| match fault {
            BodyFault::Broken => Refusal::malformed("the request broke off"),
            BodyFault::TooLarge(_) => Refusal::new(413, format!("Exceeded max request size: {limit} bytes")),
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().as_bytes())
}

impl Handler for Service {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        let stopped = || Err(Refusal::new(503, "this server is shutting down"));
        let answer = self.gate.pass(self.answer(request, number)).await.unwrap_or_else(stopped);
        answer.unwrap_or_else(|refusal| Reply::refused(&refusal)).into_response()
    }
}
