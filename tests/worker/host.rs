//! The application on workerd, or on a server of its own, with a Redis that is far away.

use crate::{app, proxy::Proxy, qstash::QStash, redis_server::free_port, router::router};
use axum_upstash::{Upstash, UpstashBuilder, client_ip::ClientIpSource, local::LocalRedis};
use std::{
    collections::HashMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::net::{TcpListener, TcpStream};

/// The delay of each direction.
pub const DELAY: Duration = Duration::from_millis(50);

pub struct Host {
    pub url: String,
    pub address: String,
    pub local: LocalRedis,
    /// The Redis of the application, without the delay.
    pub upstash: Upstash,
    pub qstash: QStash,
    _workerd: Option<Workerd>,
}

impl Host {
    pub async fn workerd() -> Self {
        Self::start(true).await
    }

    pub async fn server() -> Self {
        Self::start(false).await
    }

    async fn start(on_workerd: bool) -> Self {
        let local = LocalRedis::start().await.unwrap();
        let upstash = Upstash::builder().redis(local.url(), local.token()).build().unwrap();
        let proxy = Proxy::start(local.address().port()).await;
        proxy.delay(DELAY);
        let qstash = QStash::default();
        let variables = app::environment(proxy.port(), &local, qstash.start(2 * DELAY).await).into_iter().collect();
        let (address, workerd) = if on_workerd {
            let workerd = Workerd::start(&variables).await;
            (format!("127.0.0.1:{}", workerd.port), Some(workerd))
        } else {
            (serve(&variables).await, None)
        };
        Self { url: format!("http://{address}"), address, local, upstash, qstash, _workerd: workerd }
    }
}

/// The same router under `axum::serve`.
async fn serve(variables: &HashMap<&str, String>) -> String {
    let upstash = UpstashBuilder::from_env_with(|name| variables.get(name).cloned())
        .client_ip(ClientIpSource::cloudflare())
        .public_url(&variables["PUBLIC_URL"])
        .build()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router(&upstash)).await });
    address
}

/// Cloudflare's runtime, stopped when dropped.
struct Workerd {
    process: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Workerd {
    async fn start(variables: &HashMap<&str, String>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let config = directory.path().join("config.capnp");
        fs::write(&config, configuration(port, variables)).unwrap();
        let mut command = Command::new(program());
        command.args(["serve", "--import-path", "/"]).arg(config).stdin(Stdio::null());
        let process = command.spawn().expect("workerd does not start");
        let mut workerd = Self { process, port, _directory: directory };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let ended = workerd.process.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "workerd does not listen: {ended:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        workerd
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> PathBuf {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/node_modules/@cloudflare");
    let of_platform = fs::read_dir(packages).into_iter().flatten().flatten();
    let programs = of_platform.map(|package| package.path().join("bin/workerd"));
    programs.filter(|program| program.exists()).last().expect("workerd is not there: npm ci --prefix interop")
}

/// In workerd's own language: one worker, with all modules of the build.
fn configuration(port: u16, variables: &HashMap<&str, String>) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let build = root.join("target/worker");
    let mut modules = String::new();
    let mut add = |name: &str, kind: &str, path: &Path| {
        writeln!(modules, "(name = {name:?}, {kind} = embed {path:?}),").unwrap();
    };
    // The first is the main one.
    add("index.js", "esModule", &root.join("tests/worker/index.js"));
    let files = files(&build);
    assert!(!files.is_empty(), "the worker is not built: scripts/build-worker");
    for path in files {
        let name = path.strip_prefix(&build).unwrap().to_str().unwrap();
        add(name, if name.ends_with(".wasm") { "wasm" } else { "esModule" }, &path);
    }
    let bindings: String =
        variables.iter().map(|(name, value)| format!("(name = {name:?}, text = {value:?}),\n")).collect();
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "app", worker = (
      modules = [{modules}], compatibilityDate = "2026-09-01", bindings = [{bindings}],
    )),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), service = "app")],
);
"#
    )
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
