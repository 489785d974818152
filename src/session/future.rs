use super::{
    OnCommitFailure, Session, SessionError, response,
    state::{Left, Told},
};
use crate::ResponseBody;
use futures_core::future::BoxFuture;
use http::{HeaderName, HeaderValue, Response};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// The response future of [`SessionService`](super::SessionService).
    pub struct ResponseFuture<F, ResBody> {
        session: Session,
        #[pin]
        state: State<F, ResBody>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, ResBody> {
        Calling { #[pin] future: F },
        Committing {
            commit: BoxFuture<'static, Result<(), SessionError>>,
            // Needed once, when the commit is done.
            response: Option<Response<ResBody>>,
            left: Left,
        },
    }
}

impl<F, ResBody> ResponseFuture<F, ResBody> {
    pub(super) fn new(future: F, session: Session) -> Self {
        Self { session, state: State::Calling { future } }
    }
}

impl<F, ResBody, E> Future for ResponseFuture<F, ResBody>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let session = &*this.session;
        loop {
            match this.state.as_mut().project() {
                StateProj::Calling { future } => {
                    let response = ready!(future.poll(cx))?;
                    match session.close(!response.status().is_server_error()) {
                        Ok(Left::Nothing) => return Poll::Ready(Ok(finish(session, response))),
                        Ok(left) => {
                            let session = session.clone();
                            let commit = Box::pin(async move { session.flush().await });
                            this.state.set(State::Committing { commit, response: Some(response), left });
                        }
                        Err(error) => return Poll::Ready(Ok(failed(session, response, &error))),
                    }
                }
                StateProj::Committing { commit, response, left } => {
                    let outcome = ready!(commit.as_mut().poll(cx));
                    let Some(response) = response.take() else { unreachable!("polled after completion") };
                    return Poll::Ready(Ok(match outcome {
                        Ok(()) => finish(session, response),
                        // What it wrote is of no use to anybody; a login would be to who believes in it.
                        Err(SessionError::Gone) if *left != Left::Rotation => {
                            tracing::debug!(session.action = "gone", "the session ended while the request ran");
                            finish(session, response)
                        }
                        Err(error) => failed(session, response, &error),
                    }));
                }
            }
        }
    }
}

fn finish<B>(session: &Session, mut response: Response<B>) -> Response<ResponseBody<B>> {
    sign(session, &mut response);
    response.map(ResponseBody::service)
}

/// Tells the client, and every cache on the way.
fn sign<B>(session: &Session, response: &mut Response<B>) {
    let config = session.config();
    let cookie = match session.cookie() {
        Told::Nothing => None,
        Told::Removed => config.cookie.removal(),
        Told::Named(id, details) => config.cookie.set(&config.keys.sign(config.cookie.name(), &id), &details),
    };
    if session.was_used() || cookie.is_some() {
        response::personalise(response, cookie, &session.personal());
    }
}

fn failed<B>(session: &Session, mut response: Response<B>, error: &SessionError) -> Response<ResponseBody<B>> {
    let policy = &session.config().on_commit_failure;
    tracing::error!(error = error as &dyn std::error::Error, ?policy, "the session's changes could not be stored");
    let mut refusal = match policy {
        OnCommitFailure::KeepResponse => {
            sign(session, &mut response);
            response.headers_mut().insert(SESSION_COMMIT, HeaderValue::from_static("failed"));
            return response.map(ResponseBody::service);
        }
        OnCommitFailure::Refuse => response::refusal(error),
        OnCommitFailure::Custom(answer) => answer(error),
    };
    sign(session, &mut refusal);
    refusal.map(ResponseBody::layer)
}

/// Says that the response was kept though the session was not.
const SESSION_COMMIT: HeaderName = HeaderName::from_static("session-commit");

impl<F, ResBody> fmt::Debug for ResponseFuture<F, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("session", &self.session).finish_non_exhaustive()
    }
}
