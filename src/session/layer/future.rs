use super::scheme::watch_secure;
use crate::{
    PrivateResponse, ResponseBody,
    session::{
        CommitFailure, Session, SessionError,
        state::{Cookie, Uncommitted},
    },
};
use futures_core::future::BoxFuture;
use http::{HeaderName, HeaderValue, Response, header::SET_COOKIE};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// The response future of [`SessionService`](super::SessionService).
    pub struct ResponseFuture<F, ResBody, E> {
        // Dropped first: what a commit that is given up was to do goes back to the session.
        #[pin]
        state: State<F, ResBody, E>,
        // None in a layer inside another one, which has the session.
        unfinished: Option<Unfinished>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, ResBody, E> {
        Calling { #[pin] future: F },
        Committing {
            commit: BoxFuture<'static, Result<(), SessionError>>,
            // Needed once, when the commit is done.
            result: Option<Result<Response<ResBody>, E>>,
            left: Uncommitted,
        },
    }
}

/// A session whose handler has not come to its end. A logout counts all the same.
struct Unfinished {
    session: Session,
    is_done: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_done && matches!(self.session.inner().close(false), Ok(Uncommitted::Changes)) {
            let session = self.session.clone();
            let logout = async move {
                if let Err(error) = session.inner().flush().await {
                    tracing::warn!(%error, "the logout of a request that was given up is not known to be stored");
                }
            };
            self.session.config().background.run(logout);
        }
    }
}

impl<F, ResBody, E> ResponseFuture<F, ResBody, E> {
    pub(super) fn new(future: F, session: Session) -> Self {
        Self { unfinished: Some(Unfinished { session, is_done: false }), state: State::Calling { future } }
    }

    pub(super) fn nested(future: F) -> Self {
        Self { unfinished: None, state: State::Calling { future } }
    }
}

impl<F, ResBody, E> Future for ResponseFuture<F, ResBody, E>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let output = match this.state.as_mut().project() {
                StateProj::Calling { future } => {
                    let result = ready!(future.poll(cx));
                    let Some(Unfinished { session, .. }) = &*this.unfinished else {
                        return Poll::Ready(result.map(|response| response.map(ResponseBody::service)));
                    };
                    let commits = |response: &Response<ResBody>| (session.config().commit_on.0)(response.status());
                    match session.inner().close(result.as_ref().is_ok_and(commits)) {
                        Ok(Uncommitted::Nothing) => result.map(|response| finish(session, response)),
                        Ok(left) => {
                            let session = session.clone();
                            let commit = Box::pin(async move { session.inner().flush().await });
                            this.state.set(State::Committing { commit, result: Some(result), left });
                            continue;
                        }
                        Err(error) => result.map(|response| failed(session, response, &error)),
                    }
                }
                StateProj::Committing { commit, result, left } => {
                    let outcome = ready!(commit.as_mut().poll(cx));
                    let (Some(result), Some(Unfinished { session, .. })) = (result.take(), &*this.unfinished) else {
                        unreachable!("polled after completion")
                    };
                    result.map(|response| match outcome {
                        Ok(()) => finish(session, response),
                        // The attributes of an ended session are useless; a lost login would deceive the client.
                        Err(SessionError::Gone) if *left != Uncommitted::Rotation => {
                            tracing::debug!(session.action = "gone", "the session ended while the request ran");
                            finish(session, response)
                        }
                        Err(error) => failed(session, response, &error),
                    })
                }
            };
            if let Some(unfinished) = this.unfinished {
                unfinished.is_done = true;
            }
            return Poll::Ready(output);
        }
    }
}

fn finish<B>(session: &Session, mut response: Response<B>) -> Response<ResponseBody<B>> {
    write_head(session, &mut response);
    response.map(ResponseBody::service)
}

/// Writes the cookie, and the fields for every cache on the way.
fn write_head<B>(session: &Session, response: &mut Response<B>) {
    let config = session.config();
    let (cookie, is_used) = session.inner().conclude();
    let cookie = cookie.and_then(|cookie| match cookie {
        Cookie::Remove => config.cookie.removal(),
        Cookie::Set(id, record) => {
            if session.inner().may_be_lost {
                watch_secure(&config.returned, false);
            }
            let value = config.keys.sign(config.cookie.name(), &id);
            config.cookie.set(&value, record.as_deref(), config.clock.now_ms())
        }
    });
    let private = session.inner().private();
    if is_used || cookie.is_some() {
        private.mark();
        response.extensions_mut().insert(private);
        PrivateResponse::write_cookie(response.headers_mut());
        if let Some(cookie) = cookie {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    } else if private.get() {
        // Something else in the response is for this client alone.
        PrivateResponse::write_private(response.headers_mut());
    }
}

fn failed<B>(session: &Session, mut response: Response<B>, error: &SessionError) -> Response<ResponseBody<B>> {
    let policy = &session.config().commit_failure;
    tracing::error!(error = error as &dyn std::error::Error, ?policy, "the session's changes could not be stored");
    let mut refusal = match policy {
        CommitFailure::KeepResponse => {
            write_head(session, &mut response);
            response.headers_mut().insert(SESSION_COMMIT, HeaderValue::from_static("failed"));
            return response.map(ResponseBody::service);
        }
        CommitFailure::Refuse => error.refusal(),
        CommitFailure::Custom(answer) => answer(error),
    };
    write_head(session, &mut refusal);
    refusal.map(ResponseBody::layer)
}

/// Says that the response was kept though the session was not.
const SESSION_COMMIT: HeaderName = HeaderName::from_static("session-commit");

impl<F, ResBody, E> fmt::Debug for ResponseFuture<F, ResBody, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = self.unfinished.as_ref().map(|unfinished| &unfinished.session);
        f.debug_struct("ResponseFuture").field("session", &session).finish_non_exhaustive()
    }
}
