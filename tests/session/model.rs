//! Random requests at once, against a model that knows what has to be there afterwards.
//!
//! `SESSION_MODEL_SECONDS=600 cargo test --release --features full --test session model` runs it for ten minutes on each
//! store; without that it takes a second.

use crate::client::{Reply, both, keys, routes, send};
use crate::random::Random;
use crate::times::{ms, now_ms, unix_ms};
use axum::{Router, extract::Path, routing::post};
use axum_upstash::{
    Clock, Error, ErrorKind, ManualClock,
    session::{
        Lifetime, Session, SessionError, SessionKey, SessionLayer,
        store::{Commit, CommitOutcome, Confirm, Load, Loaded, SessionStore},
    },
};
use futures_core::future::BoxFuture;
use futures_util::future::join_all;
use http::StatusCode;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tower::util::MapRequestLayer;

/// A store that is slow now and then, and fails: before it has done anything, or after it has.
#[derive(Debug)]
struct Flaky {
    inner: Arc<dyn SessionStore>,
    random: Random,
    clock: Clock,
}

impl Flaky {
    async fn around<'a, T>(&'a self, call: impl FnOnce() -> BoxFuture<'a, Result<T, Error>>) -> Result<T, Error> {
        for _ in 0..self.random.below(4) {
            tokio::task::yield_now().await;
        }
        if self.random.below(40) == 0 {
            return Err(Error::new(ErrorKind::Connect, "not sent, says the test"));
        }
        let answer = call().await;
        for _ in 0..self.random.below(4) {
            tokio::task::yield_now().await;
        }
        if self.random.below(40) == 0 {
            return Err(Error::new(ErrorKind::Timeout, "the answer was lost, says the test"));
        }
        answer
    }
}

impl SessionStore for Flaky {
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>> {
        Box::pin(self.around(move || self.inner.load(load)))
    }

    fn confirm<'a>(&'a self, confirm: Confirm<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.around(move || self.inner.confirm(confirm)))
    }

    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<CommitOutcome, Error>> {
        let commit = move || -> BoxFuture<'a, _> {
            // By the time that it is when the store does it: that is when an old id begins to tell the new one.
            let commit = commit.clone().with_now(self.clock.now());
            Box::pin(async move { self.inner.commit(key, &commit).await })
        };
        Box::pin(self.around(commit))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Request {
    /// Each attribute is written by one request of a round.
    Set {
        name: String,
        value: String,
    },
    /// The same without a look at what there is.
    Put {
        name: String,
        value: String,
    },
    Remove {
        name: String,
    },
    Rotate,
    Destroy,
    Read,
}

impl Request {
    fn path(&self) -> (&'static str, String) {
        match self {
            Self::Set { name, value } => ("POST", format!("/set/{name}/{value}")),
            Self::Put { name, value } => ("POST", format!("/put/{name}/{value}")),
            Self::Remove { name } => ("POST", format!("/remove/{name}")),
            Self::Rotate => ("POST", "/rotate".to_owned()),
            Self::Destroy => ("POST", "/logout".to_owned()),
            Self::Read => ("GET", "/get/a0".to_owned()),
        }
    }
}

const NAMES: u64 = 5;
const NOTHING: &str = "-";
/// How long sessions live without use, and at the most.
const IDLE: Duration = Duration::from_secs(3_600);
const OWN_IDLE: Duration = Duration::from_secs(3 * 3_600);
const ABSOLUTE: Duration = Duration::from_secs(20 * 3_600);

/// Begins a session with a lifetime of its own.
async fn longer(session: Session, Path((name, value)): Path<(String, String)>) -> Result<(), SessionError> {
    session.set_lifetime(Lifetime::new(OWN_IDLE, Some(ABSOLUTE)))?;
    session.insert(&name, &value).await
}

struct World {
    /// With failures, and without.
    flaky: Router,
    sound: Router,
    hands: ManualClock,
    clock: Clock,
    random: Random,
    /// How many requests have come as far as their handlers, by the way that has failures.
    arrived: Arc<AtomicUsize>,
    requests: u64,
}

/// The model of a session: its cookie, and the values that each attribute may hold.
struct Known {
    cookie: String,
    /// A rotation may have been done whose answer was lost: for a moment nothing can be written.
    may_be_replaced: bool,
    /// How long it lives without use: it may have a lifetime of its own.
    idle: Duration,
    began_ms: u64,
    may_be: BTreeMap<String, BTreeSet<String>>,
}

impl World {
    async fn ask(&mut self, method: &'static str, path: String, cookie: &str) -> Reply {
        self.requests += 1;
        send(self.sound.clone(), method, path, Some(cookie.to_owned())).await
    }

