//! The tests of `tests/wasm` in Node.js, with servers to talk to.

use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
};
use axum_upstash::local::LocalRedis;
use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{io::AsyncReadExt, net::TcpListener, sync::Notify, time::timeout};

/// A server that redirects to another one, and the number of requests that the other one got.
async fn redirecting() -> (String, Arc<AtomicU64>) {
    let followed = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&followed);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let to = format!("{url}/elsewhere");
    let app = Router::new().route(
        "/elsewhere",
        axum::routing::any(move || async move {
            counter.fetch_add(1, Ordering::SeqCst);
            r#"{"result":"of another server"}"#
        }),
    );
    let app =
        app.fallback(move || async move { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response() });
    tokio::spawn(async { axum::serve(listener, app).await });
    (url, followed)
}

/// A server that reads and does not answer, and tells of the first connection that was closed.
async fn silent() -> (String, Arc<Notify>) {
    let closed = Arc::new(Notify::new());
    let told = Arc::clone(&closed);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let told = Arc::clone(&told);
            tokio::spawn(async move {
                let mut buffer = [0; 1024];
                while connection.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
                told.notify_one();
            });
        }
    });
    (url, closed)
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_and_clients_work_on_wasm32() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let local = LocalRedis::start().await.unwrap();
    let ((redirecting, followed), (silent, closed)) = (redirecting().await, silent().await);
    let mut tests = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    tests
        .args(["test", "--locked", "--target", "wasm32-unknown-unknown", "--manifest-path"])
        .arg(root.join("tests/wasm/Cargo.toml"))
        .arg("--target-dir")
        .arg(root.join("target/wasm"))
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", root.join("target/bindgen/release/test-runner"))
        .env("REDIRECTING_URL", redirecting)
        .env("SILENT_URL", silent)
        .envs(local.environment());
    let status = tokio::task::spawn_blocking(move || tests.status().unwrap()).await.unwrap();
    assert!(status.success());
    assert_eq!(followed.load(Ordering::SeqCst), 0, "a redirect was followed");
    assert!(timeout(Duration::from_secs(5), closed.notified()).await.is_ok(), "no request was aborted");
}
