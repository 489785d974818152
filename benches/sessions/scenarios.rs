//! What becomes of sessions in situations that every application comes into: `SessionLayer`, `tower-sessions` and
//! `axum_session`, each with two instances on one store that can be made to fail.

mod peers;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt;
use peers::{Peer, peers};
use std::{collections::BTreeMap, sync::atomic::Ordering};
use tower::ServiceExt;

/// A browser, as far as cookies go: those that its rules would not take are not taken.
#[derive(Default, Clone)]
struct Jar(BTreeMap<String, String>);

struct Reply {
    status: StatusCode,
    text: String,
    set_cookies: usize,
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
        let status = response.status();
        let text = response.into_body().collect().await.unwrap().to_bytes();
        Reply { status, text: String::from_utf8_lossy(&text).into_owned(), set_cookies: lines.len() }
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
}

async fn begun(app: &Router) -> Jar {
    let mut jar = Jar::default();
    jar.ask(app, "POST", "/set/user/ferris").await;
    jar
}

/// A slow request has loaded the session; another one, to another instance, is done; then the slow one goes on.
async fn overtaken(peer: &Peer, other: &str) -> (Router, Jar, Reply) {
    let (one, two) = ((peer.app)().await, (peer.app)().await);
    let mut jar = begun(&one).await;
    let slow = tokio::spawn({
        let (app, mut jar) = (one.clone(), jar.clone());
        async move { jar.ask(&app, "POST", "/slow/a/1").await }
    });
    peer.gate.0.notified().await;
    jar.clone().ask(&two, "POST", other).await;
    peer.gate.1.notify_one();
    let reply = slow.await.unwrap();
    jar.0.retain(|_, _| true);
    // A third instance, which has nothing in its memory.
    ((peer.app)().await, jar, reply)
}

async fn passes(peer: &Peer, scenario: &str) -> bool {
    let app = (peer.app)().await;
    match scenario {
        "writes of different attributes at once both survive" => {
            let (app, mut jar, _) = overtaken(peer, "/set/b/2").await;
            (jar.get(&app, "a").await, jar.get(&app, "b").await) == ("1".to_owned(), "2".to_owned())
        }
        "a session that was ended meanwhile stays ended" => {
            let (app, mut jar, _) = overtaken(peer, "/logout").await;
            jar.get(&app, "user").await == "-"
        }
        "a new id and then a 500: the old session is as it was" => {
            let mut jar = begun(&app).await;
            let mut old = jar.clone();
            jar.ask(&app, "POST", "/rotate-and-fail").await;
            let app = (peer.app)().await;
            old.get(&app, "user").await == "ferris"
        }
        "an id that a client made up is not adopted" => {
            let mut jar = begun(&app).await;
            let (name, value) =
                jar.0.iter().find(|(_, value)| value.len() > 15).map(|(n, v)| (n.clone(), v.clone())).unwrap();
            // As long, of the same kind, and nobody's.
            let forged: String = value.chars().map(|c| if c.is_ascii_digit() { '7' } else { c }).collect();
            let forged = if forged == value { value.chars().rev().collect() } else { forged };
            jar.0.insert(name.clone(), forged.clone());
            jar.ask(&app, "POST", "/set/a/1").await;
            jar.0.get(&name) != Some(&forged)
        }
        "what could not be read is not overwritten" => {
            let mut jar = begun(&app).await;
            let other = (peer.app)().await;
            peer.control.fail_loads.store(true, Ordering::SeqCst);
            let mut trying = jar.clone();
            trying.ask(&other, "POST", "/set/a/1").await;
            peer.control.fail_loads.store(false, Ordering::SeqCst);
            let fresh = (peer.app)().await;
            jar.get(&fresh, "user").await == "ferris"
        }
        "what could not be written is answered, and not with nothing" => {
            let mut jar = begun(&app).await;
            peer.control.fail_writes.store(true, Ordering::SeqCst);
            let reply = jar.ask(&app, "POST", "/set/a/1").await;
            peer.control.fail_writes.store(false, Ordering::SeqCst);
            !reply.text.is_empty() && reply.status != StatusCode::OK
        }
        "a __Host- cookie is found again and can be removed" => {
            let app = (peer.host_app)().await;
            let mut jar = begun(&app).await;
            let found = jar.get(&app, "user").await == "ferris" && jar.0.keys().all(|name| name.starts_with("__Host-"));
            jar.ask(&app, "POST", "/logout").await;
            found && jar.0.is_empty()
        }
        "an untouched session costs no call of the store" => {
            let mut jar = begun(&app).await;
            let other = (peer.app)().await;
            peer.control.calls.store(0, Ordering::SeqCst);
            jar.ask(&other, "GET", "/untouched").await;
            peer.control.calls.load(Ordering::SeqCst) == 0
        }
        "no Set-Cookie where there is nothing to learn" => {
            let mut jar = begun(&app).await;
            let mut set = 0;
            for (method, path) in [("GET", "/untouched"), ("GET", "/get/user"), ("POST", "/set/a/1")] {
                set += jar.ask(&app, method, path).await.set_cookies;
            }
            set == 0
        }
        "a response that used its session tells caches so" => {
            let mut jar = begun(&app).await;
            let cookies: Vec<String> = jar.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = Request::get("/get/user").header(header::COOKIE, cookies.join("; "));
            let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            jar.0.clear();
            response.headers().contains_key(header::VARY)
        }
        _ => unreachable!("no such scenario"),
    }
}

const SCENARIOS: [&str; 10] = [
    "writes of different attributes at once both survive",
    "a session that was ended meanwhile stays ended",
    "a new id and then a 500: the old session is as it was",
    "an id that a client made up is not adopted",
    "what could not be read is not overwritten",
    "what could not be written is answered, and not with nothing",
    "a __Host- cookie is found again and can be removed",
    "an untouched session costs no call of the store",
    "no Set-Cookie where there is nothing to learn",
    "a response that used its session tells caches so",
];

#[tokio::main]
async fn main() {
    let peers = peers();
    println!("{:<62}{}", "", peers.iter().map(|peer| format!("{:<18}", peer.name)).collect::<String>());
    for scenario in SCENARIOS {
        let mut row = format!("{scenario:<62}");
        for peer in &peers {
            let peer = (peer.fresh)();
            let passed = tokio::time::timeout(std::time::Duration::from_secs(10), passes(&peer, scenario)).await;
            row += &format!("{:<18}", if passed.unwrap_or(false) { "yes" } else { "no" });
        }
        println!("{}", row.trim_end());
    }
}
