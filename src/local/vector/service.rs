use std::sync::Arc;

use axum_core::{body::Body, response::IntoResponse};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use tokio::time::sleep;

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
    http::{Front, Handler, bearer},
};

/// The bytes of a request for an index to be made.
const MANAGEMENT_BYTES: usize = 64 * 1024;

/// Answers the requests of Vector clients.
pub(super) struct Service {
    pub(super) indexes: Indexes,
    pub(super) url: String,
    pub(super) front: Front,
    pub(super) faults: LocalVectorFaults,
}

impl Service {
    async fn answer(&self, request: Request<Body>, number: u64) -> Result<Reply, Refusal> {
        let (head, body) = request.into_parts();
        self.front.check(&head)?;
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
        let (namespace, limits) = (route.namespace.clone(), self.indexes.shared.limits);
        let is_long = body.len() > LONG;
        let read = move || api::Request::read(&route, head.uri.query(), &body, &limits);
        let call = async {
            let request = if is_long { in_background(read).await? } else { read() };
            index.call(namespace, request?).await
        };
        CallFault::around(self.faults.of_call(number), call).await
    }

    /// The index of a path, if the token is one for it. Without a token there is nothing to find out.
    fn index(&self, route: &Route, headers: &HeaderMap) -> Result<Arc<Index>, Refusal> {
        let unauthorized = || Refusal::new(401, "Unauthorized: Invalid auth token");
        let given = bearer(headers).ok_or_else(unauthorized)?.as_bytes();
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
        self.front.read(body, limit, || format!("Exceeded max request size: {limit} bytes")).await
    }
}

impl Handler for Service {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let answer = self.front.pass(self.answer(request, self.front.count())).await;
        answer.unwrap_or_else(|refusal| Reply::refused(&refusal)).into_response()
    }
}
