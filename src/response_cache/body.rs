use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// The body of a response behind the cache: stored bytes, the handler's body, or the handler's body of which the
    /// beginning has already been read.
    pub struct CacheBody<B>
    where
        B: Body,
    {
        #[pin]
        inner: Inner<B>,
    }
}

pin_project! {
    #[project = InnerProj]
    enum Inner<B>
    where
        B: Body,
    {
        Stored { bytes: Option<Bytes> },
        Service { #[pin] body: B },
        Resumed { frames: VecDeque<Result<Frame<Bytes>, B::Error>>, rest: Option<Pin<Box<B>>> },
    }
}

impl<B: Body> CacheBody<B> {
    pub(super) fn stored(bytes: Bytes) -> Self {
        Self { inner: Inner::Stored { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()) } }
    }

    pub(super) fn service(body: B) -> Self {
        Self { inner: Inner::Service { body } }
    }

    fn resumed(frames: VecDeque<Result<Frame<Bytes>, B::Error>>, rest: Option<Pin<Box<B>>>) -> Self {
        Self { inner: Inner::Resumed { frames, rest } }
    }
}

impl<B: Body<Data = Bytes>> Body for CacheBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().inner.project() {
            InnerProj::Stored { bytes } => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            InnerProj::Service { body } => body.poll_frame(cx),
            InnerProj::Resumed { frames, rest } => match (frames.pop_front(), rest) {
                (Some(frame), _) => Poll::Ready(Some(frame)),
                (None, Some(rest)) => rest.as_mut().poll_frame(cx),
                (None, None) => Poll::Ready(None),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Stored { bytes } => bytes.is_none(),
            Inner::Service { body } => body.is_end_stream(),
            Inner::Resumed { frames, rest } => {
                frames.is_empty() && rest.as_ref().is_none_or(|rest| rest.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Stored { bytes } => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Inner::Service { body } => body.size_hint(),
            Inner::Resumed { frames, rest } => {
                let data = frames.iter().filter_map(|frame| frame.as_ref().ok()?.data_ref());
                let read: u64 = data.map(|data| data.len() as u64).sum();
                let rest = rest.as_ref().map_or(SizeHint::with_exact(0), |rest| rest.size_hint());
                let mut hint = SizeHint::new();
                if let Some(upper) = rest.upper() {
                    hint.set_upper(upper.saturating_add(read));
                }
                hint.set_lower(rest.lower().saturating_add(read));
                hint
            }
        }
    }
}

impl<B: Body> fmt::Debug for CacheBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.inner {
            Inner::Stored { .. } => "CacheBody::Stored",
            Inner::Service { .. } => "CacheBody::Service",
            Inner::Resumed { .. } => "CacheBody::Resumed",
        })
    }
}

/// Reads a body up to a limit.
pub(super) struct Collect<B> {
    // Boxed, for it has been polled when it is handed on.
    body: Option<Pin<Box<B>>>,
    data: VecDeque<Bytes>,
    len: usize,
    limit: usize,
}

pub(super) enum Collected<B: Body> {
    Complete(Bytes),
    /// Too large, broken, or with trailers: all that was read, and the rest.
    Unfit(CacheBody<B>),
}

impl<B: Body<Data = Bytes>> Collect<B> {
    pub(super) fn new(body: B, limit: usize) -> Self {
        Self { body: Some(Box::pin(body)), data: VecDeque::new(), len: 0, limit }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Collected<B>> {
        while let Some(body) = &mut self.body {
            match ready!(body.as_mut().poll_frame(cx)) {
                None => break,
                Some(Err(error)) => {
                    self.body = None;
                    return Poll::Ready(self.unfit(Some(Err(error))));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.len = self.len.saturating_add(data.len());
                        self.data.push_back(data);
                        if self.len > self.limit {
                            return Poll::Ready(self.unfit(None));
                        }
                    }
                    Err(trailers) => return Poll::Ready(self.unfit(Some(Ok(trailers)))),
                },
            }
        }
        Poll::Ready(Collected::Complete(self.concat()))
    }

    fn unfit(&mut self, last: Option<Result<Frame<Bytes>, B::Error>>) -> Collected<B> {
        let frames = std::mem::take(&mut self.data).into_iter().map(|data| Ok(Frame::data(data))).chain(last).collect();
        Collected::Unfit(CacheBody::resumed(frames, self.body.take()))
    }

    fn concat(&mut self) -> Bytes {
        // Copied even where it is one piece: that may be a small part of a large buffer, which it would keep alive.
        let mut all = BytesMut::with_capacity(self.len);
        self.data.drain(..).for_each(|data| all.extend_from_slice(&data));
        all.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    #[test]
    fn what_is_collected_keeps_no_larger_buffer_alive() {
        let buffer = Bytes::from(vec![b'a'; 1000]);
        let mut collect = Collect::new(Full::new(buffer.slice(..10)), 100);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let Poll::Ready(Collected::Complete(body)) = collect.poll(&mut cx) else { panic!("not complete") };
        drop(collect);
        assert_eq!(body, "aaaaaaaaaa");
        assert!(buffer.is_unique());
    }
}