    async fn read(&mut self, cookie: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for index in 0..NAMES {
            let reply = self.ask("GET", format!("/get/a{index}"), cookie).await;
            assert_eq!(reply.status, StatusCode::OK);
            found.insert(format!("a{index}"), reply.text);
        }
        found
    }

    async fn begin(&mut self) -> Known {
        let (path, idle) = match self.random.below(3) {
            0 => ("/longer/a0/begin", OWN_IDLE),
            _ => ("/set/a0/begin", IDLE),
        };
        let reply = send(self.sound.clone(), "POST", path.to_owned(), None).await;
        let mut may_be: BTreeMap<_, _> =
            (0..NAMES).map(|index| (format!("a{index}"), BTreeSet::from([NOTHING.to_owned()]))).collect();
        may_be.insert("a0".to_owned(), BTreeSet::from(["begin".to_owned()]));
        let began_ms = unix_ms(self.clock.now());
        Known { cookie: reply.cookie().unwrap(), may_be_replaced: false, idle, began_ms, may_be }
    }

    fn requests(&self, round: u64) -> Vec<Request> {
        let mut requests: Vec<Request> = (0..NAMES)
            .filter_map(|index| match self.random.below(6) {
                0 | 1 => Some(Request::Set { name: format!("a{index}"), value: format!("v{round}-{index}") }),
                2 => Some(Request::Put { name: format!("a{index}"), value: format!("v{round}-{index}") }),
                3 => Some(Request::Remove { name: format!("a{index}") }),
                4 => Some(Request::Read),
                _ => None,
            })
            .collect();
        match self.random.below(8) {
            0 | 1 => requests.push(Request::Rotate),
            2 => requests.push(Request::Destroy),
            _ => {}
        }
        requests
    }

    /// Requests at once, and the expected state afterwards. `None` if the session is gone, as it should be.
    async fn round(&mut self, mut known: Known, round: u64) -> Option<Known> {
        let requests = self.requests(round);
        let before = self.arrived.load(Ordering::SeqCst);
        let tasks = requests.iter().map(|request| {
            let ((method, path), app, cookie) = (request.path(), self.flaky.clone(), known.cookie.clone());
            tokio::spawn(async move { send(app, method, path, Some(cookie)).await })
        });
        let tasks = tasks.collect::<Vec<_>>();
        if self.random.below(4) == 0 {
            // Some of them outlast the redirect of the session. An id of those that are not there yet would have been
            // dead for as long.
            let all = before + requests.len();
            let deadline = Instant::now() + Duration::from_secs(60);
            tokio::task::yield_now().await;
            while self.arrived.load(Ordering::SeqCst) < all {
                assert!(Instant::now() < deadline, "requests do not arrive");
                tokio::task::yield_now().await;
            }
            self.hands.advance(Duration::from_secs(11));
        }
        let replies: Vec<Reply> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
        self.requests += requests.len() as u64;
        let story = || {
            let told = |(request, reply): (&Request, &Reply)| {
                format!("{request:?} -> {} {:?} {:?}", reply.status, reply.text, reply.cookie())
            };
            requests.iter().zip(&replies).map(told).collect::<Vec<_>>().join("\n")
        };
        let of = |wanted: &Request| requests.iter().position(|request| request == wanted).map(|at| &replies[at]);
        let (rotation, destruction) = (of(&Request::Rotate), of(&Request::Destroy));
        for (request, reply) in requests.iter().zip(&replies) {
            let (name, value) = match request {
                Request::Set { name, value } | Request::Put { name, value } => (name, value.as_str()),
                Request::Remove { name } => (name, NOTHING),
                _ => continue,
            };
            let values = known.may_be.get_mut(name).unwrap();
            // One that found nothing has begun a session of its own, or has nothing to say.
            // Its own cookie is sent again as it is used.
            let another = reply.cookie().is_some_and(|cookie| cookie != known.cookie);
            let elsewhere = another || reply.removes_cookie();
            match reply.status {
                StatusCode::OK if elsewhere => assert!(destruction.is_some(), "{}", story()),
                // If there was nothing to remove, or it was moved away, nothing was written.
                StatusCode::OK if value == NOTHING && reply.text == "false" => {}
                StatusCode::OK => *values = BTreeSet::from([value.to_owned()]),
                StatusCode::CONFLICT => {
                    assert!(rotation.is_some() || destruction.is_some() || known.may_be_replaced, "{}", story());
                }
                StatusCode::SERVICE_UNAVAILABLE => drop(values.insert(value.to_owned())),
                status => panic!("{status}\n{}", story()),
            }
        }
        known.may_be_replaced |= rotation.is_some_and(|reply| reply.status == StatusCode::SERVICE_UNAVAILABLE);
        let rotated = rotation.filter(|reply| reply.status == StatusCode::OK).and_then(Reply::cookie);
        let destroyed = destruction.is_some_and(|reply| reply.status == StatusCode::OK);
        let may_be_destroyed = destruction.is_some() && !destroyed;

        // The new id first: its use ends the old one.
        let under_new = match &rotated {
            Some(cookie) => Some(self.read(cookie).await),
            None => None,
        };
        let found = self.read(&known.cookie).await;
        let nothing = found.values().all(|value| value == NOTHING);
        if destroyed || rotated.is_some() {
            assert!(nothing, "the old id shows {found:?}\n{}", story());
        }
        let (Some(cookie), Some(under_new)) = (rotated, under_new) else {
            // A rotation whose answer is lost ends nothing.
            if nothing && (destroyed || may_be_destroyed) {
                return None;
            }
            self.check(&known, &found, &story());
            return Some(known);
        };
        let found = under_new;
        let nothing = found.values().all(|value| value == NOTHING);
        if destroyed {
            // It was ended before it moved, or after.
            let own = rotation.is_some_and(|reply| reply.text.is_empty());
            assert!(nothing || own, "the new id shows {found:?}\n{}", story());
            return None;
        }
        if nothing && may_be_destroyed {
            return None;
        }
        (known.cookie, known.may_be_replaced) = (cookie, false);
        self.check(&known, &found, &story());
        Some(known)
    }

