use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum_core::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::timeout;

use super::{
    agent::Agent,
    api::{self, Answer, ApiRequest, HookCall},
    faults::LocalQStashFaults,
    refusal::Refusal,
    users::USERS,
};
use crate::local::{
    chance::CallFault,
    http::{BodyFault, Gate, Handler, read_body, refused},
    secret::Secret,
};

/// The path of webhooks.
const HOOKS: &str = "/v2/workflows/hooks/";

/// Room for a batch of messages beside the largest one.
const SLACK: usize = 1024 * 1024;

/// Answers the requests of QStash clients.
pub(super) struct Service {
    pub(super) agents: Vec<(Secret, Arc<Agent>)>,
    pub(super) gate: Gate,
    pub(super) faults: LocalQStashFaults,
    pub(super) max_message_bytes: usize,
    pub(super) read_timeout: Duration,
    /// The server is for this machine only, under the names of this machine.
    pub(super) is_loopback: bool,
    pub(super) answered: AtomicU64,
}

impl Service {
    async fn answer(&self, request: Request<Body>, number: u64) -> Result<Answer, Refusal> {
        let (head, body) = request.into_parts();
        if let Some(text) = refused(&head.headers, &head.uri, self.is_loopback) {
            return Err(forbidden(text));
        }
        if let Some(path) = head.uri.path().strip_prefix(HOOKS) {
            let path = path.to_owned();
            return self.hook(&path, head, body).await;
        }
        let agent = self.agent(&api::token(&head.headers, &head.uri).unwrap_or_default());
        let agent = agent.ok_or(Refusal { status: 401, text: "invalid or missing token".into() })?;
        let late = |_| Refusal { status: 408, text: "the request was not complete in time".into() };
        let body = timeout(self.read_timeout, self.read(body)).await.map_err(late)??;
        let peer = head.extensions.get::<SocketAddr>().map(|peer| peer.ip().to_canonical());
        let request = ApiRequest::new(head.method, &head.uri, head.headers, body, peer)
            .ok_or_else(|| Refusal::not_found("there is no such endpoint"))?;
        let fault = self.faults.of_call(number);
        if fault == Some(CallFault::Refused) {
            return Err(Refusal { status: 500, text: "a fault was asked for: nothing was done".into() });
        }
        let answer = agent.with(|account, now_ms| api::answer(account, now_ms, request));
        match fault {
            Some(CallFault::LostAnswer) => Err(Refusal { status: 500, text: "a fault was asked for".into() }),
            _ => Ok(answer),
        }
    }

    /// Takes a call of a webhook, which needs no token.
    async fn hook(&self, path: &str, head: http::request::Parts, body: Body) -> Result<Answer, Refusal> {
        let [user, run, event] = path.split('/').collect::<Vec<_>>()[..] else { return Err(Refusal::no_endpoint()) };
        let user = USERS.iter().position(|known| known.id == user).ok_or_else(Refusal::no_endpoint)?;
        let late = |_| Refusal { status: 408, text: "the request was not complete in time".into() };
        let body = timeout(self.read_timeout, self.read(body)).await.map_err(late)??;
        let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let call = HookCall { method: head.method, target, fields: head.headers, body };
        Ok(self.agents[user].1.with(|account, now_ms| api::hook(account, now_ms, &call, run, event)))
    }

    /// The account of a token. All are compared, so that the time does not tell which one it is.
    fn agent(&self, token: &str) -> Option<&Arc<Agent>> {
        let mut found = None;
        for (secret, agent) in &self.agents {
            if secret.matches(token.as_bytes()) {
                found = Some(agent);
            }
        }
        found
    }

    async fn read(&self, body: Body) -> Result<Bytes, Refusal> {
        let limit = self.max_message_bytes.saturating_add(SLACK);
        read_body(body, limit).await.map_err(|fault| match fault {
            BodyFault::Broken => Refusal::invalid("the request broke off"),
            BodyFault::TooLarge(_) => {
                let limit = self.max_message_bytes;
                Refusal { status: 413, text: format!("quota maxMessageSize exceeded, current limit: {limit}").into() }
            }
        })
    }
}

impl Handler for Service {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        let stopped = || Err(Refusal { status: 503, text: "this server is shutting down".into() });
        let answer = self.gate.pass(self.answer(request, number)).await.unwrap_or_else(stopped);
        answer.unwrap_or_else(|refusal| Answer::refused(&refusal)).into_response()
    }
}

fn forbidden(text: &'static str) -> Refusal {
    Refusal { status: 403, text: text.into() }
}
