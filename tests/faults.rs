//! Clients of an application whose Redis is killed, stopped and started again: no change is lost, and no client gets
//! another's answer.
//!
//! ```sh
//! cargo test --features full --test faults -- --seconds 600 --seed 7
//! ```
//!
//! Twelve clients read, write, log in, log out, and leave in the middle of it, by two instances of the application on one
//! Redis. None may lose its session, none may lose a write that was acknowledged, and none may get another's answer. It
//! takes 20 seconds if nothing else is said.
#![cfg(feature = "full")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

use axum::{
    Router,
    body::Body,
    extract::Path,
    response::IntoResponse,
    routing::{get, post},
};
use axum_upstash::{
    Upstash,
    local::{LocalRedis, LocalRedisConfig},
    ratelimit::{FixedWindow, OutagePolicy},
    session::{Session, SessionError},
};
use http::{Request, StatusCode, header};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use times::now_ms;
use tower::ServiceExt;

#[path = "shared/random.rs"]
mod random;
#[path = "shared/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
#[path = "shared/times.rs"]
#[allow(dead_code, unreachable_pub)]
mod times;
use random::Random;
use redis_server::RedisServer;

const CLIENTS: usize = 12;
/// Longer than the time for which a rotation may have been on its way.
const RECOVERY: Duration = Duration::from_secs(60);

fn millis(random: &Random, limit: u64) -> Duration {
    Duration::from_millis(random.below(limit))
}

