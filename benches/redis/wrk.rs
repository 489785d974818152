//! `upstash-local` under load.

use crate::children::LocalServer;
use std::process::Command;

pub fn run(local: &LocalServer) {
    let pipeline = format!("[{}]", [r#"[\"SET\",\"wrk\",\"0123456789\"]"#; 64].join(","));
    for (name, path, body) in [
        ("one command", "/", r#"[\"SET\",\"wrk\",\"0123456789\"]"#.to_owned()),
        ("a pipeline of 64", "/pipeline", pipeline),
    ] {
        let script = std::env::temp_dir().join(format!("upstash-wrk-{}.lua", std::process::id()));
        let lines = format!(
            "wrk.method = 'POST'\nwrk.body = \"{body}\"\nwrk.headers['Authorization'] = 'Bearer {}'\n",
            local.token
        );
        std::fs::write(&script, lines).unwrap();
        let output = Command::new("wrk")
            .args(["-t1", "-c32", "-d5s", "--latency", "-s"])
            .arg(&script)
            .arg(format!("{}{path}", local.url))
            .output();
        let _ = std::fs::remove_file(&script);
        match output {
            Ok(output) => println!("\nwrk, {name} a request:\n{}", String::from_utf8_lossy(&output.stdout)),
            Err(_) => return eprintln!("wrk is not installed"),
        }
    }
}
