use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// The body of a response that went through a layer: the inner service's own, or one that the layer wrote.
    ///
    /// It asks nothing of the inner body but that its data are [`Bytes`].
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        inner: Inner<B>,
        // Something that is kept until the body has been sent, or given up.
        held: Option<Box<dyn Held>>,
    }
}

pin_project! {
    #[project = InnerProj]
    #[derive(Debug)]
    enum Inner<B> {
        Service { #[pin] body: B },
        Layer { body: Full<Bytes> },
    }
}

/// What a body can keep.
pub(crate) trait Held: std::fmt::Debug + Send + Sync {}

impl<T: std::fmt::Debug + Send + Sync> Held for T {}

impl<B> ResponseBody<B> {
    pub(crate) fn service(body: B) -> Self {
        Self { inner: Inner::Service { body }, held: None }
    }

    pub(crate) fn layer(body: Bytes) -> Self {
        Self { inner: Inner::Layer { body: Full::new(body) }, held: None }
    }

    /// Keeps something until the body has been sent.
    pub(crate) fn holding<T: Held + 'static>(mut self, held: Option<T>) -> Self {
        if let Some(held) = held {
            self.held = Some(Box::new(held));
        }
        self
    }
}

/// Empty, so that layers around can put it in place of a body: CORS, timeouts.
impl<B> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::layer(Bytes::new())
    }
}

impl<B: Body<Data = Bytes>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let frame = ready!(match this.inner.project() {
            InnerProj::Service { body } => body.poll_frame(cx),
            InnerProj::Layer { body } => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
        });
        if !matches!(frame, Some(Ok(_))) {
            *this.held = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Service { body } => body.is_end_stream(),
            Inner::Layer { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Service { body } => body.size_hint(),
            Inner::Layer { body } => body.size_hint(),
        }
    }
}
