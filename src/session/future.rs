use super::{
    Committed, OnCommitFailure, Session, SessionError,
    handle::{Plan, late},
    id::SessionId,
    response,
};
use crate::{Error, ErrorKind, ResponseBody, http::timeout};
use futures_core::future::BoxFuture;
use http::{HeaderValue, Response};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
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
            commit: BoxFuture<'static, Result<Committed, Error>>,
            // Both are needed once, when the commit is done.
            done: Option<(Response<ResBody>, SessionId)>,
            destroyed: bool,
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
                    // Changes of a request that failed are not kept: the client was told that nothing was done.
                    let keep = !response.status().is_server_error();
                    match session.close(keep) {
                        Ok(Plan::Nothing) => return Poll::Ready(Ok(finish(session, response, None))),
                        Ok(Plan::RemoveCookie) => {
                            let cookie = session.config().cookie.removal();
                            return Poll::Ready(Ok(finish(session, response, cookie)));
                        }
                        Ok(Plan::Resign(id)) => {
                            return Poll::Ready(Ok(finish(session, response, signed(session, &id))));
                        }
                        Ok(Plan::Commit { key, commit, id }) => {
                            let destroyed = commit.action == super::Action::Destroy;
                            let config = Arc::clone(session.config());
                            let commit = Box::pin(async move {
                                let commit = config.store.commit(&key, commit);
                                timeout(config.timeout, commit).await.unwrap_or_else(|_| Err(late()))
                            });
                            this.state.set(State::Committing { commit, done: Some((response, id)), destroyed });
                        }
                        Err(error) => {
                            let error =
                                Error::new(ErrorKind::Server, "no randomness for a session id").with_source(error);
                            return Poll::Ready(Ok(failed(session, response, error)));
                        }
                    }
                }
                StateProj::Committing { commit, done, destroyed } => {
                    let outcome = ready!(commit.as_mut().poll(cx));
                    let Some((response, id)) = done.take() else { unreachable!("polled after completion") };
                    return Poll::Ready(Ok(match outcome {
                        Ok(Committed::Done) if *destroyed => {
                            finish(session, response, session.config().cookie.removal())
                        }
                        Ok(Committed::Done) if session.is_presented(&id) => finish(session, response, None),
                        Ok(Committed::Done) => finish(session, response, signed(session, &id)),
                        Ok(Committed::Gone) => {
                            tracing::debug!(session.action = "gone", "the session ended while the request ran");
                            finish(session, response, session.config().cookie.removal())
                        }
                        Err(error) => failed(session, response, error),
                    }));
                }
            }
        }
    }
}

fn signed(session: &Session, id: &SessionId) -> Option<HeaderValue> {
    let config = session.config();
    config.cookie.set(config.keys.sign(config.cookie.name(), id))
}

fn finish<B>(session: &Session, mut response: Response<B>, cookie: Option<HeaderValue>) -> Response<ResponseBody<B>> {
    if session.was_used() || cookie.is_some() {
        response::personalise(&mut response, cookie, &session.personal());
    }
    response.map(ResponseBody::service)
}

fn failed<B>(session: &Session, response: Response<B>, error: Error) -> Response<ResponseBody<B>> {
    match session.config().on_commit_failure {
        OnCommitFailure::KeepResponse => {
            tracing::error!(%error, "the session's changes are lost");
            finish(session, response, None)
        }
        OnCommitFailure::Refuse => {
            tracing::error!(%error, "the session's changes could not be stored, the response is refused");
            let mut refusal = response::refusal(&SessionError::Unavailable(error));
            response::personalise(&mut refusal, None, &session.personal());
            refusal.map(ResponseBody::layer)
        }
    }
}

impl<F, ResBody> fmt::Debug for ResponseFuture<F, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("session", &self.session).finish_non_exhaustive()
    }
}
