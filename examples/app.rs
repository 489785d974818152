//! All four middlewares in one application: a rate limit, a cached route, sessions and a verified QStash webhook.
//!
//! Run it with nothing set; everything is then kept in memory:
//!
//!     cargo run -p axum-upstash-examples --bin app
//!
//! or, so that several instances share the limit, the sessions and the cache, with a local Upstash
//! (`cargo run --features cli --bin upstash-local` prints the variables):
//!
//!     export UPSTASH_REDIS_REST_URL=http://127.0.0.1:8079 UPSTASH_REDIS_REST_TOKEN=local
//!     cargo run -p axum-upstash-examples --bin app
//!
//! It listens on `127.0.0.1:$PORT` (3000 if unset). Below, each line to try is followed by a part of its output.
//!
//! The limit: ten requests in ten seconds, the eleventh is refused.
//!
//!     $ curl -si http://127.0.0.1:3000/
//!     > HTTP/1.1 200 OK
//!     > ratelimit-policy: "hello";q=10;w=10
//!     > ratelimit: "hello";r=9;t=
//!     $ for i in 2 3 4 5 6 7 8 9 10 11; do curl -si http://127.0.0.1:3000/; done
//!     > ratelimit: "hello";r=0;t=
//!     > HTTP/1.1 429 Too Many Requests
//!     > content-type: application/problem+json
//!     > retry-after:
//!     > "type":"https://iana.org/assignments/http-problem-types#quota-exceeded"
//!
//! The cache: prices are computed once in five seconds.
//!
//!     $ curl -si http://127.0.0.1:3000/prices
//!     > cache-status: axum-upstash; fwd=uri-miss; stored
//!     > {"computed":1,"eur":9.99}
//!     $ curl -si http://127.0.0.1:3000/prices
//!     > cache-status: axum-upstash; hit; ttl=
//!     > age:
//!     > {"computed":1,"eur":9.99}
//!
//! The session: it begins with a visit, gets a new id at login, and is gone after logout.
//!
//!     $ curl -si -c jar -b jar http://127.0.0.1:3000/me
//!     > HTTP/1.1 401 Unauthorized
//!     $ curl -si -c jar -b jar -d user=ferris http://127.0.0.1:3000/login
//!     > HTTP/1.1 200 OK
//!     > set-cookie: id=
//!     > cache-control: private
//!     > vary: cookie
//!     $ cp jar old; curl -si -c jar -b jar http://127.0.0.1:3000/me
//!     > HTTP/1.1 200 OK
//!     > {"logins":1,"user":"ferris"}
//!     $ curl -si -c jar -b jar -d user=ferris http://127.0.0.1:3000/login
//!     > set-cookie: id=
//!     $ curl -si -c jar -b jar http://127.0.0.1:3000/me
//!     > {"logins":2,"user":"ferris"}
//!     $ curl -si -b old http://127.0.0.1:3000/me
//!     > HTTP/1.1 401 Unauthorized
//!     $ curl -si -c jar -b jar -X POST http://127.0.0.1:3000/logout
//!     > set-cookie: id=;
//!     $ curl -si -b jar http://127.0.0.1:3000/me
//!     > HTTP/1.1 401 Unauthorized
//!
//! The webhook, signed with the public keys of QStash's development server, which the example uses if
//! `QSTASH_CURRENT_SIGNING_KEY` and `QSTASH_NEXT_SIGNING_KEY` are not set. The tokens are for the address with port
//! 3000 (`PUBLIC_URL` changes it) and good until 2100; `examples/sign_webhook.rs` makes others.
//!
//!     $ curl -si http://127.0.0.1:3000/webhooks/receipt -H 'Content-Type: application/json' -H 'Upstash-Message-Id: msg_1' -d '{"order":7,"total":"9.99"}' -H 'Upstash-Signature: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiIiLCJib2R5IjoiVWtYNktYQ093QUZLQVNKZER0V09rNVlweXR2Nnd1TXNPc2ctYVMyWjdxST0iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTc5NTQzMjc3NCwiaXNzIjoiVXBzdGFzaCIsImp0aSI6Imp3dF9YazVNc0VpS0Y4M1h2WlNJMVRINWo4eWo1dkxEIiwibmJmIjotNjIxMzU1OTY4MDAsInN1YiI6Imh0dHA6Ly8xMjcuMC4wLjE6MzAwMC93ZWJob29rcy9yZWNlaXB0In0.AzIHQELe4Sh9gghtnNkYqbjLqzAhhFDY7LZkcZEsVbo'
//!     > HTTP/1.1 200 OK
//!     > receipt of 9.99 for order 7
//!     $ curl -si http://127.0.0.1:3000/webhooks/receipt -H 'Content-Type: application/json' -d '{"order":7,"total":"0.01"}' -H 'Upstash-Signature: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiIiLCJib2R5IjoiVWtYNktYQ093QUZLQVNKZER0V09rNVlweXR2Nnd1TXNPc2ctYVMyWjdxST0iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTc5NTQzMjc3NCwiaXNzIjoiVXBzdGFzaCIsImp0aSI6Imp3dF9YazVNc0VpS0Y4M1h2WlNJMVRINWo4eWo1dkxEIiwibmJmIjotNjIxMzU1OTY4MDAsInN1YiI6Imh0dHA6Ly8xMjcuMC4wLjE6MzAwMC93ZWJob29rcy9yZWNlaXB0In0.AzIHQELe4Sh9gghtnNkYqbjLqzAhhFDY7LZkcZEsVbo'
//!     > HTTP/1.1 401 Unauthorized
//!     > content-type: application/problem+json
//!     > "check":"body"
//!     $ curl -si http://127.0.0.1:3000/webhooks/receipt -H 'Content-Type: application/json' -d '{"order":7,"total":"9.99"}' -H 'Upstash-Signature: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiIiLCJib2R5IjoiVWtYNktYQ093QUZLQVNKZER0V09rNVlweXR2Nnd1TXNPc2ctYVMyWjdxST0iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTc5NTQzMjc3NCwiaXNzIjoiVXBzdGFzaCIsImp0aSI6Imp3dF94cjZ4aUtzeVF6cDNiZko2RW0yemw0ZWhXS1ZVIiwibmJmIjotNjIxMzU1OTY4MDAsInN1YiI6Imh0dHA6Ly8xMjcuMC4wLjE6MzAwMC93ZWJob29rcy9yZWNlaXB0In0.pkYJjL0EcMqHlbkBYbxPbnP9U3KfMkfN_X5BsWEqPA0'
//!     > HTTP/1.1 401 Unauthorized
//!     > "check":"signature"
//!     $ curl -si http://127.0.0.1:3000/webhooks/receipt -H 'Content-Type: application/json' -d '{"order":7,"total":"9.99"}' -H 'Upstash-Signature: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiIiLCJib2R5IjoiVWtYNktYQ093QUZLQVNKZER0V09rNVlweXR2Nnd1TXNPc2ctYVMyWjdxST0iLCJleHAiOjE3OTU0MzI3MTQsImlhdCI6MTc5NTQzMjc3NCwiaXNzIjoiVXBzdGFzaCIsImp0aSI6Imp3dF9VNU4yeldhUWlkMnI4RDlBMzdFa3ZXYjlaeERoIiwibmJmIjotNjIxMzU1OTY4MDAsInN1YiI6Imh0dHA6Ly8xMjcuMC4wLjE6MzAwMC93ZWJob29rcy9yZWNlaXB0In0.ijxAKe1gcRbQ3fX47jjmnmBcO14WYer5lVkcO9SfN6c'
//!     > HTTP/1.1 401 Unauthorized
//!     > "check":"expired"
//!     $ curl -si http://127.0.0.1:3000/webhooks/receipt -H 'Content-Type: application/json' -d '{"order":7,"total":"9.99"}' -H 'Upstash-Signature: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiIiLCJib2R5IjoiVWtYNktYQ093QUZLQVNKZER0V09rNVlweXR2Nnd1TXNPc2ctYVMyWjdxST0iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTc5NTQzMjc3NCwiaXNzIjoiVXBzdGFzaCIsImp0aSI6Imp3dF9qVHlZMHoxWkR3VmlCRHAybWlzMU9yd3RBQVNxIiwibmJmIjotNjIxMzU1OTY4MDAsInN1YiI6Imh0dHA6Ly8xMjcuMC4wLjE6MzAwMC93ZWJob29rcy9vdGhlciJ9.t0wblv7pjdY57hew1ptyyL9KvS7odMBiYr8uGxxoScU'
//!     > HTTP/1.1 401 Unauthorized
//!     > "check":"subject"
//!     $ curl -si http://127.0.0.1:3000/webhooks/receipt -H 'Content-Type: application/json' -d '{"order":7,"total":"9.99"}'
//!     > HTTP/1.1 401 Unauthorized
//!     > "check":"missing"

