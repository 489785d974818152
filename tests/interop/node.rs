//! The scripts of `interop/`, run by Node.js.

use std::{path::PathBuf, process::Stdio, time::Duration};

use axum_upstash::local::{LocalQStash, LocalRedis};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(60);

/// A script that only computes.
pub(crate) async fn compute(script: &str, input: &Value) -> Value {
    finish(script, command(script), input).await
}

/// Runs a script that talks to the local Upstash. The assertions are in the script; its output comes back.
pub(crate) async fn run(script: &str, local: &LocalRedis, input: &Value) -> Value {
    run_with(script, local.environment(), input).await
}

/// Runs a script that talks to a local QStash, which its development mode finds as well.
pub(crate) async fn run_with_qstash(script: &str, local: &LocalQStash) -> Value {
    let mut command = command(script);
    command.envs(local.environment()).env("QSTASH_DEV_PORT", local.address().port().to_string());
    finish(script, command, &Value::Null).await
}

/// Runs a script that talks to the product of those variables.
pub(crate) async fn run_with(script: &str, variables: Vec<(&'static str, String)>, input: &Value) -> Value {
    let mut command = command(script);
    command.envs(variables);
    finish(script, command, input).await
}

async fn finish(script: &str, mut command: Command, input: &Value) -> Value {
    let mut child = spawn(&mut command);
    let mut stdin = child.stdin.take().unwrap();
    let finished = timeout(DEADLINE, async {
        // A script that fails early, or needs no input, does not read it all.
        let _ = stdin.write_all(input.to_string().as_bytes()).await;
        drop(stdin);
        child.wait_with_output().await.unwrap()
    });
    let output = finished.await.unwrap_or_else(|_| panic!("{script}.mjs did not finish"));
    assert!(
        output.status.success(),
        "{script}.mjs failed with {}:\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A script that answers one line with another.
pub(crate) struct Conversation {
    stdin: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    // Dropping it ends the process.
    _child: Child,
}

impl Conversation {
    pub(crate) fn start(script: &str, local: &LocalRedis, variable: &str, value: &Value) -> Self {
        let mut variables = local.environment();
        variables.push((variable, value.to_string()));
        Self::with_variables(script, variables)
    }

    pub(crate) fn with_variables<'a>(script: &str, variables: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut command = command(script);
        // What goes wrong in the script is best read as it is.
        command.envs(variables).stderr(Stdio::inherit());
        let mut child = spawn(&mut command);
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { stdin: child.stdin.take().unwrap(), answers, _child: child }
    }

    pub(crate) async fn ask(&mut self, order: &Value) -> Value {
        self.stdin.write_all(format!("{order}\n").as_bytes()).await.unwrap();
        self.answer().await
    }

    /// The next line of the script.
    pub(crate) async fn answer(&mut self) -> Value {
        let line = timeout(DEADLINE, self.answers.next_line()).await.expect("the script did not answer").unwrap();
        serde_json::from_str(&line.expect("the script ended")).unwrap()
    }
}

fn command(script: &str) -> Command {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("interop");
    assert!(folder.join("node_modules").is_dir(), "interop/node_modules is missing: run npm ci in interop/");
    let mut command = Command::new("node");
    command
        .arg(folder.join(script).with_extension("mjs"))
        // The SDKs read variables; those of the machine must not reach them.
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn spawn(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| panic!("Node.js cannot be started: {error}"))
}
