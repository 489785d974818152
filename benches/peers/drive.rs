//! Drives a service as a server does, and times that alone.

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
    routing::any,
};
use bytes::Bytes;
use criterion::{BenchmarkGroup, BenchmarkId, measurement::WallTime};
use http_body_util::BodyExt;
use std::{
    convert::Infallible,
    fmt::Debug,
    future::Future,
    time::{Duration, Instant},
};
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt};

pub type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Requests are made outside the timed part, so many at a time.
const CHUNK: u64 = 64;
/// Number of requests that each service answers before it is timed.
pub const WARM: u64 = 512;

pub async fn ok(_: Request) -> Response {
    "ok".into_response()
}

pub fn request(uri: &str) -> Request {
    Request::get(uri).body(Body::empty()).expect("a request")
}

/// `handler` behind a router, for any path.
pub fn router<F>(handler: fn(Request) -> F) -> Router
where
    F: Future<Output = Response> + Send + 'static,
{
    Router::new().route("/", any(handler)).route("/{*path}", any(handler))
}

/// `handler` as a service of its own.
pub fn service<F>(
    handler: fn(Request) -> F,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
where
    F: Future<Output = Response> + Send + 'static,
{
    tower::service_fn(move |request| {
        let response = handler(request);
        async move { Ok(response.await) }
    })
}

/// Times a layer, made anew for each sample, around a router and around the handler alone.
#[macro_export]
macro_rules! both {
    ($group:expr, $name:expr, $layer:expr, $handler:expr, $request:expr, $check:expr) => {{
        use $crate::drive::{bench, router, service};
        bench($group, $name, "router", || $layer.layer(router($handler)), $request, $check);
        bench($group, $name, "service_fn", || $layer.layer(service($handler)), $request, $check);
    }};
}

/// Times a service, made anew for each sample, with the requests of `request`; the response to the last one before the
/// timing is shown to `check`.
pub fn bench<S, B>(
    group: &mut Group<'_>,
    name: &str,
    around: &str,
    make: impl Fn() -> S,
    request: impl Fn(u64) -> Request,
    check: impl Fn(&http::Response<B>),
) where
    S: Service<Request, Response = http::Response<B>, Error = Infallible>,
    B: BodyExt<Data = Bytes, Error: Debug> + Unpin,
{
    let runtime = runtime();
    group.bench_function(BenchmarkId::new(name, around), |bencher| {
        bencher.iter_custom(|iterations| {
            let mut service = make();
            runtime.block_on(async {
                for index in 0..WARM {
                    let response = call(&mut service, request(index)).await;
                    if index + 1 == WARM {
                        check(&response);
                    }
                    read(response).await;
                }
                let mut requests = Vec::new();
                let mut sum = Duration::ZERO;
                let mut done = 0;
                while done < iterations {
                    let end = iterations.min(done + CHUNK);
                    requests.extend((done..end).map(|index| request(WARM + index)));
                    let start = Instant::now();
                    for request in requests.drain(..) {
                        read(call(&mut service, request).await).await;
                    }
                    sum += start.elapsed();
                    done = end;
                }
                sum
            })
        });
    });
}

/// One response, outside of any timing.
pub fn once<S, B>(mut service: S, request: Request) -> http::Response<B>
where
    S: Service<Request, Response = http::Response<B>, Error = Infallible>,
{
    runtime().block_on(call(&mut service, request))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

async fn call<S>(service: &mut S, request: Request) -> S::Response
where
    S: Service<Request, Error = Infallible>,
{
    let Ok(service) = service.ready().await;
    let Ok(response) = service.call(request).await;
    response
}

/// Reads the body, as a server would.
async fn read<B>(response: http::Response<B>)
where
    B: BodyExt<Data = Bytes, Error: Debug> + Unpin,
{
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        std::hint::black_box(frame.expect("a frame"));
    }
}