use axum::{
    Form, Json, Router,
    http::StatusCode,
    routing::{get, post},
};
use axum_upstash::{
    Problem, Upstash, UpstashBuilder, env,
    qstash::QStash,
    ratelimit::{Decision, SlidingWindow},
    session::{Session, SessionCookie, SessionError},
};
use serde::{Deserialize, Serialize};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let port = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT is not a port number")?,
        Err(_) => 3000,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    let public_url = std::env::var("PUBLIC_URL").unwrap_or_else(|_| format!("http://{address}"));

    let upstash = settings(&public_url).build()?;
    upstash.check().await?; // a wrong address or token is found here, not by the first request
    let app = app(&upstash);
    println!("listening on http://{address}");
    // It has no time limit for the head of a request: in production put a proxy in front that has one.
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    Ok(())
}

/// The environment; memory if there is no Redis, and the development server's keys if there are none.
fn settings(public_url: &str) -> UpstashBuilder {
    let settings = UpstashBuilder::from_env().or_memory().public_url(public_url);
    if std::env::var_os(env::QSTASH_CURRENT_SIGNING_KEY.name).is_some() {
        return settings;
    }
    settings.qstash_signing_keys("sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r", "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs")
}

fn app(upstash: &Upstash) -> Router {
    // Plain HTTP on one's own machine: no `Secure`, no `__Host-`. In production leave the cookie as it is.
    let sessions = upstash.session_layer().with_cookie(SessionCookie::local_development());
    Router::new()
        .route(
            "/",
            get(index).layer(upstash.rate_limit_layer("hello", SlidingWindow::new(10, Duration::from_secs(10)))),
        )
        .route("/prices", get(prices).layer(upstash.response_cache_layer(Duration::from_secs(5))))
        .route("/login", post(login))
        .route("/me", get(me))
        .route("/logout", post(logout))
        .route("/webhooks/receipt", post(receipt))
        .layer(sessions)
        .with_state(upstash.clone())
}

