//! A server of unit tests, behind the transport.

use crate::{
    client::{RestClient, RestConfig, Secret, Transport, TransportBody, TransportError},
    problems::Problems,
    redis::rest::{Rest, RestSettings},
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// Answers each command with its own number of arguments, as often as it is permitted.
#[derive(Clone)]
pub(super) struct Server {
    /// The number of commands of each request.
    pub(super) requests: Arc<Mutex<Vec<usize>>>,
    pub(super) permits: Arc<Semaphore>,
}

impl Server {
    pub(super) fn start(permits: usize) -> (Arc<Rest>, Self) {
        let server = Self { requests: Arc::default(), permits: Arc::new(Semaphore::new(permits)) };
        let config = RestConfig { transport: Some(Arc::new(server.clone())), ..RestConfig::default() };
        let (names, token) = (("URL", "TOKEN"), Secret::new("t"));
        let client =
            Problems::collect(|problems| RestClient::new(names, "http://a.test", &token, config, problems)).unwrap();
        (Arc::new(Rest::new(client, RestSettings::default())), server)
    }
}

impl Transport for Server {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        let one = |command: &serde_json::Value| serde_json::json!({"result": command.as_array().unwrap().len()});
        let answer = match request.uri().path() {
            "/pipeline" => body.as_array().unwrap().iter().map(one).collect(),
            _ => one(&body),
        };
        self.requests.lock().unwrap().push(answer.as_array().map_or(1, Vec::len));
        let permits = Arc::clone(&self.permits);
        Box::pin(async move {
            permits.acquire().await.unwrap().forget();
            let body = Full::from(answer.to_string()).map_err(|never| match never {}).boxed_unsync();
            Ok(http::Response::new(body))
        })
    }
}
