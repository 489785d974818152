use super::{
    Action, Commit, Committed, OnCommitFailure, Session, SessionError, SessionKey,
    config::SessionConfig,
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
            commit: BoxFuture<'static, Result<Outcome, Error>>,
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
                        Ok(Plan::Conflict) => return Poll::Ready(Ok(failed(session, response, &SessionError::Moved))),
                        Ok(Plan::Resign(id)) => {
                            return Poll::Ready(Ok(finish(session, response, signed(session, &id))));
                        }
                        Ok(Plan::Commit { key, commit, id, anew }) => {
                            let destroyed = commit.action == Action::Destroy;
                            let config = Arc::clone(session.config());
                            let commit = Box::pin(commit_to(config, key, commit, anew));
                            this.state.set(State::Committing { commit, done: Some((response, id)), destroyed });
                        }
                        Err(error) => {
                            let error =
                                Error::new(ErrorKind::Server, "no randomness for a session id").with_source(error);
                            return Poll::Ready(Ok(failed(session, response, &SessionError::Unavailable(error))));
                        }
                    }
                }
                StateProj::Committing { commit, done, destroyed } => {
                    let outcome = ready!(commit.as_mut().poll(cx));
                    let Some((response, id)) = done.take() else { unreachable!("polled after completion") };
                    return Poll::Ready(Ok(match outcome {
                        Ok(Outcome::Done) if *destroyed => finish(session, response, session.config().cookie.removal()),
                        Ok(Outcome::Done) if session.is_presented(&id) => finish(session, response, None),
                        Ok(Outcome::Done) => finish(session, response, signed(session, &id)),
                        Ok(Outcome::Moved) => failed(session, response, &SessionError::Moved),
                        Ok(Outcome::Gone) => {
                            tracing::debug!(session.action = "gone", "the session ended while the request ran");
                            finish(session, response, session.config().cookie.removal())
                        }
                        Err(error) => failed(session, response, &SessionError::Unavailable(error)),
                    }));
                }
            }
        }
    }
}

/// How a commit ended.
enum Outcome {
    Done,
    Gone,
    /// Another request gave the session an id that this one does not know.
    Moved,
}

/// Commits. Where another request rotated the session in the meantime, only its end is followed there: whoever did it
/// may hold the new id, and what this request writes is for its own client.
async fn commit_to(
    config: Arc<SessionConfig>,
    mut key: SessionKey,
    commit: Commit,
    anew: Option<Box<Commit>>,
) -> Result<Outcome, Error> {
    let work = async {
        for _ in 0..MAX_MOVES {
            let to = match config.store.commit(&key, &commit).await? {
                Committed::Done => return Ok(Outcome::Done),
                Committed::Gone => return Ok(Outcome::Gone),
                Committed::Moved { to } => to,
            };
            match (&commit.action, &anew) {
                (Action::Destroy, _) => key = to,
                // A second login at once: it goes on by itself, under the id that it chose.
                (Action::Rotate { to: own }, Some(anew)) => {
                    return match config.store.commit(own, anew).await? {
                        Committed::Done => Ok(Outcome::Done),
                        _ => Ok(Outcome::Moved),
                    };
                }
                _ => break,
            }
        }
        Ok(Outcome::Moved)
    };
    timeout(config.timeout, work).await.unwrap_or_else(|_| Err(late()))
}

/// How many rotations the end of a session follows, all within seconds.
const MAX_MOVES: usize = 4;

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

fn failed<B>(session: &Session, response: Response<B>, error: &SessionError) -> Response<ResponseBody<B>> {
    match session.config().on_commit_failure {
        OnCommitFailure::KeepResponse => {
            tracing::error!(error = error as &dyn std::error::Error, "the session's changes are lost");
            finish(session, response, None)
        }
        OnCommitFailure::Refuse => {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "the session's changes could not be stored, the response is refused"
            );
            let mut refusal = response::refusal(error);
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
