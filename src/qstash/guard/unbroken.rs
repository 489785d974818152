use crate::background::Background;
use futures_core::future::BoxFuture;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A future that goes on in the background if it is dropped after it began: its command may be on the way.
pub(in crate::qstash) struct Unbroken<T: Send + 'static> {
    /// `None` when it has ended.
    future: Option<BoxFuture<'static, T>>,
    is_begun: bool,
    background: Background,
}

impl<T: Send + 'static> Unbroken<T> {
    pub(super) fn new(background: Background, future: impl Future<Output = T> + Send + 'static) -> Self {
        Self { future: Some(Box::pin(future)), is_begun: false, background }
    }
}

impl<T: Send + 'static> Future for Unbroken<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.is_begun = true;
        // Taken out: a future that panics is not polled again.
        let Some(mut future) = self.future.take() else { return Poll::Pending };
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() {
            self.future = Some(future);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Unbroken<T> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take().filter(|_| self.is_begun) {
            self.background.run(async move { drop(future.await) });
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Unbroken<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unbroken").field("is_begun", &self.is_begun).finish_non_exhaustive()
    }
}
