use super::{Transport, TransportBody, TransportError, TransportErrorKind};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use js_sys::{Array, Reflect, Uint8Array};
use send_wrapper::SendWrapper;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, Request, RequestInit, RequestRedirect, Response};

/// The built-in [`Transport`] on wasm32: the host's `fetch`.
///
/// It follows no redirect, so that a token goes to no other host. A request that is given up, because its deadline has
/// passed or its future was dropped, is aborted. A body is read as it arrives, so that subscriptions work.
///
/// `fetch` does not say whether a request that failed was sent: each failure counts as
/// [`TransportErrorKind::Interrupted`], and is repeated only if a repeat does no harm.
#[derive(Debug, Clone, Copy, Default)]
pub struct FetchTransport;

#[wasm_bindgen]
extern "C" {
    // The free function: some hosts have neither a `Window` nor a `WorkerGlobalScope`.
    #[wasm_bindgen(catch)]
    fn fetch(request: &Request) -> Result<js_sys::Promise, JsValue>;
}

impl Transport for FetchTransport {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        // JavaScript values are not `Send`; the host has one thread.
        Box::pin(SendWrapper::new(exchange(request)))
    }
}

async fn exchange(request: http::Request<Bytes>) -> Result<http::Response<TransportBody>, TransportError> {
    let abort = Abort(AbortController::new().map_err(|error| unsendable(&error))?);
    let request = convert(request, &abort.0).map_err(|error| unsendable(&error))?;
    let promise = fetch(&request).map_err(|error| unsendable(&error))?;
    let response: Response =
        JsFuture::from(promise).await.and_then(JsCast::dyn_into).map_err(|error| interrupted(&error))?;
    let mut head = http::Response::new(());
    *head.status_mut() = status(&response)?;
    for entry in response.headers().entries() {
        let entry: Array = entry.map_err(|error| interrupted(&error))?.unchecked_into();
        let text = |index| entry.get(index).as_string().unwrap_or_default();
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(text(0)), HeaderValue::try_from(text(1))) {
            head.headers_mut().append(name, value);
        }
    }
    let reader = response.body().map(|body| body.get_reader().unchecked_into::<ReadableStreamDefaultReader>());
    let body = FetchBody(SendWrapper::new(State { reader, read: None, _abort: abort }));
    Ok(head.map(|()| body.boxed_unsync()))
}

/// A browser hides a redirect that is not followed behind the status 0.
fn status(response: &Response) -> Result<StatusCode, TransportError> {
    StatusCode::from_u16(response.status())
        .map_err(|_| TransportError::new(TransportErrorKind::Request, "the server answered with a redirect"))
}

fn convert(request: http::Request<Bytes>, abort: &AbortController) -> Result<Request, JsValue> {
    let (head, body) = request.into_parts();
    let headers = Headers::new()?;
    for (name, value) in &head.headers {
        let value = value.to_str().map_err(|_| JsValue::from_str("a header is not text"))?;
        headers.append(name.as_str(), value)?;
    }
    let init = RequestInit::new();
    init.set_method(head.method.as_str());
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&abort.signal()));
    init.set_headers(&headers);
    if !body.is_empty() {
        init.set_body(&Uint8Array::from(&body[..]));
    }
    Request::new_with_str_and_init(&head.uri.to_string(), &init)
}

/// Aborts the request when it is dropped, whichever part of the answer was awaited.
struct Abort(AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct FetchBody(SendWrapper<State>);

struct State {
    /// `None` when the body has ended.
    reader: Option<ReadableStreamDefaultReader>,
    read: Option<JsFuture>,
    _abort: Abort,
}

impl Body for FetchBody {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let state = &mut *self.0;
        let Some(reader) = &state.reader else { return Poll::Ready(None) };
        let read = state.read.get_or_insert_with(|| JsFuture::from(reader.read()));
        let read = ready!(Pin::new(read).poll(cx));
        state.read = None;
        Poll::Ready(match read.and_then(|read| chunk(&read)) {
            Ok(Some(bytes)) => Some(Ok(Frame::data(bytes))),
            Ok(None) => {
                state.reader = None;
                None
            }
            Err(error) => {
                state.reader = None;
                Some(Err(interrupted(&error)))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.reader.is_none()
    }
}

/// The bytes of one read of a stream, or `None` at its end.
fn chunk(read: &JsValue) -> Result<Option<Bytes>, JsValue> {
    if Reflect::get(read, &JsValue::from_str("done"))?.is_truthy() {
        return Ok(None);
    }
    let value: Uint8Array = Reflect::get(read, &JsValue::from_str("value"))?.dyn_into()?;
    Ok(Some(value.to_vec().into()))
}

fn unsendable(error: &JsValue) -> TransportError {
    TransportError::new(TransportErrorKind::Request, Thrown::from(error))
}

fn interrupted(error: &JsValue) -> TransportError {
    TransportError::new(TransportErrorKind::Interrupted, Thrown::from(error))
}

/// An exception of JavaScript.
#[derive(Debug)]
struct Thrown(String);

impl From<&JsValue> for Thrown {
    fn from(value: &JsValue) -> Self {
        let message = value.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
        Self(message.or_else(|| value.as_string()).unwrap_or_else(|| "an exception without a message".to_owned()))
    }
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Thrown {}
