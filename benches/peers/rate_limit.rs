//! `RateLimitLayer` beside `tower_governor`.

use crate::{
    both,
    drive::{self, WARM},
};
use axum::extract::{ConnectInfo, Request};
use axum_upstash::ratelimit::{Rate, Algorithm, FixedWindow, Gcra, RequestHead, HeaderStyles, Key, RateLimitLayer, Ratelimit, SlidingWindow, TokenBucket};
use criterion::Criterion;
use http::{Response, StatusCode};
use std::{net::SocketAddr, time::Duration};
use tower::Layer;
use tower_governor::{GovernorError, GovernorLayer, governor::GovernorConfigBuilder, key_extractor::KeyExtractor};

const MINUTE: Duration = Duration::from_secs(60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// A limit that no run reaches.
const PLENTY: u32 = 1_000_000;
/// Each has asked twice before the timing begins.
const CLIENTS: u64 = WARM / 2;
const API_KEY: &str = "x-api-key";
const ALGORITHMS: [&str; 4] = ["ours, fixed window", "ours, sliding window", "ours, token bucket", "ours, gcra"];

/// A request of one of many clients.
fn request(index: u64) -> Request {
    let client = index % CLIENTS;
    let [.., high, low] = client.to_be_bytes();
    let mut request = drive::request("/");
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, high, low], 40_000))));
    request.headers_mut().insert(API_KEY, format!("key-{client:08}").parse().expect("a value"));
    request
}

fn ours(algorithm: &str, limit: u32, window: Duration) -> RateLimitLayer {
    let algorithm: Algorithm = match algorithm {
        "ours, fixed window" => FixedWindow::new(limit, window).into(),
        "ours, sliding window" => SlidingWindow::new(limit, window).into(),
        "ours, token bucket" => TokenBucket::new(limit, Rate::new(limit, window)).into(),
        _ => Gcra::new(Rate::new(limit, window), limit).into(),
    };
    RateLimitLayer::new("default", Ratelimit::memory(algorithm))
}

fn api_key(head: RequestHead<'_>) -> Key {
    match head.header(API_KEY) {
        Some(key) => Key::Limit(key.to_owned()),
        None => Key::Skip,
    }
}

/// The same key for the peer.
#[derive(Debug, Clone)]
struct ApiKey;

impl KeyExtractor for ApiKey {
    type Key = String;

    fn extract<T>(&self, request: &http::Request<T>) -> Result<String, GovernorError> {
        let value = request.headers().get(API_KEY).and_then(|value| value.to_str().ok());
        value.map(str::to_owned).ok_or(GovernorError::UnableToExtractKey)
    }
}

/// The peer's settings: so many at once, and one more after each period. The layers are of different types.
macro_rules! governor {
    ($burst:expr, $period:expr $(, $option:ident($($value:expr)?))*) => {{
        let mut config = GovernorConfigBuilder::default();
        config.burst_size($burst).period($period);
        $(let mut config = config.$option($($value)?);)*
        GovernorLayer::new(config.finish().expect("a limit"))
    }};
}

pub fn benches(criterion: &mut Criterion) {
    let tick = Duration::from_nanos(1);

    let mut group = criterion.benchmark_group("rate limit by peer, with headers");
    for name in ALGORITHMS {
        both!(&mut group, name, ours(name, PLENTY, MINUTE), drive::ok, request, passed("ratelimit"));
    }
    let governor = || governor!(PLENTY, tick, use_headers());
    both!(&mut group, "tower_governor", governor(), drive::ok, request, passed("x-ratelimit-remaining"));
    group.finish();

    let mut group = criterion.benchmark_group("rate limit by peer, without headers");
    for name in ALGORITHMS {
        let ours = || ours(name, PLENTY, MINUTE).with_headers(HeaderStyles::NONE);
        both!(&mut group, name, ours(), drive::ok, request, passed_silently);
    }
    both!(&mut group, "tower_governor", governor!(PLENTY, tick), drive::ok, request, passed_silently);
    group.finish();

    let mut group = criterion.benchmark_group("rate limit by key, with headers");
    for name in ALGORITHMS {
        let ours = || ours(name, PLENTY, MINUTE).with_key(api_key);
        both!(&mut group, name, ours(), drive::ok, request, passed("ratelimit"));
    }
    let governor = || governor!(PLENTY, tick, key_extractor(ApiKey), use_headers());
    both!(&mut group, "tower_governor", governor(), drive::ok, request, passed("x-ratelimit-remaining"));
    group.finish();

    let mut group = criterion.benchmark_group("rate limit by peer, refused");
    for name in ALGORITHMS {
        both!(&mut group, name, ours(name, 1, YEAR), drive::ok, request, refused);
    }
    both!(&mut group, "tower_governor", governor!(1, YEAR, use_headers()), drive::ok, request, refused);
    group.finish();
}

fn passed<B>(header: &str) -> impl Fn(&Response<B>) {
    move |response| {
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers().contains_key(header), "{:?}", response.headers());
    }
}

fn passed_silently<B>(response: &Response<B>) {
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().keys().any(|name| name.as_str().contains("ratelimit")));
}

fn refused<B>(response: &Response<B>) {
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers().contains_key("retry-after"));
}
