//! Dependencies between the rooms run one way.

use std::{fs, path::Path};

/// Each room, and those it may use beside itself. What is not listed may use nothing of the crate.
const ROOMS: &[(&str, &[&str])] = &[
    ("state", &["ratelimit", "session", "response_cache", "client_ip", "redis", "qstash", PLUMBING]),
    ("ratelimit", &["client_ip", "redis", PLUMBING]),
    ("session", &["redis", PLUMBING]),
    ("response_cache", &["redis", PLUMBING]),
    ("client_ip", &[PLUMBING]),
    ("qstash", &[PLUMBING]),
    ("redis", &[PLUMBING]),
    ("client", &["rt", "error", "env"]),
    ("rt", &["error", "hex"]),
    // Apart: the local server must not share a mistake with the clients.
    ("local", &[]),
];

const PLUMBING: &str = "client rt error env body breaker problem private_response expiring_map hex never_seen";

/// What the crate's root re-exports, by the room it is from.
const ROOT: &[(&str, &str)] = &[
    ("CircuitBreaker", "breaker"),
    ("Error", "error"),
    ("ErrorKind", "error"),
    ("Result", "error"),
    ("Clock", "rt"),
    ("ManualClock", "rt"),
    ("PrivateResponse", "private_response"),
    ("Problem", "problem"),
    ("ResponseBody", "body"),
];

#[test]
fn no_arrow_runs_upward() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut uses = 0;
    for (room, allowed) in ROOMS {
        let allowed: Vec<&str> = allowed.iter().flat_map(|names| names.split(' ')).chain([*room]).collect();
        for (file, text) in files(&source.join(room)) {
            for name in crate_paths(&text) {
                let name = ROOT.iter().find(|(item, _)| *item == name).map_or(name.as_str(), |(_, room)| *room);
                assert!(allowed.contains(&name), "{file}: {room} must not use crate::{name}");
                uses += 1;
            }
        }
    }
    assert!(uses > 50, "only {uses} uses were found: is the search broken?");
}

#[test]
fn only_the_transport_knows_the_http_client_and_the_time() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (room, _) in ROOMS.iter().filter(|(room, _)| !matches!(*room, "client" | "rt" | "local")) {
        for (file, text) in files(&source.join(room)) {
            let code: String = text
                .lines()
                .take_while(|line| !line.contains("mod tests {"))
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            for forbidden in ["reqwest::", "tokio::time", "tokio::spawn", "Instant", "SystemTime::now"] {
                assert!(!code.contains(forbidden), "{file} names {forbidden}");
            }
        }
    }
}

fn files(room: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(room).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The first name after each `crate::`, also in `use crate::{a, b::c}`.
fn crate_paths(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut item = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => names.push(std::mem::take(&mut item)),
                    c if depth == 0 => item.push(c),
                    _ => {}
                }
            }
            names.push(item);
        } else {
            names.push(rest.to_owned());
        }
    }
    names
        .into_iter()
        .map(|path| path.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>())
        .filter(|name| !name.is_empty())
        .collect()
}
