//! The structure of the source: dependencies run one way, without circles, and files have a size.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Each room, and those it may use beside itself. A room that is not listed may use nothing of the crate.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "state",
        &[
            "ratelimit",
            "session",
            "response_cache",
            "cache",
            "client_ip",
            "redis",
            "qstash",
            "workflow",
            "vector",
            "kafka",
            PLUMBING,
        ],
    ),
    ("ratelimit", &["client_ip", "redis", PLUMBING]),
    ("session", &["redis", PLUMBING]),
    ("response_cache", &["redis", PLUMBING]),
    ("cache", &["redis", PLUMBING]),
    ("workflow", &["qstash", PLUMBING]),
    ("vector", &[PLUMBING]),
    ("kafka", &[PLUMBING]),
    ("client_ip", &[PLUMBING]),
    ("qstash", &["redis", PLUMBING]),
    ("redis", &[PLUMBING]),
    ("client", &["rt", "error", "env", "problems"]),
    ("background", &["rt"]),
    ("rt", &["error", "hex"]),
    // Apart: the local server must not share a mistake with the clients.
    ("local", &[]),
];

const PLUMBING: &str = "background client rt error env body breaker problem private_response expiring_map hex never_seen problems \
                        in_progress single_flight original_uri";

/// The names that the crate's root re-exports, by the room they are from.
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

/// Files of fewer lines than this need a reason here.
const SHORT: usize = 30;

/// The reasons of short files, by the end of their path.
const SHORT_FILES: &[(&str, &str)] = &[
    ("/mod.rs", "documentation and re-exports only"),
    ("src/hex.rs", "used by four rooms"),
    ("src/original_uri.rs", "used by four rooms"),
    ("client/secret.rs", "one type that several clients hold"),
    ("redis/node.rs", "under both the client and the cluster, which must not know each other"),
    ("commands/hyperloglog.rs", "a group of Redis commands"),
    ("commands/pubsub.rs", "a group of Redis commands"),
    ("session/principal.rs", "a type that users name"),
    ("compat/record.rs", "the form of tower-sessions"),
    ("tcp/resp.rs", "one direction of the protocol"),
    ("local/redis/watchdog.rs", "one guard of the process"),
    ("qstash/records/dead_letter.rs", "a kind of what an account holds"),
    ("qstash/records/group.rs", "a kind of what an account holds"),
    ("qstash/records/keys.rs", "a kind of what an account holds"),
    ("qstash/view/attempt.rs", "under both runs and their steps"),
    ("qstash/records/queue.rs", "a kind of what an account holds"),
    ("qstash/records/waiter.rs", "a kind of what an account holds"),
    ("qstash/api/logs.rs", "one resource of the API"),
    ("emulate/bitop.rs", "one command of the emulation"),
    ("keys/copy_to_self.rs", "one command of the emulation"),
    ("streams/consumers.rs", "one command of the emulation"),
    ("streams/id.rs", "IDs, for deletion and for trimming"),
    ("resp/value.rs", "one direction of the protocol"),
    ("rest/fuzzing.rs", "the entry points of the fuzzer"),
    ("vector/fuzzing.rs", "the entry points of the fuzzer"),
    ("score/ranked.rs", "under dense and sparse scores and their fusion"),
    ("client/cursors.rs", "the pages of several clients"),
    ("filter/error.rs", "under both the lexer and the parser"),
];

#[test]
fn no_arrow_runs_upward() {
    let mut uses = 0;
    for (room, allowed) in ROOMS {
        let allowed: Vec<&str> = allowed.iter().flat_map(|names| names.split(' ')).chain([*room]).collect();
        for file in files(&source().join(room)) {
            for path in file.paths().into_iter().filter(|path| path[0] == "crate") {
                let name = path.get(1).map_or("", String::as_str);
                let name = ROOT.iter().find(|(item, _)| *item == name).map_or(name, |(_, room)| *room);
                assert!(allowed.contains(&name), "{}: {room} must not use crate::{name}", file.name);
                uses += 1;
            }
        }
    }
    assert!(uses > 50, "only {uses} uses were found: is the search broken?");
}

