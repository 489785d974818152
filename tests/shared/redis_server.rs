//! A redis-server of a test's own, on a TCP port.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const LOG: &str = "log";

pub struct RedisServer {
    child: Option<Child>,
    port: u16,
    arguments: Vec<String>,
    directory: tempfile::TempDir,
}

impl RedisServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    pub fn with(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let mut all: Vec<String> =
            ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"].into_iter().map(str::to_owned).collect();
        all.extend(["--dir".to_owned(), path(""), "--logfile".to_owned(), path(LOG)]);
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let mut server = Self { child: None, port: 0, arguments: all, directory };
        // Another process may take a port that was free a moment ago.
        for _ in 0..10 {
            server.port = free_port();
            if server.try_start() {
                return server;
            }
        }
        panic!("redis-server did not start: {}", server.log());
    }

    /// Starts it again, empty, on the same port.
    pub fn restart(&mut self) {
        self.stop();
        assert!(self.try_start(), "redis-server did not start again: {}", self.log());
    }

    /// Whether it runs, and not another one on its port: it says so itself.
    fn try_start(&mut self) -> bool {
        let ready = |log: &str| log.matches("Ready to accept connections").count();
        let before = ready(&self.log());
        let port = self.port.to_string();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port]).args(&self.arguments);
        // Nothing of the test's own is kept open if it is killed.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = self.child.insert(command.spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
            if ready(&log_in(&self.directory)) > before {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.stop();
        false
    }

    fn log(&self) -> String {
        log_in(&self.directory)
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends it a signal, such as `STOP` or `CONT`.
    pub fn signal(&self, name: &str) {
        let Some(child) = &self.child else { return };
        let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn log_in(directory: &tempfile::TempDir) -> String {
    std::fs::read_to_string(directory.path().join(LOG)).unwrap_or_default()
}

/// A port that is free, and that no outgoing connection is given in the time in which a server is down: it would keep the
/// server from coming back, and a client that connects to it from itself would take it for the server.
pub fn free_port() -> u16 {
    // Below the ports that systems give to connections, with those of a cluster's bus, which are 10,000 higher.
    const PORTS: std::ops::Range<u32> = 15_000..22_000;
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    for _ in 0..1_000 {
        // Processes that run at the same time begin at different places.
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let place = std::process::id().wrapping_mul(2_654_435_761).wrapping_add(number.wrapping_mul(7));
        let port = u16::try_from(PORTS.start + place % (PORTS.end - PORTS.start)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
