use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use axum_upstash::{
    Upstash, UpstashBuilder,
    local::{LocalQStash, LocalQStashBuilder},
    workflow::{RunError, Trigger, WorkflowClient},
};
use serde::{Serialize, de::DeserializeOwned};

/// An application with workflows, and the local QStash that calls it.
pub(crate) struct Host {
    pub(crate) local: LocalQStash,
    pub(crate) client: WorkflowClient,
    pub(crate) qstash: axum_upstash::qstash::QStashClient,
    pub(crate) origin: String,
    calls: Arc<AtomicU32>,
}

impl Host {
    pub(crate) async fn start(routes: Router<Upstash>) -> Self {
        Self::start_with(routes, |builder| builder).await
    }

    pub(crate) async fn start_with(
        routes: Router<Upstash>,
        settings: impl FnOnce(LocalQStashBuilder) -> LocalQStashBuilder,
    ) -> Self {
        let local = settings(LocalQStash::builder()).start().await.unwrap();
        let environment = local.environment();
        let variable =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let upstash = UpstashBuilder::from_env_with(variable).or_memory().build().unwrap();
        let qstash = upstash.qstash();
        let client = WorkflowClient::new(qstash.clone());
        let calls = Arc::new(AtomicU32::new(0));
        let app = routes.with_state(upstash).layer(middleware::from_fn_with_state(Arc::clone(&calls), count));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { local, client, qstash, origin, calls }
    }

    pub(crate) fn trigger(&self, path: &str, payload: &impl Serialize) -> Trigger {
        Trigger::new(format!("{}{path}", self.origin)).json(payload)
    }

    /// Runs a workflow to its end. Returns its result, and how often the application was called.
    pub(crate) async fn run<T: DeserializeOwned>(&self, trigger: Trigger) -> (Result<T, RunError>, u32) {
        let before = self.calls();
        let run = self.client.trigger(trigger).await.unwrap();
        let result = self.client.wait_for_result(&run.run_id, Duration::from_secs(20)).await;
        self.local.idle().await;
        (result, self.calls() - before)
    }

    /// The result of a run, asked for again if an answer is lost.
    pub(crate) async fn result<T: DeserializeOwned>(&self, run_id: &str) -> Result<T, RunError> {
        let mut tries = 0;
        loop {
            match self.client.wait_for_result(run_id, Duration::from_secs(60)).await {
                Err(RunError::Client(error)) if tries < 50 => drop((error, tries += 1)),
                result => return result,
            }
        }
    }

    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

async fn count(State(calls): State<Arc<AtomicU32>>, request: Request, next: Next) -> Response {
    calls.fetch_add(1, Ordering::SeqCst);
    next.run(request).await
}
