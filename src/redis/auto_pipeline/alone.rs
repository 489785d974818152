use super::{Waiting, lane::Flight};
use crate::{
    Error,
    redis::{Reply, encode::Encoded, rest::Rest},
    rt::{spawn, timeout},
};
use futures_core::future::BoxFuture;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// A lone command, which its own caller sends: no other task is woken for it.
///
/// If the caller goes away, the answer may still come for a moment. HTTP/1.1 would lose its connection otherwise.
pub(super) struct Alone {
    request: Option<BoxFuture<'static, Result<Reply, Error>>>,
    flight: Option<Flight>,
    patience: Duration,
}

impl Alone {
    pub(super) fn new(one: Waiting, flight: Flight, rest: &Arc<Rest>) -> Self {
        let (patience, rest) = (rest.path().slow_after(), Arc::clone(rest));
        let Waiting { command, repeat, deadline, .. } = one;
        let request = Box::pin(async move {
            let encoded = Encoded { path: "/".into(), body: command, is_json: true };
            rest.single(encoded, repeat, deadline).await
        });
        Self { request: Some(request), flight: Some(flight), patience }
    }
}

impl Future for Alone {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(request) = &mut self.request else { return Poll::Pending };
        let reply = std::task::ready!(request.as_mut().poll(cx));
        (self.request, self.flight) = (None, None);
        Poll::Ready(reply)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // On a host whose tasks end with the request that began them, there is nothing to go on with.
        if cfg!(target_arch = "wasm32") {
            return;
        }
        if let Some(request) = self.request.take() {
            let (flight, patience) = (self.flight.take(), self.patience);
            let _ = spawn(async move {
                let _ = timeout(patience, request).await;
                drop(flight);
            });
        }
    }
}