#[test]
fn no_files_of_a_room_use_each_other_in_a_circle() {
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let all = files(&source());
    let modules: BTreeSet<Vec<String>> = all.iter().map(File::module).collect();
    let exports = exports(&all);
    for file in &all {
        // A module that only re-exports is no step of a circle: the names are the files' own.
        if file.name.ends_with("/mod.rs") || file.name.ends_with("/lib.rs") {
            continue;
        }
        let own = file.module();
        for path in file.paths() {
            let target = resolve(&own, &path, &modules, &exports);
            if let Some(target) = target.filter(|target| *target != own && target.len() > 1) {
                arrows.entry(own.join("::")).or_default().insert(target.join("::"));
            }
        }
    }
    assert!(arrows.len() > 100, "only {} files use others: is the search broken?", arrows.len());
    let is_file = |module: &str| all.iter().any(|file| file.module().join("::") == module && !file.is_mod());
    let mut circles = BTreeSet::new();
    for start in arrows.keys() {
        let mut seen: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
        let mut next: Vec<Vec<&String>> = vec![vec![start]];
        while let Some(way) = next.pop() {
            for module in arrows.get(way[way.len() - 1]).into_iter().flatten().filter(|name| is_file(name)) {
                let mut longer = way.clone();
                longer.push(module);
                if module == start {
                    let mut names: Vec<String> = longer.iter().skip(1).map(|name| (*name).clone()).collect();
                    names.sort();
                    circles.insert(names.join(" <-> "));
                } else if !seen.contains_key(module) {
                    seen.insert(module, longer.clone());
                    next.push(longer);
                }
            }
        }
    }
    assert!(circles.is_empty(), "files in circles:\n{}", circles.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn only_the_transport_knows_the_http_client_and_only_rt_the_runtime() {
    for (room, _) in ROOMS.iter().filter(|(room, _)| !matches!(*room, "rt" | "local")) {
        for file in files(&source().join(room)) {
            for forbidden in ["tokio::time", "tokio::spawn", "Instant", "SystemTime::now"] {
                assert!(!file.code().contains(forbidden), "{} names {forbidden}", file.name);
            }
            assert!(*room == "client" || !file.code().contains("reqwest::"), "{} names reqwest", file.name);
        }
    }
}

/// The layers stand on the engines, and not the other way round: an engine can be used without a server.
#[test]
fn engines_know_no_tower_and_no_axum() {
    let outside = ["/layer/", "/extract.rs", "/error.rs", "/rejection.rs", "/typed.rs", "/user_sessions.rs"];
    for room in ["ratelimit", "session", "response_cache"] {
        for file in
            files(&source().join(room)).iter().filter(|file| !outside.iter().any(|name| file.name.contains(name)))
        {
            for forbidden in ["tower_layer", "tower_service", "axum_core", "axum::"] {
                let allowed = file.name.ends_with("response_cache/key.rs") && forbidden == "axum::";
                assert!(allowed || !file.code().contains(forbidden), "{} names {forbidden}", file.name);
            }
        }
    }
}

#[test]
fn every_capability_has_the_same_layout() {
    for room in ["ratelimit", "session", "response_cache"] {
        for part in
            ["mod.rs", "layer/layer.rs", "layer/service.rs", "layer/future.rs", "store/mod.rs", "store/contract.rs"]
        {
            assert!(source().join(room).join(part).exists(), "{room} has no {part}");
        }
    }
}

#[test]
fn a_short_file_has_a_reason() {
    let mut unused: BTreeSet<&str> = SHORT_FILES.iter().map(|(end, _)| *end).collect();
    for file in files(&source()) {
        if file.text.lines().count() < SHORT {
            let reason = SHORT_FILES.iter().find(|(end, _)| file.name.ends_with(end));
            assert!(reason.is_some(), "{} is short: fold it into its only user, or give a reason here", file.name);
            unused.remove(reason.unwrap().0);
        }
    }
    assert!(unused.is_empty(), "these are not short any more, or gone: {unused:?}");
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

struct File {
    name: String,
    text: String,
}

fn files(room: &Path) -> Vec<File> {
    let mut found = Vec::new();
    for entry in fs::read_dir(room).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(File { name: path.display().to_string().replace('\\', "/"), text });
        }
    }
    found
}

impl File {
    fn is_mod(&self) -> bool {
        self.name.ends_with("/mod.rs")
    }

    /// `["ratelimit", "layer", "rule"]`.
    fn module(&self) -> Vec<String> {
        let path = self.name.rsplit_once("/src/").map_or(&*self.name, |(_, path)| path);
        let path = path.strip_suffix(".rs").unwrap_or(path);
        let path = path.strip_suffix("/mod").unwrap_or(path);
        path.split('/').map(str::to_owned).collect()
    }

    /// The text without comments and without unit tests.
    fn code(&self) -> String {
        let lines = self.text.lines().take_while(|line| !line.contains("mod tests {"));
        lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    /// Every path that begins with `crate` or `super`, the trees of `use` taken apart.
    fn paths(&self) -> Vec<Vec<String>> {
        self.paths_from(&["crate::", "super::"])
    }

    fn paths_from(&self, starts: &[&str]) -> Vec<Vec<String>> {
        let code = self.code();
        let mut found = Vec::new();
        for start in starts {
            for (at, _) in code.match_indices(start) {
                let before = code[..at].chars().next_back();
                if before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':') {
                    tree(&code[at..], &mut Vec::new(), &mut found);
                }
            }
        }
        found
    }
}

/// Reads one path, or one tree of paths, and returns the length that it took.
fn tree(text: &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let depth = prefix.len();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        at += word.len();
        if word.is_empty() {
            break;
        }
        prefix.push(word);
        if !text[at..].starts_with("::") {
            break;
        }
        at += 2;
        if text[at..].starts_with('{') {
            at += 1;
            while !text[at..].starts_with('}') && at < text.len() {
                let space = text[at..].len() - text[at..].trim_start_matches([' ', '\n', ',']).len();
                at += space;
                let length = tree(&text[at..], prefix, found);
                at += length;
                // `as name`, `*`, and the ends of items.
                at += text[at..].find([',', '}']).unwrap_or(0);
            }
            prefix.truncate(depth);
            return at + 1;
        }
    }
    if prefix.len() > depth {
        found.push(prefix.clone());
    }
    prefix.truncate(depth);
    at
}