async fn index(decision: Decision) -> String {
    format!("hello, {} of {} requests are left\n", decision.remaining, decision.limit)
}

#[derive(Serialize)]
struct Prices {
    computed: u64,
    eur: f64,
}

async fn prices() -> Json<Prices> {
    static COMPUTED: AtomicU64 = AtomicU64::new(0);
    Json(Prices { computed: COMPUTED.fetch_add(1, Ordering::Relaxed) + 1, eur: 9.99 })
}

#[derive(Deserialize)]
struct Login {
    user: String,
}

#[derive(Serialize)]
struct Me {
    logins: u32,
    user: String,
}

async fn login(session: Session, Form(login): Form<Login>) -> Result<Json<Me>, SessionError> {
    let logins = session.get::<u32>("logins").await?.unwrap_or(0) + 1;
    // New rights, new id: whatever id the client had before is worth nothing.
    session.rotate()?;
    session.insert("user", &login.user).await?;
    session.insert("logins", logins).await?;
    Ok(Json(Me { logins, user: login.user }))
}

async fn me(session: Session) -> Result<Result<Json<Me>, Problem>, SessionError> {
    let logins = session.get("logins").await?.unwrap_or(0);
    Ok(match session.get("user").await? {
        Some(user) => Ok(Json(Me { logins, user })),
        None => Err(Problem::new(StatusCode::UNAUTHORIZED, "Not logged in")),
    })
}

async fn logout(session: Session) -> Result<StatusCode, SessionError> {
    session.destroy()?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Receipt {
    order: u64,
    total: String,
}

async fn receipt(QStash(Json(receipt)): QStash<Json<Receipt>>) -> String {
    format!("receipt of {} for order {}\n", receipt.total, receipt.order)
}
