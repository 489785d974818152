//! One request to a workflow, from its bytes to its answer.

use super::{
    answer::{self, Condition},
    board::Board,
    callback,
    delivery::{Kind, classify},
    driver::{Outcome, drive},
    error::{Failure, Retry},
    fields,
    function::ErasedFunction,
    history::{History, Unreadable},
    order::Action,
    run::Run,
    submission,
    webhook::Webhook,
};
use crate::{
    Error,
    qstash::{QStashClient, RawRequest, Receiver},
    rt::random_id,
};
use axum_core::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::sync::Arc;

/// What an endpoint works with.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) function: ErasedFunction,
    pub(super) qstash: QStashClient,
    /// Verifies signatures, unless the application says that nothing does.
    pub(super) receiver: Option<Receiver>,
}

/// What a delivery ends with, if it is not done.
enum Stop {
    Failed(Failure),
    /// The run has ended meanwhile: there is nothing to do for it.
    AlreadyEnded,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Endpoint {
    /// Answers a request, whose `url` is that of the workflow as far as the request tells.
    pub(super) async fn answer(&self, headers: &HeaderMap, body: Bytes, url: String) -> Response {
        let url = match self.verify(headers, &body) {
            Ok(signed_url) => signed_url.unwrap_or(url),
            Err(reason) => return answer::unsigned(&reason),
        };
        let (kind, run) = match classify(headers, url) {
            Ok(classified) => classified,
            Err(failure) => return answer::failed(&failure),
        };
        let id = run.id.clone();
        let answered = match kind {
            Kind::Begin => self.begin(run, body, headers, false).await,
            Kind::UnknownSdk => match History::read(&body, None) {
                Ok(history) => self.begin(run, history.payload, headers, true).await,
                Err(unreadable) => Err(broken(unreadable).into()),
            },
            Kind::CallResult => self.call_result(&run, headers, &body).await,
            Kind::Failure => self.failure(run, &body).await,
            Kind::Step => self.step(run, headers, body).await,
        };
        match answered {
            Ok(response) => response,
            Err(Stop::AlreadyEnded) => answer::done(&id, Condition::Success),
            Err(Stop::Failed(failure)) => {
                let Failure { step, message, .. } = &failure;
                tracing::warn!(run = %id, step = step.as_deref(), error = %message, "a delivery of a workflow failed");
                answer::failed(&failure)
            }
        }
    }

    /// Verifies the signature, and gives the URL that it is for.
    fn verify(&self, headers: &HeaderMap, body: &Bytes) -> Result<Option<String>, String> {
        let Some(receiver) = &self.receiver else { return Ok(None) };
        let Some(signature) = fields::text(headers, &fields::SIGNATURE) else {
            return Err("the request has no signature: a workflow is triggered through QStash".into());
        };
        let receiver = fields::text(headers, &fields::REGION)
            .map_or_else(|| receiver.clone(), |region| receiver.for_region(region));
        match receiver.verify(signature, body) {
            Ok(claims) => Ok(Some(claims.subject)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Begins a run, if the function accepts it.
    async fn begin(&self, run: Run, payload: Bytes, headers: &HeaderMap, is_known: bool) -> Result<Response, Stop> {
        let board = Arc::new(Board::default());
        let function = self.function.begin(&payload, run.clone(), Arc::clone(&board))?;
        let history = History::of_payload(payload);
        match drive(&board, function, &history, true).await {
            Outcome::Failed(failure) => Err(failure.into()),
            Outcome::WithoutStep => Ok(answer::without_step(is_known.then_some(&*run.id))),
            _ => {
                let init = submission::init(&run, &history.payload, headers.get(CONTENT_TYPE), is_known);
                match self.qstash.raw(init).await {
                    Ok(_) => Ok(answer::done(&run.id, Condition::Success)),
                    Err(error) => Err(of_qstash(&error).into()),
                }
            }
        }
    }

    /// Takes the answer to a call that QStash made.
    async fn call_result(&self, run: &Run, headers: &HeaderMap, body: &[u8]) -> Result<Response, Stop> {
        let number = |name| fields::text(headers, name).and_then(|text| text.parse().ok());
        let place = (number(&fields::STEP_ID), fields::text(headers, &fields::STEP_NAME), number(&fields::CONCURRENT));
        let (Some(step_id), Some(name), Some(concurrent)) = place else {
            return Err(Failure::of_endpoint("the callback does not say of which step it is").into());
        };
        if let Some(stored) = callback::call_result(body)? {
            self.submit(submission::call_result(run, step_id, name, concurrent, &stored)).await?;
        }
        Ok(answer::done(&run.id, Condition::FromCallback))
    }

    async fn failure(&self, run: Run, body: &[u8]) -> Result<Response, Stop> {
        let Some(on_failure) = &self.function.on_failure else {
            return Ok(answer::done(&run.id, Condition::NoFailureFunction));
        };
        let failed = callback::failed_run(body)?;
        let result = on_failure.call(failed, run).await?;
        Ok(answer::failure_handled(result.as_deref()))
    }

    /// Brings the run one step further.
    async fn step(&self, run: Run, headers: &HeaderMap, mut body: Bytes) -> Result<Response, Stop> {
        let mut until = None;
        if body.is_empty() {
            match self.qstash.raw(submission::steps(&run.id)).await {
                Ok(steps) => body = steps,
                Err(error) if error.status() == Some(404) => return Ok(answer::done(&run.id, Condition::AlreadyEnded)),
                Err(error) => return Err(of_qstash(&error).into()),
            }
            until = fields::text(headers, &fields::MESSAGE_ID);
        }
        let history = History::read(&body, until).map_err(broken)?;
        if history.is_duplicate {
            return Ok(answer::done(&run.id, Condition::Duplicate));
        }
        let board = Arc::new(Board::default());
        let function = self.function.begin(&history.payload, run.clone(), Arc::clone(&board))?;
        let outcome = drive(&board, function, &history, false).await;
        self.act(&run, outcome).await
    }

    /// Tells QStash what comes next.
    async fn act(&self, run: &Run, outcome: Outcome) -> Result<Response, Stop> {
        match outcome {
            Outcome::Failed(failure) => return Err(failure.into()),
            Outcome::WithoutStep => return Ok(answer::without_step(Some(&run.id))),
            Outcome::Nothing | Outcome::Reached => {}
            Outcome::Finished(result) => self.submit(submission::end(run, false, result)).await?,
            Outcome::Cancelled => self.submit(submission::end(run, true, None)).await?,
            Outcome::Announce(first, orders) => self.submit(submission::plans(run, first, &orders)).await?,
            Outcome::Step { order, step_id, concurrent, mut out } => {
                if let Action::Notify { event, data, shown } = &order.action {
                    let answer = self.qstash.raw(submission::notify(None, event, data)).await;
                    let answer = answer.map_err(|error| of_qstash(&error).at_step(&order.name))?;
                    let waiters: Value = serde_json::from_slice(&answer).unwrap_or_default();
                    out = Some(json!({"eventId": event, "eventData": shown, "notifyResponse": waiters}).to_string());
                }
                if let Action::CreateWebhook = &order.action {
                    let webhook = self.webhook(run).map_err(|failure| failure.at_step(&order.name))?;
                    out = serde_json::to_string(&webhook).ok();
                }
                self.submit(submission::step(run, &order, step_id, concurrent, out)).await?;
            }
        }
        Ok(answer::done(&run.id, Condition::Success))
    }

    /// A URL that a third party calls.
    fn webhook(&self, run: &Run) -> Result<Webhook, Failure> {
        let (url, user) = self.qstash.account().map_err(|error| Failure::of_endpoint(error.to_string()))?;
        let event = random_id::<12>().map_err(|error| Failure::of_endpoint(error.to_string()))?;
        let event = format!("evt_{event}");
        let url = format!("{}/v2/workflows/hooks/{user}/{}/{event}", url.trim_end_matches('/'), run.id);
        Ok(Webhook::new(url, event))
    }

    async fn submit(&self, outgoing: RawRequest) -> Result<(), Stop> {
        match self.qstash.raw(outgoing).await {
            Ok(_) => Ok(()),
            // The word of QStash for a run that has ended.
            Err(error) if error.status() == Some(StatusCode::BAD_REQUEST.as_u16()) => Err(Stop::AlreadyEnded),
            Err(error) => Err(of_qstash(&error).into()),
        }
    }
}

fn broken(Unreadable(place): Unreadable) -> Failure {
    Failure::of_endpoint(format!("{place} of the delivery cannot be read"))
}

/// A submission that QStash refused. A quota that is used up does not come back with a retry.
fn of_qstash(error: &Error) -> Failure {
    let mut failure = Failure::of_endpoint(format!("QStash did not take the next step: {error}"));
    if error.status() == Some(StatusCode::PRECONDITION_FAILED.as_u16()) {
        (failure.retry, failure.name) = (Retry::Never, "WorkflowNonRetryableError");
    }
    failure
}
