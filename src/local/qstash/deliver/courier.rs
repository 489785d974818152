use std::{error::Error as StdError, pin::pin, time::Duration};

use axum_core::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, header::HOST};
use http_body_util::BodyExt;
use url::Url;

use super::{Outcome, Targets, targets::Target};
use crate::local::clock::LocalClock;

/// An attempt to make.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) url: String,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How long it may take on the server's clock, in milliseconds.
    pub(crate) timeout_ms: u64,
    /// The bytes of the response that are kept.
    pub(crate) max_response: usize,
}

/// Makes attempts.
#[derive(Debug)]
pub(crate) struct Courier {
    client: reqwest::Client,
    targets: Targets,
    clock: LocalClock,
}

impl Courier {
    pub(crate) fn new(targets: Targets, clock: LocalClock) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            // A response of 3xx is a failure, and its Location may be anywhere.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(8)
            // Node.js closes a connection that nothing came through for 5 s, perhaps while a request is on its way.
            .pool_idle_timeout(Duration::from_secs(3))
            .build()?;
        Ok(Self { client, targets, clock })
    }

    /// Makes an attempt. Dropping the future closes the connection.
    pub(crate) async fn deliver(&self, delivery: Delivery) -> Outcome {
        let timeout_ms = delivery.timeout_ms;
        let late = pin!(self.clock.sleep(timeout_ms));
        tokio::select! {
            outcome = self.attempt(delivery) => outcome,
            () = late => Outcome::failed(format!("no whole response within {} s", timeout_ms.div_ceil(1_000))),
        }
    }

    async fn attempt(&self, delivery: Delivery) -> Outcome {
        let most = delivery.max_response;
        let Ok(url) = Url::parse(&delivery.url) else {
            return Outcome::failed("the destination is not a URL");
        };
        match self.targets.of(&url) {
            Err(reason) => Outcome::failed(reason),
            Ok(Target::Service(service)) => {
                let mut request = Request::new(Body::from(delivery.body));
                *request.method_mut() = delivery.method;
                *request.headers_mut() = delivery.headers;
                if let Some(host) = authority(&url) {
                    request.headers_mut().insert(HOST, host);
                }
                let Ok(uri) = url[url::Position::BeforePath..url::Position::AfterQuery].parse() else {
                    return Outcome::failed("the destination is not a URL");
                };
                *request.uri_mut() = uri;
                let (head, body) = service.call(request).await.into_parts();
                read(head.status.as_u16(), head.headers, body, most).await
            }
            Ok(Target::Url(target)) => {
                let mut request = reqwest::Request::new(delivery.method, target);
                *request.headers_mut() = delivery.headers;
                if let Some(host) = authority(&url) {
                    request.headers_mut().insert(HOST, host);
                }
                *request.body_mut() = Some(delivery.body.into());
                match self.client.execute(request).await {
                    Ok(response) => {
                        let (head, body) = http::Response::from(response).into_parts();
                        read(head.status.as_u16(), head.headers, body, most).await
                    }
                    Err(error) => Outcome::failed(reason(&error)),
                }
            }
        }
    }
}

/// Reads a response, and leaves what is longer than it may be.
async fn read<B>(status: u16, headers: HeaderMap, body: B, most: usize) -> Outcome
where
    B: http_body::Body<Data = Bytes>,
    B::Error: StdError,
{
    let mut body = pin!(body);
    let mut kept = BytesMut::new();
    let mut error = None;
    while kept.len() < most {
        match body.frame().await {
            None => break,
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    kept.extend_from_slice(&data[..data.len().min(most - kept.len())]);
                }
            }
            Some(Err(broken)) => {
                error = Some(reason(&broken));
                break;
            }
        }
    }
    Outcome { status, headers, body: kept.freeze(), error }
}

/// The value of `Host` for a URL.
fn authority(url: &Url) -> Option<HeaderValue> {
    HeaderValue::from_str(&url[url::Position::BeforeHost..url::Position::AfterPort]).ok()
}

/// The innermost reason of an error: those around it repeat the URL.
fn reason(error: &dyn StdError) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
