use std::{io, path::Path, process::Stdio};

use tokio::process::{Child, Command};

/// Waits for the end of its input, which comes when our process ends in whatever way.
const SCRIPT: &str = r#"read -r _; kill -9 "$1"; rm -f "$2/redis.sock" "$2/redis.log"; rmdir "$2""#;

/// Starts a process that ends a Redis when ours is killed, or exits without running its destructors.
///
/// Without unsafe code there is no `PR_SET_PDEATHSIG`. The caller kills the watchdog before it stops that Redis.
pub(super) fn start(pid: u32, directory: &Path) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", SCRIPT, "upstash-local-watchdog", &pid.to_string()])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}
