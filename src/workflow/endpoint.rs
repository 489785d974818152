//! One request to a workflow, from its bytes to its answer.

use super::{
    answer::{self, Condition},
    board::Board,
    callback,
    delivery::{Kind, classify},
    driver::{Outcome, Pass, Trace, drive},
    erased::{Refused, Start, StatedFunction},
    error::{Failure, Retry},
    fields,
    history::{History, Unreadable},
    order::Action,
    run::Run,
    span, submission,
    versions::Versions,
    watch::{Observer, WorkflowEvent},
    webhook::Webhook,
};
use crate::{
    Error,
    qstash::{QStashClient, RawRequest, Receiver},
    rt::random_id,
};
use axum_core::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE, request::Parts};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tracing::Instrument;

/// What an endpoint works with.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) versions: Versions<StatedFunction>,
    pub(super) observer: Observer,
    /// Whether each function is begun twice, and has to ask for the same steps.
    pub(super) checks_replays: bool,
    pub(super) qstash: QStashClient,
    /// Verifies signatures, unless the application says that nothing does.
    pub(super) receiver: Option<Receiver>,
}

/// What a delivery ends with, if it is not done.
enum Stop {
    Failed(Failure),
    /// The run has ended meanwhile: there is nothing to do for it.
    AlreadyEnded,
    /// An extractor of the function answered the request.
    Answered(Box<Response>),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Failed(failure) => Self::Failed(failure),
            Refused::Answered(response) => Self::Answered(response),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Endpoint {
    /// Answers a request, whose `url` is that of the workflow as far as the request tells.
    pub(super) async fn answer(&self, parts: Parts, body: Bytes, url: String) -> Response {
        let url = match self.verify(&parts.headers, &body) {
            Ok(signed_url) => signed_url.unwrap_or(url),
            Err(reason) => return answer::unsigned(&reason),
        };
        let (kind, run) = match classify(&parts.headers, &url) {
            Ok(classified) => classified,
            Err(failure) => return answer::failed(&failure),
        };
        let span = span::of_delivery(&parts.headers, &kind, &run);
        let id = run.id.clone();
        let answered = async {
            match kind {
                Kind::Begin => self.begin(run, body, parts, false).await,
                Kind::UnknownSdk => match History::read(&body, None) {
                    Ok(history) => self.begin(run, history.payload, parts, true).await,
                    Err(unreadable) => Err(broken(unreadable).into()),
                },
                Kind::CallResult => self.call_result(&run, &parts.headers, &body).await,
                Kind::Failure => self.failure(run, parts, &body).await,
                Kind::Step => self.step(run, parts, body).await,
            }
        };
        match answered.instrument(span.clone()).await {
            Ok(response) => response,
            Err(Stop::AlreadyEnded) => answer::done(&id, Condition::Success),
            Err(Stop::Answered(response)) => *response,
            Err(Stop::Failed(failure)) => {
                let Failure { step, message, .. } = &failure;
                span::failed(&span, &failure);
                span.in_scope(|| {
                    tracing::warn!(run = %id, step = step.as_deref(), error = %message, "a delivery of a workflow failed");
                });
                let (step, is_final) = (step.as_deref(), failure.retry == Retry::Never);
                self.observer.see(&id, WorkflowEvent::DeliveryFailed { step, error: message, is_final });
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
    async fn begin(&self, run: Run, payload: Bytes, parts: Parts, is_known: bool) -> Result<Response, Stop> {
        let content_type = parts.headers.get(CONTENT_TYPE).cloned();
        let board = Arc::new(Board::default());
        let start = Start { payload: payload.clone(), run: run.clone(), parts };
        let function = self.versions.current.begin(start, Arc::clone(&board)).await?;
        let history = History::of_payload(payload);
        match drive(&board, function, &history, Pass::Reach).await {
            Outcome::Failed(failure) => Err(failure.into()),
            Outcome::WithoutStep => Ok(answer::without_step(is_known.then_some(&*run.id))),
            _ => {
                let init = submission::init(&run, &history.payload, content_type.as_ref(), is_known);
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
        let name = headers.get(fields::STEP_NAME).map(|name| String::from_utf8_lossy(name.as_bytes()));
        let place = (number(&fields::STEP_ID), name, number(&fields::CONCURRENT));
        let (Some(step_id), Some(name), Some(concurrent)) = place else {
            return Err(Failure::of_endpoint("the callback does not say of which step it is").into());
        };
        if let Some(stored) = callback::call_result(body)? {
            self.submit(submission::call_result(run, step_id, &name, concurrent, &stored)).await?;
        }
        Ok(answer::done(&run.id, Condition::FromCallback))
    }

    async fn failure(&self, run: Run, parts: Parts, body: &[u8]) -> Result<Response, Stop> {
        let id = run.id.clone();
        let failed = || {
            self.observer.see(&id, WorkflowEvent::RunFailed);
            callback::failed_run(body)
        };
        match self.versions.current.tell(failed, run, parts).await {
            None => Ok(answer::done(&id, Condition::NoFailureFunction)),
            Some(told) => Ok(answer::failure_handled(told?.as_deref())),
        }
    }

    /// Brings the run one step further.
    async fn step(&self, mut run: Run, parts: Parts, mut body: Bytes) -> Result<Response, Stop> {
        let mut until = None;
        if body.is_empty() {
            match self.qstash.raw(submission::steps(&run.id)).await {
                Ok(steps) => body = steps.into_body(),
                Err(error) if error.status() == Some(404) => return Ok(answer::done(&run.id, Condition::AlreadyEnded)),
                Err(error) => return Err(of_qstash(&error).into()),
            }
            until = fields::text(&parts.headers, &fields::MESSAGE_ID);
        }
        let history = History::read(&body, until).map_err(broken)?;
        if history.is_duplicate {
            return Ok(answer::done(&run.id, Condition::Duplicate));
        }
        let function = self.version(&mut run, &history)?;
        match history.steps.last() {
            Some(last) if history.steps.len() > 1 && !last.is_plan() => {
                let event = WorkflowEvent::StepDone { step: &last.step_name, out: last.out.as_deref() };
                self.observer.see(&run.id, event);
            }
            _ if history.steps.len() == 1 => self.observer.see(&run.id, WorkflowEvent::RunStarted),
            _ => {}
        }
        let start = || Start { payload: history.payload.clone(), run: run.clone(), parts: parts.clone() };
        let mut trace = Trace::default();
        if self.checks_replays {
            let board = Arc::new(Board::default());
            let looked = function.begin(start(), Arc::clone(&board)).await?;
            drive(&board, looked, &history, Pass::Look(&mut trace)).await;
        }
        let board = Arc::new(Board::default());
        let function = function.begin(start(), Arc::clone(&board)).await?;
        let expected = self.checks_replays.then_some(&trace);
        let starts = self.observer.of_run(&run.id);
        let outcome = drive(&board, function, &history, Pass::Act(expected, &starts)).await;
        self.act(&run, outcome).await
    }

    /// The function of a run: that of the version with which it began.
    fn version(&self, run: &mut Run, history: &History) -> Result<&StatedFunction, Failure> {
        if run.version.is_none() && history.steps.len() == 1 {
            let (function, version) = self.versions.of_new_run();
            run.version = version.map(str::to_owned);
            return Ok(function);
        }
        self.versions.of_run(run.version.as_deref()).ok_or_else(|| {
            Failure::of_endpoint(match &run.version {
                Some(version) => format!("the run began with version '{version}' of the workflow, which is not kept"),
                None => "the run began before the workflow had versions, and that function is not kept".to_owned(),
            })
        })
    }

    /// Tells QStash what comes next.
    async fn act(&self, run: &Run, outcome: Outcome) -> Result<Response, Stop> {
        match outcome {
            Outcome::Failed(failure) => return Err(failure.into()),
            Outcome::WithoutStep => return Ok(answer::without_step(Some(&run.id))),
            Outcome::Nothing | Outcome::Reached => {}
            Outcome::Finished(result) => {
                self.submit(submission::end(run, false, result.clone())).await?;
                self.observer.see(&run.id, WorkflowEvent::RunCompleted { result: result.as_deref() });
            }
            Outcome::Cancelled => {
                self.submit(submission::end(run, true, None)).await?;
                self.observer.see(&run.id, WorkflowEvent::RunCanceled);
            }
            Outcome::Announce(first, orders) => self.submit(submission::plans(run, first, &orders)).await?,
            Outcome::Step { order, step_id, concurrent, mut out } => {
                if let Action::Notify { event, data, shown } = &order.action {
                    let answer = self.qstash.raw(submission::notify(None, event, data)).await;
                    let answer = answer.map_err(|error| of_qstash(&error).at_step(&order.name))?;
                    let waiters: Value = serde_json::from_slice(&answer.into_body()).unwrap_or_default();
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
        let is_batch = outgoing.path == submission::BATCH;
        match self.qstash.raw(outgoing).await {
            Ok(taken) if is_batch => all_taken(&taken.into_body()).map_err(Into::into),
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

/// Looks through what QStash says of each message: one that is refused is refused again.
fn all_taken(answer: &[u8]) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Taken {
        error: Option<String>,
    }
    let taken: Vec<Taken> = serde_json::from_slice(answer).unwrap_or_default();
    match taken.into_iter().find_map(|taken| taken.error) {
        None => Ok(()),
        Some(error) => Err(Failure::of_endpoint(format!("QStash did not take the next step: {error}")).for_good()),
    }
}

/// A submission that QStash refused. A quota that is used up does not come back with a retry.
fn of_qstash(error: &Error) -> Failure {
    let mut failure = Failure::of_endpoint(format!("QStash did not take the next step: {error}"));
    if error.status() == Some(StatusCode::PRECONDITION_FAILED.as_u16()) {
        failure = failure.for_good();
    }
    failure
}
