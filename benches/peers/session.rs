//! `SessionLayer` beside `tower-sessions`, with its plain cookie, which is its default, and with its signed one, which
//! does what ours does.

use crate::{both, drive};
use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use axum_upstash::session as ours;
use criterion::Criterion;
use http::{StatusCode, header};
use std::{
    convert::Infallible,
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
};
use tower::{Layer, Service};
use tower_sessions as theirs;

const OURS: &str = "ours";
const PLAIN: &str = "tower-sessions";
const SIGNED: &str = "tower-sessions, signed";

/// The operations that both kinds of session have.
trait Session: Clone + Send + Sync + 'static {
    fn read(&self) -> impl Future<Output = Option<String>> + Send;
    fn write(&self, name: &str, value: u64) -> impl Future<Output = ()> + Send;
    fn begin(&self) -> impl Future<Output = ()> + Send;
    fn rotate(&self) -> impl Future<Output = ()> + Send;
}

impl Session for ours::Session {
    async fn read(&self) -> Option<String> {
        self.get("user").await.expect("a session")
    }

    async fn write(&self, name: &str, value: u64) {
        self.insert(name, value).await.expect("a session");
    }

    async fn begin(&self) {
        self.insert("user", "ferris").await.expect("a session");
    }

    async fn rotate(&self) {
        ours::Session::rotate(self).expect("a session");
    }
}

impl Session for theirs::Session {
    async fn read(&self) -> Option<String> {
        self.get("user").await.expect("a session")
    }

    async fn write(&self, name: &str, value: u64) {
        self.insert(name, value).await.expect("a session");
    }

    async fn begin(&self) {
        self.insert("user", "ferris").await.expect("a session");
    }

    async fn rotate(&self) {
        self.cycle_id().await.expect("a session");
    }
}

fn session<T: Session>(request: &Request) -> T {
    request.extensions().get::<T>().expect("a session").clone()
}

async fn read<T: Session>(request: Request) -> Response {
    assert_eq!(session::<T>(&request).read().await.as_deref(), Some("ferris"));
    "ok".into_response()
}

async fn write<T: Session>(request: Request) -> Response {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    session::<T>(&request).write("count", COUNT.fetch_add(1, Ordering::Relaxed)).await;
    "ok".into_response()
}

async fn begin<T: Session>(request: Request) -> Response {
    session::<T>(&request).begin().await;
    "ok".into_response()
}

async fn login<T: Session>(request: Request) -> Response {
    let session = session::<T>(&request);
    session.rotate().await;
    session.begin().await;
    "ok".into_response()
}

fn ours() -> ours::SessionLayer {
    let keys = ours::KeyRing::new(["a secret of at least 32 bytes, for a bench"]).expect("a key");
    ours::SessionLayer::new(ours::store::MemorySessionStore::new(), keys)
}

fn plain() -> theirs::SessionManagerLayer<theirs::MemoryStore> {
    theirs::SessionManagerLayer::new(theirs::MemoryStore::default())
}

fn signed() -> theirs::SessionManagerLayer<theirs::MemoryStore, theirs::service::SignedCookie> {
    plain().with_signed(theirs::cookie::Key::from(&[7; 64]))
}

/// The cookie of a session that was begun through this service.
fn cookie<S, B>(service: S) -> String
where
    S: Service<Request, Response = http::Response<B>, Error = Infallible>,
{
    let response = drive::once(service, drive::request("/"));
    let line = response.headers()[header::SET_COOKIE].to_str().expect("a cookie");
    line.split(';').next().expect("a cookie").to_owned()
}

/// A browser's cookies, the session's among them.
fn with_cookie(cookie: &str) -> impl Fn(u64) -> Request + use<> {
    let value = http::HeaderValue::try_from(format!("theme=dark; {cookie}; lang=en")).expect("a value");
    move |_| {
        let mut request = drive::request("/");
        request.headers_mut().insert(header::COOKIE, value.clone());
        request
    }
}

fn without_cookie(_: u64) -> Request {
    drive::request("/")
}

/// Times a handler with requests of one session.
macro_rules! existing {
    ($group:expr, $name:expr, $layer:expr, $session:ty, $handler:expr, $check:expr) => {{
        let layer = $layer;
        let request = with_cookie(&cookie(layer.layer(drive::service(begin::<$session>))));
        both!($group, $name, layer, $handler, &request, $check);
    }};
}

pub fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("session, untouched");
    existing!(&mut group, OURS, ours(), ours::Session, drive::ok, unchanged);
    existing!(&mut group, PLAIN, plain(), theirs::Session, drive::ok, unchanged);
    existing!(&mut group, SIGNED, signed(), theirs::Session, drive::ok, unchanged);
    group.finish();

    let mut group = criterion.benchmark_group("session, read");
    existing!(&mut group, OURS, ours(), ours::Session, read::<ours::Session>, unchanged);
    existing!(&mut group, PLAIN, plain(), theirs::Session, read::<theirs::Session>, unchanged);
    existing!(&mut group, SIGNED, signed(), theirs::Session, read::<theirs::Session>, unchanged);
    group.finish();

    // The peer sends its cookie with every change, ours only if the client has to learn something.
    let mut group = criterion.benchmark_group("session, write");
    existing!(&mut group, OURS, ours(), ours::Session, write::<ours::Session>, unchanged);
    existing!(&mut group, PLAIN, plain(), theirs::Session, write::<theirs::Session>, has_cookie);
    existing!(&mut group, SIGNED, signed(), theirs::Session, write::<theirs::Session>, has_cookie);
    group.finish();

    let mut group = criterion.benchmark_group("session, begin");
    both!(&mut group, OURS, ours(), begin::<ours::Session>, without_cookie, has_cookie);
    both!(&mut group, PLAIN, plain(), begin::<theirs::Session>, without_cookie, has_cookie);
    both!(&mut group, SIGNED, signed(), begin::<theirs::Session>, without_cookie, has_cookie);
    group.finish();

    let mut group = criterion.benchmark_group("session, login");
    both!(&mut group, OURS, ours(), login::<ours::Session>, without_cookie, has_cookie);
    both!(&mut group, PLAIN, plain(), login::<theirs::Session>, without_cookie, has_cookie);
    both!(&mut group, SIGNED, signed(), login::<theirs::Session>, without_cookie, has_cookie);
    group.finish();
}

fn unchanged<B>(response: &http::Response<B>) {
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key(header::SET_COOKIE));
}

fn has_cookie<B>(response: &http::Response<B>) {
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().contains_key(header::SET_COOKIE));
}
