//! Shared by the benches: servers in processes of their own, scripts of `interop/`, and a table of rates.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// This program, started once more as a server. It ends when its input is closed.
pub struct Server {
    child: Child,
    lines: Vec<String>,
}

impl Server {
    /// Starts it with arguments, and reads so many lines that it prints when it listens.
    pub fn start(arguments: &[&str], lines: usize) -> Self {
        Self::of(Command::new(std::env::current_exe().unwrap()).args(arguments), lines)
    }

    /// Starts another program.
    pub fn of(command: &mut Command, lines: usize) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = printed.take(lines).collect::<Result<_, _>>().unwrap();
        Self { child, lines }
    }

    /// A line that it printed.
    pub fn line(&self, number: usize) -> &str {
        &self.lines[number]
    }

    /// The most memory that its process had, if the system tells it.
    pub fn peak_memory(&self) -> Option<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Waits until the other side closes the input, as a server does.
pub fn wait_for_end_of_input() {
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// A script of `interop/` on a runtime, if both are installed with a package that it needs.
pub fn script(runtime: &str, script: &str, package: &str) -> Option<Command> {
    let home = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop"));
    if !home.join("node_modules").join(package).exists() {
        eprintln!("{package} is not installed: npm ci --prefix interop");
        return None;
    }
    if Command::new(runtime).arg("--version").output().is_err() {
        eprintln!("{runtime} is not installed");
        return None;
    }
    let mut command = Command::new(runtime);
    command.arg(home.join(script));
    Some(command)
}

/// Runs a script whose lines are a rate and a name each.
pub fn rates_of(command: &mut Command) -> Vec<(String, f64)> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let (rate, name) = line.split_once(' ').unwrap();
            (name.to_owned(), rate.parse().unwrap())
        })
        .collect()
}

/// The rates of rows, over several rounds.
#[derive(Default)]
pub struct Rates(Vec<(String, Vec<f64>)>);

impl Rates {
    /// Adds the rate of one round.
    pub fn record(&mut self, name: impl Into<String>, rate: f64) {
        let name = name.into();
        eprintln!("{name}: {rate:.0}");
        match self.0.iter_mut().find(|(row, _)| *row == name) {
            Some((_, rates)) => rates.push(rate),
            None => self.0.push((name, vec![rate])),
        }
    }

    /// Prints the median of each row.
    pub fn print(mut self, what: &str, slice: Duration) {
        let rounds = self.0.first().map_or(0, |(_, rates)| rates.len());
        println!("{what} per second, median of {rounds} rounds of {slice:?}");
        for (name, rates) in &mut self.0 {
            rates.sort_by(f64::total_cmp);
            println!("{:>10.0}  {name}", rates[rates.len() / 2]);
        }
    }
}
