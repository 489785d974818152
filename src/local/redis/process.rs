use std::{ffi::OsStr, fs::File, io, path::Path, process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout_at},
};

use super::{address::RedisAddress, connection::Connection};
use crate::local::error::LocalError;

const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
const READY_DEADLINE: Duration = Duration::from_secs(10);
const READY_INTERVAL: Duration = Duration::from_millis(10);
const SOCKET: &str = "redis.sock";
const LOG: &str = "redis.log";
const LOG_TAIL_LINES: usize = 5;
/// A client for which more waits is cut off: the replies of a transaction are made before the first is sent.
const OUTPUT_LIMIT: &str = "1gb";
/// Upstash's largest record.
const MAX_STRING: &str = "100mb";

/// A Redis of our own, on a socket in a private directory. It ends when this is dropped.
pub(crate) struct RedisProcess {
    running: Option<Running>,
    // After `running`: the directory is removed when Redis no longer writes to it.
    directory: TempDir,
}

struct Running {
    // Before `redis`: it must not outlive the process whose id it knows.
    #[cfg(unix)]
    watchdog: Option<Child>,
    redis: Child,
}

impl RedisProcess {
    pub(crate) async fn start() -> Result<Self, LocalError> {
        let directory = tempfile::Builder::new()
            .prefix("upstash-local-")
            .tempdir()
            .map_err(starting("cannot make a directory for it"))?;
        let mut process = Self { running: None, directory };
        process.run().await?;
        Ok(process)
    }

    pub(crate) fn address(&self) -> RedisAddress {
        RedisAddress::unix(self.directory.path().join(SOCKET))
    }

    /// Kills it. Nothing happens when it does not run.
    pub(crate) async fn stop(&mut self) -> Result<(), LocalError> {
        if let Some(mut running) = self.running.take() {
            #[cfg(unix)]
            drop(running.watchdog.take());
            let killed = running.redis.kill().await;
            killed.map_err(starting("cannot stop the one before"))?;
        }
        Ok(())
    }

    /// Waits until it ends by itself, and says how. Does not return if it does not run.
    pub(super) async fn ended(&mut self) -> String {
        let Some(running) = &mut self.running else {
            return std::future::pending().await;
        };
        let status = running.redis.wait().await;
        self.running = None;
        status.map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    /// Starts it again, empty, on the same socket.
    pub(crate) async fn restart(&mut self) -> Result<(), LocalError> {
        self.stop().await?;
        self.run().await
    }

    async fn run(&mut self) -> Result<(), LocalError> {
        let redis = spawn(self.directory.path())?;
        #[cfg(unix)]
        let watchdog = redis.id().and_then(|id| super::watchdog::start(id, self.directory.path()).ok());
        let mut running = Running {
            #[cfg(unix)]
            watchdog,
            redis,
        };
        self.wait_until_ready(&mut running.redis).await?;
        self.running = Some(running);
        Ok(())
    }

    async fn wait_until_ready(&self, redis: &mut Child) -> Result<(), LocalError> {
        let address = self.address();
        let deadline = Instant::now() + READY_DEADLINE;
        while Instant::now() < deadline {
            if redis.try_wait().map_err(starting("cannot watch it"))?.is_some() {
                return Err(LocalError::RedisExited { output: self.log_tail() });
            }
            // Connecting includes a PING.
            if let Ok(Ok(_)) = timeout_at(deadline, Connection::connect(&address)).await {
                return Ok(());
            }
            sleep(READY_INTERVAL).await;
        }
        Err(LocalError::RedisNotReady { waited: READY_DEADLINE, output: self.log_tail() })
    }

    pub(super) fn log_tail(&self) -> String {
        let log = std::fs::read(self.directory.path().join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        match lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join(" | ") {
            empty if empty.is_empty() => "it printed nothing".to_owned(),
            tail => tail,
        }
    }
}

fn spawn(directory: &Path) -> Result<Child, LocalError> {
    for program in PROGRAMS {
        match command(program, directory).map_err(starting("cannot make its log file"))?.spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            outcome => return outcome.map_err(starting(program)),
        }
    }
    Err(LocalError::NoRedisFound)
}

fn command(program: &str, directory: &Path) -> io::Result<Command> {
    let log = File::create(directory.join(LOG))?;
    let socket = directory.join(SOCKET);
    let options: [(&str, &OsStr); 8] = [
        ("--port", "0".as_ref()),
        ("--unixsocket", socket.as_os_str()),
        ("--unixsocketperm", "700".as_ref()),
        ("--save", "".as_ref()),
        ("--appendonly", "no".as_ref()),
        ("--dir", directory.as_os_str()),
        ("--daemonize", "no".as_ref()),
        ("--loglevel", "warning".as_ref()),
    ];
    let mut command = Command::new(program);
    for (name, value) in options {
        command.arg(name).arg(value);
    }
    command.args(["--client-output-buffer-limit", "normal", OUTPUT_LIMIT, "0", "0"]);
    command.args(["--proto-max-bulk-len", MAX_STRING]);
    // A script cannot leave the one database, nor this Redis.
    command.args(["--databases", "1", "--user", "default", "on", "nopass", "~*", "&*", "+@all", "-migrate"]);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
    // A group of its own: Ctrl-C in a terminal is for us, and requests in flight still need their Redis.
    #[cfg(unix)]
    command.process_group(0);
    Ok(command)
}

fn starting(step: &'static str) -> impl FnOnce(io::Error) -> LocalError {
    move |source| LocalError::StartRedis { step, source }
}
