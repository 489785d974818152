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
        Resumed { frames: VecDeque<Result<Frame<Bytes>, B::Error>>, rest: Option<Pin<Box<B>>>, told: SizeHint },
    }
}

impl<B: Body> CacheBody<B> {
    pub(super) fn stored(bytes: Bytes) -> Self {
        Self { inner: Inner::Stored { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()) } }
    }

    pub(super) fn service(body: B) -> Self {
        Self { inner: Inner::Service { body } }
    }

    /// A body that is complete and not of the length that its head tells. `told` is what it said of itself.
    pub(super) fn cut(bytes: Bytes, told: SizeHint) -> Self {
        Self::resumed(VecDeque::from([Ok(Frame::data(bytes))]), None, told)
    }

    fn resumed(frames: VecDeque<Result<Frame<Bytes>, B::Error>>, rest: Option<Pin<Box<B>>>, told: SizeHint) -> Self {
        Self { inner: Inner::Resumed { frames, rest, told } }
    }
}

impl<B: Body<Data = Bytes>> Body for CacheBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().inner.project() {
            InnerProj::Stored { bytes } => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            InnerProj::Service { body } => body.poll_frame(cx),
            InnerProj::Resumed { frames, rest, told } => match (frames.pop_front(), rest) {
                (Some(frame), _) => {
                    let sent = frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
                    *told = less(told, sent as u64);
                    Poll::Ready(Some(frame))
                }
                (None, Some(rest)) => rest.as_mut().poll_frame(cx),
                (None, None) => Poll::Ready(None),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Stored { bytes } => bytes.is_none(),
            Inner::Service { body } => body.is_end_stream(),
            Inner::Resumed { frames, rest, .. } => {
                frames.is_empty() && rest.as_ref().is_none_or(|rest| rest.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Stored { bytes } => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Inner::Service { body } => body.size_hint(),
            // The frames that were read give no length: the body may end in an error or in trailers, which an exact
            // length would hide.
            Inner::Resumed { frames, rest: Some(rest), .. } if frames.is_empty() => rest.size_hint(),
            Inner::Resumed { told, .. } => *told,
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

/// The remaining length when `sent` bytes are gone.
fn less(hint: &SizeHint, sent: u64) -> SizeHint {
    let mut left = SizeHint::new();
    left.set_lower(hint.lower().saturating_sub(sent));
    if let Some(upper) = hint.upper() {
        left.set_upper(upper.saturating_sub(sent).max(left.lower()));
    }
    left
}

/// Reads a body up to a limit.
pub(super) struct Collect<B> {
    // Boxed, for it has been polled when it is handed on.
    body: Option<Pin<Box<B>>>,
    data: VecDeque<Bytes>,
    len: usize,
    limit: usize,
    /// The length that the body announced before it was read.
    told: SizeHint,
}

pub(super) enum Collected<B: Body> {
    /// All of it, and what the body said of its length.
    Complete { data: Bytes, told: SizeHint },
    /// Too large, or with trailers: all that was read, and the rest.
    Unfit(CacheBody<B>),
    /// All that was read, and the error.
    Broken(CacheBody<B>),
}

impl<B: Body<Data = Bytes>> Collect<B> {
    pub(super) fn new(body: B, limit: usize) -> Self {
        let told = body.size_hint();
        Self { body: Some(Box::pin(body)), data: VecDeque::new(), len: 0, limit, told }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Collected<B>> {
        while let Some(body) = &mut self.body {
            match ready!(body.as_mut().poll_frame(cx)) {
                None => break,
                Some(Err(error)) => {
                    self.body = None;
                    return Poll::Ready(Collected::Broken(self.resume(Some(Err(error)))));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.len = self.len.saturating_add(data.len());
                        self.data.push_back(data);
                        if self.len > self.limit {
                            return Poll::Ready(Collected::Unfit(self.resume(None)));
                        }
                    }
                    Err(trailers) => return Poll::Ready(Collected::Unfit(self.resume(Some(Ok(trailers))))),
                },
            }
        }
        Poll::Ready(Collected::Complete { data: self.concat(), told: self.told })
    }

    fn resume(&mut self, last: Option<Result<Frame<Bytes>, B::Error>>) -> CacheBody<B> {
        let frames = std::mem::take(&mut self.data).into_iter().map(|data| Ok(Frame::data(data))).chain(last).collect();
        CacheBody::resumed(frames, self.body.take(), self.told)
    }

    fn concat(&mut self) -> Bytes {
        // Copied even if it is one piece, which may be a small part of a large buffer, and would keep that alive.
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
        let Poll::Ready(Collected::Complete { data: body, .. }) = collect.poll(&mut cx) else { panic!("not complete") };
        drop(collect);
        assert_eq!(body, "aaaaaaaaaa");
        assert!(buffer.is_unique());
    }
}
