use std::{net::SocketAddr, sync::Arc};

use axum_core::body::Body;
use bytes::Bytes;
use http::{Request, Response};

use super::{
    agent::Agent,
    api::{self, Answer, ApiRequest, HookCall},
    faults::LocalQStashFaults,
    refusal::Refusal,
    users::USERS,
};
use crate::local::{
    chance::CallFault,
    http::{Front, Handler},
    secret::Secret,
};

/// The path of webhooks.
const HOOKS: &str = "/v2/workflows/hooks/";

/// Room for a batch of messages beside the largest one.
const SLACK: usize = 1024 * 1024;

/// Answers the requests of QStash clients.
pub(super) struct Service {
    pub(super) agents: Vec<(Secret, Arc<Agent>)>,
    pub(super) front: Front,
    pub(super) faults: LocalQStashFaults,
    pub(super) max_message_bytes: usize,
}

impl Service {
    async fn answer(&self, request: Request<Body>, number: u64) -> Result<Answer, Refusal> {
        let (head, body) = request.into_parts();
        self.front.check(&head)?;
        if let Some(path) = head.uri.path().strip_prefix(HOOKS) {
            let path = path.to_owned();
            return self.hook(&path, head, body).await;
        }
        let agent = self.agent(&api::token(&head.headers, &head.uri).unwrap_or_default());
        let agent = agent.ok_or_else(|| Refusal::new(401, "invalid or missing token"))?;
        let body = self.read(body).await?;
        let peer = head.extensions.get::<SocketAddr>().map(|peer| peer.ip().to_canonical());
        let request = ApiRequest::new(head.method, &head.uri, head.headers, body, peer);
        let request = request.ok_or_else(Refusal::no_endpoint)?;
        let call = async { Ok(agent.with(|account, now_ms| api::answer(account, now_ms, request))) };
        CallFault::around(self.faults.of_call(number), call).await
    }

    /// Takes a call of a webhook, which needs no token.
    async fn hook(&self, path: &str, head: http::request::Parts, body: Body) -> Result<Answer, Refusal> {
        let [user, run, event] = path.split('/').collect::<Vec<_>>()[..] else { return Err(Refusal::no_endpoint()) };
        let user = USERS.iter().position(|known| known.id == user).ok_or_else(Refusal::no_endpoint)?;
        let body = self.read(body).await?;
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
        let limit = self.max_message_bytes;
        let too_large = || format!("quota maxMessageSize exceeded, current limit: {limit}");
        self.front.read(body, limit.saturating_add(SLACK), too_large).await
    }
}

impl Handler for Service {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let answer = self.front.pass(self.answer(request, self.front.count())).await;
        answer.unwrap_or_else(|refusal| Answer::refused(&refusal)).into_response()
    }
}
