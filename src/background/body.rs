use super::finishing::Finishing;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// The body of a response that went through a [`BackgroundLayer`](super::BackgroundLayer).
    ///
    /// It ends when the work is done that the inner body caused: a permit that was held while it was sent is given back.
    pub struct ResponseBody<B> {
        // `None` when it has ended, so that what it held is given back.
        #[pin]
        inner: Option<B>,
        // The length that a body without frames stands for, as of a response to HEAD.
        length: Option<u64>,
        finishing: Finishing,
    }
}

impl<B: Body> ResponseBody<B> {
    pub(super) fn new(inner: B, finishing: Finishing) -> Self {
        let length = inner.size_hint().exact();
        // A server does not ask a body for its frames if there are none.
        Self { inner: Some(inner).filter(|inner| !inner.is_end_stream()), length, finishing }
    }
}

/// Empty, so that layers around can put it in place of a body: CORS, timeouts.
impl<B> Default for ResponseBody<B> {
    fn default() -> Self {
        Self { inner: None, length: Some(0), finishing: Finishing::default() }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        if let Some(inner) = this.inner.as_mut().as_pin_mut() {
            let frame = ready!(inner.poll_frame(cx));
            if frame.is_some() {
                return Poll::Ready(frame);
            }
            this.inner.set(None);
        }
        ready!(this.finishing.poll(cx));
        Poll::Ready(None)
    }

    /// Not at the last frame of the inner body, but when the work is done.
    fn is_end_stream(&self) -> bool {
        self.inner.is_none() && self.finishing.is_done()
    }

    fn size_hint(&self) -> SizeHint {
        let ended = || self.length.map_or_else(SizeHint::new, SizeHint::with_exact);
        self.inner.as_ref().map_or_else(ended, Body::size_hint)
    }
}

impl<B: fmt::Debug> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("inner", &self.inner).finish_non_exhaustive()
    }
}