#[derive(Default)]
struct Counts {
    good: AtomicU64,
    unavailable: AtomicU64,
    moved: AtomicU64,
    left: AtomicU64,
    lost_logins: AtomicU64,
    late_writes: AtomicU64,
    faults: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One instance of the application.
fn application(local: &LocalRedis) -> Router {
    let secret = "the secret of an application with two instances";
    let upstash = Upstash::builder().redis(local.url(), local.token()).session_secret(secret).build().unwrap();
    let begin = |session: Session, Path(owner): Path<usize>| async move { session.insert("owner", owner).await };
    let write = |session: Session, Path(n): Path<u64>| async move {
        let _: Option<u64> = session.get("n").await?;
        session.insert("n", n).await
    };
    let put = |session: Session, Path(n): Path<u64>| async move { session.insert_without_load("n", n) };
    let login = |session: Session, Path(user): Path<u64>| async move {
        session.rotate()?;
        session.set_principal(user.to_string())?;
        session.insert("user", user).await
    };
    let logout = |session: Session| async move { session.destroy() };
    let me = |session: Session| async move {
        let text = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let owner = text(session.get("owner").await?);
        let (n, user) = (text(session.get("n").await?), text(session.get("user").await?));
        Ok::<_, SessionError>(([(header::CACHE_CONTROL, "max-age=60")], format!("{owner} {n} {user}")).into_response())
    };
    let limits = upstash.rate_limit_layer("all", FixedWindow::new(1_000_000, Duration::from_secs(60)));
    let limits =
        limits.with_key_from(header::HOST).map_limiters(|limiter| limiter.with_outage_policy(OutagePolicy::Open));
    Router::new()
        .route("/begin/{owner}", post(begin))
        .route("/write/{n}", post(write))
        .route("/put/{n}", post(put))
        .route("/login/{user}", post(login))
        .route("/logout", post(logout))
        .route("/me", get(me))
        .layer(upstash.session_layer())
        .layer(upstash.response_cache_layer(Duration::from_secs(60)))
        .layer(limits)
}

struct Answer {
    status: StatusCode,
    cookie: Option<String>,
    text: String,
}

async fn ask(app: &Router, method: &str, path: &str, cookie: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "a.test");
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let line = response.headers().get(header::SET_COOKIE).map(|line| line.to_str().unwrap().to_owned());
    let pair = line.and_then(|line| line.split(';').next().map(str::to_owned));
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    Answer { status, cookie: pair, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

/// What a client knows: its cookie, and what its session may hold.
struct Client {
    number: usize,
    cookie: String,
    acknowledged: String,
    /// Writes of which it does not know what became of them. Each may take effect at any later time.
    unknown: Vec<String>,
    next: u64,
    story: Vec<String>,
}

struct World {
    apps: [Router; 2],
    random: Random,
    counts: Counts,
    ended: AtomicBool,
}

impl World {
    fn app(&self) -> &Router {
        &self.apps[usize::try_from(self.random.below(2)).unwrap()]
    }

    /// A session of its own, however long that takes.
    async fn begin(&self, number: usize) -> Client {
        let deadline = Instant::now() + RECOVERY;
        loop {
            let answer = ask(self.app(), "POST", &format!("/begin/{number}"), None).await;
            if let (StatusCode::OK, Some(cookie)) = (answer.status, answer.cookie) {
                let story = vec![format!("begins with {cookie}")];
                return Client { number, cookie, acknowledged: "-".into(), unknown: vec![], next: 1, story };
            }
            assert!(Instant::now() < deadline, "no session begins");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `None` if the client leaves before the answer.
    async fn send(&self, client: &mut Client, method: &str, path: &str) -> Option<Answer> {
        let cookie = client.cookie.clone();
        let call = ask(self.app(), method, path, Some(&cookie));
        let leaves = if self.random.below(10) == 0 { millis(&self.random, 8) } else { Duration::from_secs(60) };
        let answer = tokio::time::timeout(leaves, call).await.ok();
        match &answer {
            None => count(&self.counts.left),
            Some(answer) => match answer.status {
                StatusCode::OK => count(&self.counts.good),
                StatusCode::SERVICE_UNAVAILABLE => count(&self.counts.unavailable),
                StatusCode::CONFLICT => count(&self.counts.moved),
                status => panic!("client {}: {path}: {status} {}", client.number, answer.text),
            },
        }
        let told = answer.as_ref().map(|answer| (answer.status.as_u16(), answer.text.clone(), answer.cookie.clone()));
        client.story.push(format!("{path}: {told:?}"));
        answer
    }

    async fn step(&self, client: &mut Client) {
        match self.random.below(20) {
            0..=7 => {
                if let Some(answer) = self.send(client, "GET", "/me").await {
                    self.check(client, &answer);
                }
            }
            kind @ 8..=14 => {
                let value = client.next.to_string();
                client.next += 1;
                let path = if kind % 2 == 0 { format!("/write/{value}") } else { format!("/put/{value}") };
                match self.send(client, "POST", &path).await {
                    Some(answer) if answer.status == StatusCode::OK => {
                        assert!(answer.cookie.is_none(), "a write began another session: {:#?}", client.story);
                        client.acknowledged = value;
                    }
                    // It says that nothing was written.
                    Some(answer) if answer.status == StatusCode::CONFLICT => {}
                    _ => client.unknown.push(value),
                }
            }
            15..=18 => {
                let answer = self.send(client, "POST", &format!("/login/{}", client.number)).await;
                match answer.filter(|answer| answer.status == StatusCode::OK) {
                    Some(answer) => client.cookie = answer.cookie.expect("a login gives a new id"),
                    None => count(&self.counts.lost_logins),
                }
            }
            _ => {
                let old = client.cookie.clone();
                let answer = self.send(client, "POST", "/logout").await;
                let is_out = answer.is_some_and(|answer| answer.status == StatusCode::OK);
                *client = self.begin(client.number).await;
                if is_out {
                    let dead = ask(self.app(), "GET", "/me", Some(&old)).await;
                    let nothing = dead.status != StatusCode::OK || dead.text == "- - -";
                    assert!(nothing, "client {}: a session came back after its end: {}", client.number, dead.text);
                }
            }
        }
    }

    fn check(&self, client: &mut Client, answer: &Answer) {
        if answer.status != StatusCode::OK {
            return;
        }
        let parts: Vec<&str> = answer.text.split(' ').collect();
        let [owner, n, user] = parts[..] else { panic!("a body that was cut: {:?}", answer.text) };
        let number = client.number.to_string();
        assert!(
            owner == number,
            "client {number} sees {:?}: a session was lost, or is another's: {:#?}",
            answer.text,
            client.story
        );
        assert!(user == "-" || user == number, "client {number} is {user}: {:#?}", client.story);
        if n != client.acknowledged {
            let late = client.unknown.iter().any(|unknown| unknown == n);
            assert!(
                late,
                "client {number} sees {n}, and {} was acknowledged: {:#?}",
                client.acknowledged, client.story
            );
            count(&self.counts.late_writes);
            client.acknowledged = n.to_owned();
        }
    }
}

/// Kills, stops and flaps the Redis until the end, and leaves it running.
async fn faults(mut redis: RedisServer, world: Arc<World>) -> RedisServer {
    while !world.ended.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(200) + millis(&world.random, 1_500)).await;
        count(&world.counts.faults);
        match world.random.below(4) {
            0 => {
                redis.stop();
                tokio::time::sleep(millis(&world.random, 2_000)).await;
            }
            1 | 2 => {
                redis.signal("STOP");
                tokio::time::sleep(millis(&world.random, 3_500)).await;
                redis.signal("CONT");
                continue;
            }
            _ => {
                for _ in 0..3 {
                    redis.stop();
                    redis = restarted(redis).await;
                    tokio::time::sleep(millis(&world.random, 60)).await;
                }
                continue;
            }
        }
        redis = restarted(redis).await;
    }
    redis
}

/// Waits for it elsewhere than on the thread of the clients.
async fn restarted(mut redis: RedisServer) -> RedisServer {
    tokio::task::spawn_blocking(move || {
        redis.restart();
        redis
    })
    .await
    .unwrap()
}

fn argument(name: &str) -> Option<u64> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1)?.parse().ok()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let seconds = argument("--seconds").unwrap_or(20);
    let seed = argument("--seed").unwrap_or_else(now_ms);
    println!("seed {seed}, {seconds} s");
    // What Redis acknowledges survives its end.
    let redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let config = || LocalRedisConfig::default().with_redis_url(redis.url());
    let locals = [LocalRedis::start_with(config()).await.unwrap(), LocalRedis::start_with(config()).await.unwrap()];
    let world = Arc::new(World {
        apps: locals.each_ref().map(application),
        random: Random::new(seed),
        counts: Counts::default(),
        ended: AtomicBool::new(false),
    });
    let end = Instant::now() + Duration::from_secs(seconds);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let mut client = world.begin(number).await;
                while Instant::now() < end {
                    world.step(&mut client).await;
                    tokio::time::sleep(millis(&world.random, 20)).await;
                }
                client
            })
        })
        .collect();
    let faults = tokio::spawn(faults(redis, Arc::clone(&world)));
    let mut known = Vec::new();
    for client in clients {
        known.push(client.await.expect("a client found something lost"));
    }
    world.ended.store(true, Ordering::SeqCst);
    let _redis = faults.await.unwrap();

    // All is well again, and each client finds its session.
    for mut client in known {
        let deadline = Instant::now() + RECOVERY;
        loop {
            let cookie = client.cookie.clone();
            let answer = ask(world.app(), "GET", "/me", Some(&cookie)).await;
            if answer.status == StatusCode::OK {
                world.check(&mut client, &answer);
                break;
            }
            assert!(Instant::now() < deadline, "client {} gets no answer: {}", client.number, answer.status);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let Counts { good, unavailable, moved, left, lost_logins, late_writes, faults } = &world.counts;
    let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{} good answers, {} of 503, {} of 409, {} clients left before the answer; {} logins without an answer, \
         {} writes that took effect without one; {} faults",
        number(good),
        number(unavailable),
        number(moved),
        number(left),
        number(lost_logins),
        number(late_writes),
        number(faults)
    );
    assert!(number(good) > 100 && number(faults) > 1, "nothing was tried");
    println!("no session lost, no acknowledged write lost, no answer of another client");
    println!("1 passed, 0 failed");
}