    fn check(&self, known: &Known, found: &BTreeMap<String, String>, story: &str) {
        for (name, value) in found {
            let may_be = &known.may_be[name];
            assert!(may_be.contains(value), "{name} is {value:?}, and should be one of {may_be:?}\n{story}");
        }
    }
}

async fn run(store: Arc<dyn SessionStore>, seed: u64, time: Duration) -> u64 {
    let random = Random::new(seed);
    let (clock, hands) = Clock::manual(ms(now_ms()));
    let lifetime = Lifetime::new(IDLE, Some(ABSOLUTE));
    let layer = |store: Arc<dyn SessionStore>| {
        let layer = SessionLayer::new(store, keys(&[1])).with_clock(clock.clone()).with_lifetime(lifetime);
        layer.with_timeout(Duration::from_secs(60))
    };
    let arrived = Arc::<AtomicUsize>::default();
    let arrives = MapRequestLayer::new({
        let arrived = Arc::clone(&arrived);
        move |request: axum::extract::Request| {
            arrived.fetch_add(1, Ordering::SeqCst);
            request
        }
    });
    let flaky = Flaky { inner: Arc::clone(&store), random: random.clone(), clock: clock.clone() };
    let routes = || routes().route("/longer/{name}/{value}", post(longer));
    let flaky = routes().layer(arrives).layer(layer(Arc::new(flaky)));
    let mut world =
        World { flaky, sound: routes().layer(layer(store)), hands, clock: clock.clone(), random, arrived, requests: 0 };
    let begun = Instant::now();
    let mut round = 0;
    while begun.elapsed() < time {
        let mut known = world.begin().await;
        for _ in 0..20 {
            round += 1;
            match world.round(known, round).await {
                Some(goes_on) => known = goes_on,
                None => break,
            }
            // The next round begins with the values that are certain now.
            for (name, value) in world.read(&known.cookie).await {
                known.may_be.insert(name, BTreeSet::from([value]));
            }
            if world.random.below(20) == 0 {
                // Nine tenths of its time, of which the last tenth may not be counted, and then all of it.
                let almost = known.idle * 8 / 10;
                let age = Duration::from_millis(unix_ms(world.clock.now()) - known.began_ms);
                if age + almost < ABSOLUTE {
                    world.hands.advance(almost);
                    let found = world.read(&known.cookie).await;
                    assert!(
                        found.iter().all(|(name, value)| known.may_be[name].contains(value)),
                        "it ended early: {found:?}"
                    );
                }
                world.hands.advance(known.idle + Duration::from_secs(1));
                let found = world.read(&known.cookie).await;
                assert!(found.values().all(|value| value == NOTHING), "it has outlived its time: {found:?}");
                break;
            }
            // For a moment, or for a while; within the grace the client comes back.
            let pause = [0, 1_000, 11_000, 280_000, 600_000][usize::try_from(world.random.below(5)).unwrap()];
            world.hands.advance(Duration::from_millis(pause));
            if pause >= 11_000 {
                known.may_be_replaced = false;
            }
        }
    }
    world.requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_requests_lose_nothing_and_bring_nothing_back() {
    let seconds = std::env::var("SESSION_MODEL_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(1);
    let seed = now_ms();
    println!("seed {seed}");
    both(async |store| {
        let name = format!("{store:?}").split([' ', '{']).next().unwrap_or_default().to_owned();
        let requests = run(store, seed, Duration::from_secs(seconds)).await;
        println!("{name}: {requests} requests in {seconds} s");
        assert!(requests > 100);
    })
    .await;
}