/// The names that modules re-export from their files, and the file of each.
fn exports(all: &[File]) -> BTreeMap<Vec<String>, Vec<String>> {
    let mut found = BTreeMap::new();
    for file in all.iter().filter(|file| file.is_mod()) {
        for path in file.paths_from(&["self::"]) {
            let name = [file.module(), vec![path[path.len() - 1].clone()]].concat();
            found.insert(name, [file.module(), path[1..].to_vec()].concat());
        }
    }
    found
}

/// The module that a path leads to, as far as there are files.
fn resolve(
    own: &[String],
    path: &[String],
    modules: &BTreeSet<Vec<String>>,
    exports: &BTreeMap<Vec<String>, Vec<String>>,
) -> Option<Vec<String>> {
    let mut at = own.to_vec();
    let mut names = path.iter().peekable();
    match names.next()?.as_str() {
        "crate" => at.clear(),
        _ => {
            at.pop();
        }
    }
    while names.next_if(|name| *name == "super").is_some() {
        at.pop();
    }
    for name in names {
        at.push(name.clone());
        if modules.contains(&at) {
            continue;
        }
        match exports.get(&at) {
            // The last name is the item itself.
            Some(from) => at = from[..from.len() - 1].to_vec(),
            None => {
                at.pop();
                break;
            }
        }
    }
    while !at.is_empty() && !modules.contains(&at) {
        match exports.get(&at) {
            Some(from) => at = from[..from.len() - 1].to_vec(),
            None => {
                at.pop();
            }
        }
    }
    modules.contains(&at).then_some(at)
}
