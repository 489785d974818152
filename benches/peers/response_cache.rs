//! `ResponseCacheLayer` beside `axum-response-cache`.

use crate::{
    both,
    drive::{self, WARM},
};
use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use axum_response_cache::CacheLayer;
use axum_upstash::response_cache::{CacheOutcome, ResponseCacheLayer};
use criterion::Criterion;
use http::{HeaderValue, StatusCode, header};
use std::time::Duration;
use tower::Layer;

const OURS: &str = "ours";
const PLAIN: &str = "axum-response-cache";
const AGED: &str = "axum-response-cache, with age";
const HOUR: Duration = Duration::from_secs(3600);
/// Each was asked for twice before the timing begins.
const RESOURCES: u64 = WARM / 2;

/// 1 KiB, the same for all clients.
async fn handler(_: Request) -> Response {
    static BODY: [u8; 1024] = [b'x'; 1024];
    ([(header::CACHE_CONTROL, "max-age=3600"), (header::CONTENT_TYPE, "text/plain")], &BODY[..]).into_response()
}

fn of(resource: u64) -> Request {
    let mut request = drive::request(&format!("/resources/{resource}?page=1"));
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("example.com"));
    request
}

fn known(index: u64) -> Request {
    of(index % RESOURCES)
}

pub fn benches(criterion: &mut Criterion) {
    let aged = || CacheLayer::with_lifespan(HOUR).add_response_headers();

    let mut group = criterion.benchmark_group("response cache, hit");
    both!(&mut group, OURS, ResponseCacheLayer::memory(), handler, known, ours(CacheOutcome::Hit));
    both!(&mut group, PLAIN, CacheLayer::with_lifespan(HOUR), handler, known, ok);
    both!(&mut group, AGED, aged(), handler, known, has_age);
    group.finish();

    // Looked for, made by the handler and stored.
    let mut group = criterion.benchmark_group("response cache, miss");
    both!(&mut group, OURS, ResponseCacheLayer::memory(), handler, of, ours(CacheOutcome::Miss));
    both!(&mut group, PLAIN, CacheLayer::with_lifespan(HOUR), handler, of, ok);
    both!(&mut group, AGED, aged(), handler, of, has_age);
    group.finish();
}

fn ok<B>(response: &http::Response<B>) {
    assert_eq!(response.status(), StatusCode::OK);
}

fn ours<B>(outcome: CacheOutcome) -> impl Fn(&http::Response<B>) {
    move |response| {
        ok(response);
        assert_eq!(response.extensions().get(), Some(&outcome));
    }
}

fn has_age<B>(response: &http::Response<B>) {
    ok(response);
    assert!(response.headers().contains_key("x-cache-age"));
}
