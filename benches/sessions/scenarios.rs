//! The fate of sessions in situations that every application meets: `SessionLayer`, `tower-sessions` and
//! `axum_session`, each with two instances on one store that can be made to fail.

#[allow(dead_code, reason = "the logs of all threads are collected here")]
#[path = "../../tests/shared/log.rs"]
mod log;
mod peers;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt;
use log::Log;
use peers::{Control, Peer, Setup, peers};
use std::{collections::BTreeMap, future::Future, pin::Pin, sync::atomic::Ordering, time::Duration};
use tower::ServiceExt;

/// A browser, as far as cookies go: those that its rules would not take are not taken.
#[derive(Default, Clone)]
struct Jar(BTreeMap<String, String>);

struct Reply {
    status: StatusCode,
    text: String,
    set_cookies: usize,
    /// Whether caches are told that the cookie matters.
    told: bool,
}

impl Jar {
    async fn ask(&mut self, app: &Router, method: &str, path: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if !self.0.is_empty() {
            let cookies: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let lines: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
        for line in &lines {
            self.take(line.to_str().unwrap());
        }
        let (head, body) = response.into_parts();
        let text = body.collect().await.unwrap().to_bytes();
        let told = head.headers.contains_key(header::VARY);
        let text = String::from_utf8_lossy(&text).into_owned();
        Reply { status: head.status, text, set_cookies: lines.len(), told }
    }

    fn take(&mut self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        let has = |attribute: &str| attributes.iter().any(|other| other == attribute);
        let domain = attributes.iter().any(|attribute| attribute.starts_with("domain="));
        if name.starts_with("__Host-") && (!has("secure") || !has("path=/") || domain) {
            return;
        }
        if has("max-age=0") || attributes.iter().any(|attribute| attribute.contains("1970")) {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    async fn get(&mut self, app: &Router, name: &str) -> String {
        self.ask(app, "GET", &format!("/get/{name}")).await.text
    }

    /// How often a request calls the store.
    async fn calls(&mut self, app: &Router, control: &Control, (method, path): (&str, &str)) -> usize {
        control.calls.store(0, Ordering::SeqCst);
        self.ask(app, method, path).await;
        control.calls.swap(0, Ordering::SeqCst)
    }

    /// The ids, without their signatures.
    fn ids(&self) -> Vec<String> {
        let id = |value: &String| value.split('.').next().unwrap_or_default().to_owned();
        self.0.values().map(id).filter(|id| id.len() > 15).collect()
    }
}

async fn begun(app: &Router) -> Jar {
    let mut jar = Jar::default();
    jar.ask(app, "POST", "/set/user/ferris").await;
    jar
}

/// A slow request has loaded the session; another one, to another instance, is done; then the slow one goes on.
async fn overtaken(peer: &Peer, begin: &str, other: &str) -> (Router, Jar, Reply) {
    let (one, two) = (peer.app().await, peer.app().await);
    let mut jar = Jar::default();
    jar.ask(&one, "POST", begin).await;
    let slow = tokio::spawn({
        let (app, mut jar) = (one.clone(), jar.clone());
        async move {
            let reply = jar.ask(&app, "POST", "/slow/a/1").await;
            (reply, jar)
        }
    });
    peer.gate.0.notified().await;
    let done = jar.clone().ask(&two, "POST", other).await.status;
    peer.gate.1.notify_one();
    let (mut reply, after) = slow.await.unwrap();
    if done != StatusCode::OK {
        reply.status = done;
    }
    // Whatever cookie the client has now, and a third instance, which has nothing in its memory.
    jar.0.extend(after.0);
    (peer.app().await, jar, reply)
}

const SET: &str = "/set/user/ferris";

async fn disjoint_writes(peer: Peer) -> bool {
    let (app, mut jar, _) = overtaken(&peer, SET, "/set/b/2").await;
    (jar.get(&app, "a").await, jar.get(&app, "b").await) == ("1".to_owned(), "2".to_owned())
}

async fn stays_ended(peer: Peer) -> bool {
    let (app, mut jar, _) = overtaken(&peer, SET, "/logout").await;
    jar.get(&app, "user").await == "-"
}

async fn rotated_and_failed(peer: Peer) -> bool {
    let mut jar = begun(&peer.app().await).await;
    let mut old = jar.clone();
    jar.ask(&peer.app().await, "POST", "/rotate-and-fail").await;
    old.get(&peer.app().await, "user").await == "ferris"
}

/// With a signature, if there can be one.
async fn made_up_id(peer: Peer) -> bool {
    let app = peer.app_with(Setup { keys: vec![7], ..Setup::default() }).await;
    let mut jar = begun(&app).await;
    let (name, value) = jar.0.iter().find(|(_, value)| value.len() > 15).map(|(n, v)| (n.clone(), v.clone())).unwrap();
    // As long, of the same kind, and of no session.
    let forged: String = value.chars().map(|c| if c.is_ascii_digit() { '7' } else { c }).collect();
    let forged = if forged == value { value.chars().rev().collect() } else { forged };
    jar.0.insert(name.clone(), forged.clone());
    let calls = jar.calls(&app, &peer.control, ("GET", "/get/user")).await;
    jar.ask(&app, "POST", "/set/a/1").await;
    calls == 0 && jar.0.get(&name) != Some(&forged)
}

async fn unreadable(peer: Peer) -> bool {
    let mut jar = begun(&peer.app().await).await;
    peer.control.fail_loads.store(true, Ordering::SeqCst);
    jar.clone().ask(&peer.app().await, "POST", "/set/a/1").await;
    peer.control.fail_loads.store(false, Ordering::SeqCst);
    jar.get(&peer.app().await, "user").await == "ferris"
}

async fn unwritable(peer: Peer) -> bool {
    let app = peer.app().await;
    let mut jar = begun(&app).await;
    peer.control.fail_writes.store(true, Ordering::SeqCst);
    let reply = jar.ask(&app, "POST", "/set/a/1").await;
    !reply.text.is_empty() && reply.status != StatusCode::OK
}

async fn host_prefix(peer: Peer) -> bool {
    let app = peer.app_with(Setup { host: true, ..Setup::default() }).await;
    let mut jar = begun(&app).await;
    let found = jar.get(&app, "user").await == "ferris" && jar.0.keys().all(|name| name.starts_with("__Host-"));
    jar.ask(&app, "POST", "/logout").await;
    found && jar.0.is_empty()
}

/// Untouched, read, new, read and write, written by the handler itself, an absent attribute removed, login.
const CALLS: [(&str, &str); 7] = [
    ("GET", "/untouched"),
    ("GET", "/get/user"),
    ("POST", "/set/new/1"),
    ("POST", "/set/a/1"),
    ("POST", "/commit/a/2"),
    ("POST", "/remove/absent"),
    ("POST", "/login/ferris"),
];

async fn calls(peer: Peer) -> String {
    let mut counts = Vec::new();
    for (method, path) in CALLS {
        let mut jar = if path == "/set/new/1" { Jar::default() } else { begun(&peer.app().await).await };
        let app = peer.app().await;
        counts.push(jar.calls(&app, &peer.control, (method, path)).await.to_string());
    }
    counts.join(" ")
}

async fn rare_cookies(peer: Peer) -> bool {
    let app = peer.app().await;
    let mut jar = begun(&app).await;
    let mut set = 0;
    for (method, path) in [("GET", "/untouched"), ("GET", "/get/user"), ("POST", "/set/a/1"), ("POST", "/set/a/2")] {
        set += jar.ask(&app, method, path).await.set_cookies;
    }
    set == 0
}

async fn response_cache(peer: Peer) -> bool {
    let mut private = true;
    for outside in [false, true] {
        let app = peer.app_with(Setup { cache: Some(outside), ..Setup::default() }).await;
        for user in ["ferris", "corro"] {
            let mut jar = Jar::default();
            jar.ask(&app, "POST", &format!("/set/user/{user}")).await;
            private &= jar.get(&app, "user").await == user;
        }
    }
    private
}

async fn tells_caches(peer: Peer) -> bool {
    let app = peer.app().await;
    begun(&app).await.ask(&app, "GET", "/get/user").await.told
}

async fn lifetimes(peer: Peer) -> bool {
    // Four seconds without use, seven at all.
    let lifetime = Some((Duration::from_secs(4), Duration::from_secs(7)));
    let app = peer.app_with(Setup { lifetime, ..Setup::default() }).await;
    let mut jar = begun(&app).await;
    let mut found = Vec::new();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        found.push(jar.get(&app, "user").await == "ferris");
    }
    found == [true, true, false]
}

async fn key_ring(peer: Peer) -> bool {
    let app = async |keys: &[u8]| peer.app_with(Setup { keys: keys.to_vec(), ..Setup::default() }).await;
    let mut jar = begun(&app(&[1]).await).await;
    let found = jar.get(&app(&[2, 1]).await, "user").await == "ferris";
    // From here on the client has one by the new key, and the old one can go.
    found && jar.get(&app(&[2]).await, "user").await == "ferris"
}

async fn revoked(peer: Peer) -> bool {
    let (app, mut jar, reply) = overtaken(&peer, "/login/ferris", "/revoke-all/ferris").await;
    reply.status == StatusCode::OK && jar.get(&app, "user").await == "-"
}

async fn quiet(peer: Peer, log: Log) -> bool {
    log.take();
    let app = peer.app().await;
    let mut jar = begun(&app).await;
    let mut ids = jar.ids();
    for path in ["/set/a/1", "/login/ferris", "/rotate-and-fail", "/logout"] {
        jar.ask(&app, "POST", path).await;
        ids.extend(jar.ids());
    }
    peer.control.fail_loads.store(true, Ordering::SeqCst);
    peer.control.fail_writes.store(true, Ordering::SeqCst);
    begun(&app).await;
    let text = log.take();
    !ids.is_empty() && ids.iter().all(|id| !text.contains(id.as_str()))
}

fn yes(passed: bool) -> String {
    if passed { "yes" } else { "no" }.to_owned()
}

type Scenario = fn(Peer, Log) -> Pin<Box<dyn Future<Output = String>>>;

#[rustfmt::skip]
const SCENARIOS: [(&str, Scenario); 17] = [
    ("writes of different attributes at once both survive", |peer, _| Box::pin(async move { yes(disjoint_writes(peer).await) })),
    ("a session that was ended meanwhile stays ended", |peer, _| Box::pin(async move { yes(stays_ended(peer).await) })),
    ("a new id and then a 500: the old session is as it was", |peer, _| Box::pin(async move { yes(rotated_and_failed(peer).await) })),
    ("an id that a client made up costs no call and is not adopted", |peer, _| Box::pin(async move { yes(made_up_id(peer).await) })),
    ("a session that could not be read is not overwritten", |peer, _| Box::pin(async move { yes(unreadable(peer).await) })),
    ("a failed write is answered with an error", |peer, _| Box::pin(async move { yes(unwritable(peer).await) })),
    ("a __Host- cookie is found again and can be removed", |peer, _| Box::pin(async move { yes(host_prefix(peer).await) })),
    ("calls: untouched, read, new, write, own commit, remove, login", |peer, _| Box::pin(async move { calls(peer).await })),
    ("no Set-Cookie if nothing changed for the client", |peer, _| Box::pin(async move { yes(rare_cookies(peer).await) })),
    ("a response cache on either side shows no client another's page", |peer, _| Box::pin(async move { yes(response_cache(peer).await) })),
    ("a response that used its session tells caches so", |peer, _| Box::pin(async move { yes(tells_caches(peer).await) })),
    ("reading keeps it alive, and not beyond its absolute lifetime", |peer, _| Box::pin(async move { yes(lifetimes(peer).await) })),
    ("a new key in front of the old one logs no user out", |peer, _| Box::pin(async move { yes(key_ring(peer).await) })),
    ("all sessions of a user end, in spite of requests on their way", |peer, _| Box::pin(async move { yes(revoked(peer).await) })),
    ("no log at any level has an id in it", |peer, log| Box::pin(async move { yes(quiet(peer, log).await) })),
    ("bodies of any type will do", |peer, _| Box::pin(async move { yes(peer.any_body) })),
    ("a handler can do without a session", |peer, _| Box::pin(async move { yes(peer.optional) })),
];

#[tokio::main]
async fn main() {
    let log = Log::default();
    let writer = log.clone();
    let level = tracing_subscriber::filter::LevelFilter::TRACE;
    tracing_subscriber::fmt().with_max_level(level).with_writer(move || writer.clone()).init();
    let peers = peers();
    println!("{:<62}{}", "", peers.iter().map(|peer| format!("{:<18}", peer.name)).collect::<String>());
    for (name, scenario) in SCENARIOS {
        let mut row = format!("{name:<62}");
        for peer in &peers {
            let result = scenario((peer.fresh)(), log.clone());
            let result = tokio::time::timeout(Duration::from_secs(30), result).await;
            row += &format!("{:<18}", result.as_deref().unwrap_or("no"));
        }
        println!("{}", row.trim_end());
    }
}
