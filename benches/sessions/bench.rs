//! Requests per second and latency of sessions, in memory and in Redis over TCP, beside `tower-sessions`; and how often
//! each of them calls Redis. Words as arguments choose rows: `ours memory /login`.

use axum::{
    Router,
    body::Body,
    extract::FromRequestParts,
    http::{Request, StatusCode, header},
    routing::{get, post},
};
use axum_upstash::{redis::Redis, session as ours};
use http_body_util::BodyExt;
use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tower::ServiceExt;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};

#[path = "../../tests/shared/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;

const SLICE: Duration = Duration::from_secs(2);
const TASKS: usize = 32;

trait Session: Clone + Send + Sync + 'static {
    fn read(&self) -> impl Future<Output = Option<String>> + Send;
    fn write(&self, value: u64) -> impl Future<Output = ()> + Send;
    /// Writes without a load, if the session can.
    fn put(&self, value: u64) -> impl Future<Output = ()> + Send {
        self.write(value)
    }
    fn login(&self) -> impl Future<Output = ()> + Send;
}

impl Session for ours::Session {
    async fn read(&self) -> Option<String> {
        self.get("user").await.unwrap()
    }

    async fn write(&self, value: u64) {
        self.insert("count", value).await.unwrap();
    }

    async fn put(&self, value: u64) {
        ours::Session::insert_without_load(self, "count", value).unwrap();
    }

    async fn login(&self) {
        let _: Option<String> = self.get("user").await.unwrap();
        self.rotate().unwrap();
        self.insert("user", "ferris").await.unwrap();
    }
}

macro_rules! tower_session {
    ($path:path) => {
        impl Session for $path {
            async fn read(&self) -> Option<String> {
                self.get("user").await.unwrap()
            }

            async fn write(&self, value: u64) {
                self.insert("count", value).await.unwrap();
            }

            async fn login(&self) {
                let _: Option<String> = self.get("user").await.unwrap();
                self.cycle_id().await.unwrap();
                self.insert("user", "ferris").await.unwrap();
            }
        }
    };
}
tower_session!(tower_sessions::Session);
tower_session!(tower_sessions_14::Session);

fn routes<S: Session + FromRequestParts<()>>() -> Router {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    Router::new()
        .route("/untouched", get(|_: S| async {}))
        .route("/read", get(|session: S| async move { session.read().await.unwrap() }))
        .route("/write", post(|session: S| async move { session.write(COUNT.fetch_add(1, Ordering::Relaxed)).await }))
        .route("/put", post(|session: S| async move { session.put(COUNT.fetch_add(1, Ordering::Relaxed)).await }))
        .route("/login", post(|session: S| async move { session.login().await }))
}

async fn ask(app: &Router, method: &str, path: &str, cookie: Option<&str>) -> Option<String> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let line = response.headers().get(header::SET_COOKIE).map(|line| line.to_str().unwrap().to_owned());
    response.into_body().collect().await.unwrap();
    line.map(|line| line.split(';').next().unwrap().to_owned())
}

/// Requests per second, and the median of what each took in microseconds.
async fn measure(app: &Router, method: &'static str, path: &'static str, tasks: usize) -> (f64, f64) {
    let begun = Instant::now();
    let tasks = (0..tasks).map(|_| {
        let app = app.clone();
        tokio::spawn(async move {
            let mut me = ask(&app, "POST", "/login", None).await.unwrap();
            let mut waits = Vec::new();
            while begun.elapsed() < SLICE {
                let asked = Instant::now();
                let cookie = ask(&app, method, path, Some(&me)).await;
                waits.push(asked.elapsed());
                me = cookie.unwrap_or(me);
            }
            waits
        })
    });
    let mut waits = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        waits.extend(task.await.unwrap());
    }
    waits.sort_unstable();
    (waits.len() as f64 / begun.elapsed().as_secs_f64(), waits[waits.len() / 2].as_nanos() as f64 / 1_000.0)
}

/// The commands that clients have sent: those that a script runs are not among them.
async fn sent(redis: &Redis) -> u64 {
    let stats: String = redis.cmd("INFO").arg("commandstats").query().await.unwrap();
    let scripts = stats.contains("cmdstat_evalsha");
    let calls = |line: &str| -> Option<u64> {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let counts = if scripts { name.starts_with("eval") } else { ["get", "set", "del"].contains(&name) };
        counts.then(|| rest.split(',').next().unwrap().parse().unwrap())
    };
    let sum = stats.lines().filter_map(calls).sum();
    redis.cmd("CONFIG").arg("RESETSTAT").query::<String>().await.unwrap();
    sum
}

async fn run(name: &str, app: Router, redis: Option<&Redis>) {
    for (method, path) in
        [("GET", "/untouched"), ("GET", "/read"), ("POST", "/write"), ("POST", "/put"), ("POST", "/login")]
    {
        if !std::env::args().skip(1).all(|word| name.contains(&word) || path.contains(&word)) {
            continue;
        }
        let mut trips = String::new();
        if let Some(redis) = redis {
            let me = ask(&app, "POST", "/login", None).await.unwrap();
            let me = ask(&app, "POST", "/login", Some(&me)).await.unwrap();
            sent(redis).await;
            ask(&app, method, path, Some(&me)).await;
            trips = sent(redis).await.to_string();
        }
        let (_, one) = measure(&app, method, path, 1).await;
        let (rate, _) = measure(&app, method, path, TASKS).await;
        println!("{name:<38}{path:<12}{rate:>10.0}/s {one:>9.1} us {trips:>3}");
    }
}

fn our_layer(store: impl ours::store::SessionStore) -> ours::SessionLayer {
    ours::SessionLayer::new(store, ours::KeyRing::new(["a secret of at least 32 bytes, for a bench"]).unwrap())
}

#[tokio::main]
async fn main() {
    println!("requests per second with {TASKS} tasks; median of one after another; calls of Redis for a request");
    run("ours, memory", routes::<ours::Session>().layer(our_layer(ours::store::MemorySessionStore::new())), None).await;
    let layer = tower_sessions::SessionManagerLayer::new(tower_sessions::MemoryStore::default());
    run("tower-sessions 0.15, memory", routes::<tower_sessions::Session>().layer(layer), None).await;
    let layer = tower_sessions::SessionManagerLayer::new(tower_sessions::MemoryStore::default());
    let layer = layer.with_signed(tower_sessions::cookie::Key::generate());
    run("tower-sessions 0.15 signed, memory", routes::<tower_sessions::Session>().layer(layer), None).await;

    let server = redis_server::RedisServer::start();
    let redis = Redis::tcp(server.url()).build().unwrap();
    let app = routes::<ours::Session>().layer(our_layer(ours::store::RedisSessionStore::new(redis.clone())));
    run("ours, Redis over TCP", app, Some(&redis)).await;

    let server = redis_server::RedisServer::start();
    let redis = Redis::tcp(server.url()).build().unwrap();
    let pool = Pool::new(Config::from_url(&server.url()).unwrap(), None, None, None, 6).unwrap();
    let connection = pool.connect();
    pool.wait_for_connect().await.unwrap();
    let store = tower_sessions_redis_store::RedisStore::new(pool);
    let app = routes::<tower_sessions_14::Session>().layer(tower_sessions_14::SessionManagerLayer::new(store));
    run("tower-sessions 0.14, its Redis store", app, Some(&redis)).await;
    connection.abort();
}
