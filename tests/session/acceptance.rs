//! What a session layer has to do, as a client and an operator see it. The scenarios in which requests meet are beside.

use crate::{
    client::{ask, both, keys, layer, log_in, routes},
    log::Log,
    schedule::Stepped,
};
use axum::{
    Router,
    body::Body,
    extract::WebSocketUpgrade,
    response::sse::{Event, Sse},
    routing::{get, post},
};
use axum_upstash::{
    Error, ErrorKind,
    response_cache::ResponseCacheLayer,
    session::{
        CommitFailure, LoadFailure, Session, SessionError, SessionKey, SessionLayer, SessionRejection,
        store::{Commit, CommitOutcome, Confirm, Load, Loaded, MemorySessionStore, RedisSessionStore, SessionStore},
    },
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use http::{Request, Response, StatusCode, header};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tower::{Layer, ServiceExt};

/// A store that fails when it is told to.
#[derive(Debug, Clone)]
pub struct Failing {
    inner: Arc<dyn SessionStore>,
    pub loads: Arc<AtomicBool>,
    pub commits: Arc<AtomicBool>,
    /// The next commit is done, and its answer lost.
    pub answer: Arc<AtomicBool>,
}

impl Failing {
    pub fn new(inner: &Arc<dyn SessionStore>) -> Self {
        Self { inner: Arc::clone(inner), loads: Arc::default(), commits: Arc::default(), answer: Arc::default() }
    }
}

fn down<T>() -> BoxFuture<'static, Result<T, Error>>
where
    T: Send + 'static,
{
    Box::pin(std::future::ready(Err(Error::new(ErrorKind::Connect, "down, says the test"))))
}

impl SessionStore for Failing {
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>> {
        if self.loads.load(Ordering::SeqCst) { down() } else { self.inner.load(load) }
    }

    fn confirm<'a>(&'a self, confirm: Confirm<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.inner.confirm(confirm)
    }

    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<CommitOutcome, Error>> {
        if self.commits.load(Ordering::SeqCst) {
            return down();
        }
        let committed = self.inner.commit(key, commit);
        let lost = self.answer.swap(false, Ordering::SeqCst);
        Box::pin(async move {
            let committed = committed.await;
            if lost { Err(Error::new(ErrorKind::Timeout, "lost, says the test")) } else { committed }
        })
    }
}

#[tokio::test]
async fn a_rotation_that_fails_leaves_the_session_as_it_was() {
    both(async |store| {
        let app = routes().layer(layer(&store));
        let me = log_in(&app, "ferris").await;
        let failed = ask(&app, "POST", "/rotate-and-fail", Some(&me)).await;
        assert_eq!((failed.status.as_u16(), failed.cookie()), (500, None));
        assert_eq!(ask(&app, "GET", "/get/user", Some(&me)).await.text, "ferris");
    })
    .await;
}

#[tokio::test]
async fn a_cookie_of_somebody_else_s_making_is_no_name_and_no_call() {
    both(async |store| {
        let counted = Stepped::open(store);
        let app = routes().layer(SessionLayer::new(counted.clone(), keys(&[1])));
        let foreign =
            log_in(&routes().layer(SessionLayer::new(MemorySessionStore::new(), keys(&[2]))), "mallory").await;
        let unsigned = foreign.split('.').next().unwrap().to_owned();
        for cookie in [foreign, unsigned, "__Host-id=".to_owned(), format!("__Host-id={}", "A".repeat(76))] {
            assert_eq!(ask(&app, "GET", "/get/user", Some(&cookie)).await.text, "-");
            assert_eq!(counted.take_calls(), 0, "{cookie}");
            let begun = ask(&app, "POST", "/set/a/1", Some(&cookie)).await.cookie().unwrap();
            assert_ne!(begun, cookie);
            assert_eq!(counted.take_calls(), 1, "the new session alone");
        }
    })
    .await;
}

#[tokio::test]
async fn what_could_not_be_read_is_not_overwritten() {
    both(async |store| {
        for policy in [LoadFailure::Unavailable, LoadFailure::Anonymous] {
            let failing = Failing::new(&store);
            let app = routes().layer(SessionLayer::new(failing.clone(), keys(&[1])).with_load_failure(policy));
            let me = log_in(&app, "ferris").await;
            // Nor if a handler goes on as if nothing had happened, and the store is back by then.
            for detached in [false, true] {
                let careless = {
                    let failing = failing.clone();
                    move |session: Session| async move {
                        failing.loads.store(true, Ordering::SeqCst);
                        let user: Option<String> = session.get("user").await.unwrap_or_default();
                        let session = if detached { session.detach() } else { session };
                        let put = session.insert_without_load("user", user.unwrap_or_default());
                        let committed = session.commit().await;
                        failing.loads.store(false, Ordering::SeqCst);
                        assert!(put.is_err() || committed.is_err(), "detached: {detached}");
                    }
                };
                let app = Router::new().route("/", post(careless));
                let app = app.layer(SessionLayer::new(failing.clone(), keys(&[1])).with_load_failure(policy));
                ask(&app, "POST", "/", Some(&me)).await;
            }
            failing.loads.store(true, Ordering::SeqCst);
            for path in ["/set/user/nobody", "/rotate", "/add/user"] {
                let reply = ask(&app, "POST", path, Some(&me)).await;
                assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{policy:?} {path}: {reply:?}");
                assert_eq!(reply.headers.get(header::SET_COOKIE), None, "{policy:?} {path}");
            }
            // Also if the rotation came first, and nothing was written after it.
            let rotate_first = |session: Session| async move {
                session.rotate()?;
                session.get::<String>("user").await.map(Option::unwrap_or_default)
            };
            let rotate_only = |session: Session| async move { session.rotate() };
            let app = app.route("/rotate-first", post(rotate_first)).route("/rotate-only", post(rotate_only));
            let app = app.layer(SessionLayer::new(failing.clone(), keys(&[1])).with_load_failure(policy));
            for path in ["/rotate-first", "/rotate-only"] {
                let reply = ask(&app, "POST", path, Some(&me)).await;
                assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{policy:?} {path}: {reply:?}");
            }
            failing.loads.store(false, Ordering::SeqCst);
            assert_eq!(ask(&app, "GET", "/get/user", Some(&me)).await.text, "ferris");
        }
    })
    .await;
}

#[tokio::test]
async fn what_could_not_be_written_is_answered_as_the_application_says() {
    both(async |store| {
        let custom = CommitFailure::custom(|error: &SessionError| {
            let mut response = Response::new(Bytes::from(format!("try again: {error}")));
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response
        });
        for (policy, status, text) in [
            (CommitFailure::Refuse, 503, None),
            (CommitFailure::KeepResponse, 200, Some("1")),
            (custom, 418, Some("try again: the session store is unavailable")),
        ] {
            let failing = Failing::new(&store);
            let layer = SessionLayer::new(failing.clone(), keys(&[1])).with_commit_failure(policy.clone());
            let app = routes().layer(layer);
            let me = log_in(&app, "ferris").await;
            failing.commits.store(true, Ordering::SeqCst);
            let reply = ask(&app, "POST", "/set/a/1", Some(&me)).await;
            assert_eq!(reply.status.as_u16(), status, "{policy:?}");
            assert!(!reply.text.is_empty() && text.is_none_or(|text| reply.text == text), "{policy:?}: {reply:?}");
            let kept = matches!(policy, CommitFailure::KeepResponse);
            assert_eq!(reply.headers.contains_key("session-commit"), kept, "{policy:?}");
            assert_eq!(reply.cookie(), None, "{policy:?}");
            // A handler that asks is told, and what it could not write is tried again after it.
            let reply = ask(&app, "POST", "/committed/a/1", Some(&me)).await;
            assert_eq!(reply.status, if kept { StatusCode::SERVICE_UNAVAILABLE } else { reply.status });
            failing.commits.store(false, Ordering::SeqCst);
            assert_eq!(ask(&app, "GET", "/get/a", Some(&me)).await.text, "-");
        }
    })
    .await;
}

#[tokio::test]
async fn what_may_not_have_been_written_is_written_after_the_handler() {
    both(async |store| {
        let failing = Failing::new(&store);
        let layer = SessionLayer::new(failing.clone(), keys(&[1]));
        // It goes on, whatever came of the commit.
        let careless = |rotate: bool| {
            let failing = failing.clone();
            post(move |session: Session| async move {
                session.insert("a", "1").await?;
                if rotate {
                    session.rotate()?;
                }
                failing.answer.store(true, Ordering::SeqCst);
                assert!(matches!(session.commit().await, Err(SessionError::Unavailable(_))));
                session.insert("b", "2").await
            })
        };
        let app = routes().route("/begin", careless(false)).route("/move", careless(true)).layer(layer);
        let begun = ask(&app, "POST", "/begin", None).await.cookie().expect("the client has to have its session");
        assert_eq!(ask(&app, "GET", "/get/a", Some(&begun)).await.text, "1");
        assert_eq!(ask(&app, "GET", "/get/b", Some(&begun)).await.text, "2");
        // A login without a cookie.
        let first = ask(&app, "POST", "/move", None).await.cookie().expect("a login that was written is not refused");
        assert_eq!(ask(&app, "GET", "/get/b", Some(&first)).await.text, "2");
        let me = log_in(&app, "ferris").await;
        let moved = ask(&app, "POST", "/move", Some(&me)).await.cookie().unwrap();
        for (name, value) in [("user", "ferris"), ("a", "1"), ("b", "2")] {
            assert_eq!(ask(&app, "GET", &format!("/get/{name}"), Some(&moved)).await.text, value, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_may_have_been_written_is_no_longer_what_it_was() {
    both(async |store| {
        let failing = Failing::new(&store);
        let back = |change: &'static str| {
            let failing = failing.clone();
            post(move |session: Session| async move {
                let _: Option<String> = session.get("a").await?;
                session.insert("a", "2").await?;
                session.insert("new", "1").await?;
                // The store has it, but no answer says so.
                failing.answer.store(true, Ordering::SeqCst);
                assert!(matches!(session.commit().await, Err(SessionError::Unavailable(_))));
                match change {
                    "insert" => session.insert("a", "1").await?,
                    "put" => session.insert_without_load("a", "1")?,
                    "update" => drop(session.update("a", |_: Option<String>| "1".to_owned()).await?),
                    _ => {
                        session.clear().await?;
                        session.insert("a", "1").await?;
                    }
                }
                assert!(session.remove("new").await.is_ok());
                session.commit().await
            })
        };
        let mut app = routes();
        for change in ["insert", "put", "update", "clear"] {
            app = app.route(&format!("/{change}"), back(change));
        }
        let app = app.layer(SessionLayer::new(failing.clone(), keys(&[1])));
        for change in ["insert", "put", "update", "clear"] {
            let me = ask(&app, "POST", "/set/a/1", None).await.cookie().unwrap();
            let reply = ask(&app, "POST", &format!("/{change}"), Some(&me)).await;
            assert_eq!(reply.status, StatusCode::OK, "{change}: {reply:?}");
            for (name, wanted) in [("a", "1"), ("new", "-")] {
                let found = ask(&app, "GET", &format!("/get/{name}"), Some(&me)).await.text;
                assert_eq!(found, wanted, "{change} {name}");
            }
        }
    })
    .await;
}

/// What a browser does with `Set-Cookie` (RFC 6265bis 5.6 and 5.7), for one host over HTTPS.
#[derive(Default)]
struct Jar(Option<String>);

impl Jar {
    fn take(&mut self, line: &str) {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        let has = |attribute: &str| attributes.iter().any(|other| other == attribute);
        if name.starts_with("__Host-") {
            let domain = attributes.iter().any(|attribute| attribute.starts_with("domain"));
            if !has("secure") || !has("path=/") || domain {
                return;
            }
        }
        self.0 = (!has("max-age=0")).then(|| format!("{name}={value}"));
    }

    async fn ask(&mut self, app: &Router, method: &'static str, path: &str) -> String {
        let reply = ask(app, method, path, self.0.as_deref()).await;
        if let Some(line) = reply.headers.get(header::SET_COOKIE) {
            self.take(line.to_str().unwrap());
        }
        reply.text
    }
}

#[tokio::test]
async fn a_browser_takes_the_cookie_and_lets_it_be_taken_away() {
    both(async |store| {
        let (app, mut jar) = (routes().layer(layer(&store)), Jar::default());
        jar.ask(&app, "POST", "/login/ferris").await;
        assert!(jar.0.as_ref().is_some_and(|cookie| cookie.starts_with("__Host-id=")), "{:?}", jar.0);
        assert_eq!(jar.ask(&app, "GET", "/get/user").await, "ferris");
        jar.ask(&app, "POST", "/rotate").await;
        assert_eq!(jar.ask(&app, "GET", "/get/user").await, "ferris");
        jar.ask(&app, "POST", "/logout").await;
        assert_eq!(jar.0, None);
    })
    .await;
}

#[tokio::test]
async fn calls_are_as_few_and_cookies_as_rare_as_can_be() {
    both(async |store| {
        let counted = Stepped::open(store);
        let app = routes().layer(SessionLayer::new(counted.clone(), keys(&[1])));
        // Calls, and whether the client has to learn something.
        for (method, path, with_session, calls, learns) in [
            ("GET", "/untouched", false, 0, false),
            ("GET", "/untouched", true, 0, false),
            ("GET", "/get/user", false, 0, false),
            ("GET", "/get/user", true, 1, false),
            ("POST", "/set/a/1", false, 1, true),
            ("POST", "/set/a/1", true, 2, false),
            ("POST", "/set/user/ferris", true, 1, false),
            ("POST", "/put/a/1", true, 1, false),
            ("POST", "/put/a/1", false, 1, true),
            ("POST", "/remove/absent", true, 1, false),
            ("POST", "/committed/a/2", true, 2, false),
            ("POST", "/add/n", true, 2, false),
            ("POST", "/login/corro", true, 2, true),
            ("POST", "/rotate", true, 2, true),
            ("POST", "/rotate-and-fail", true, 1, false),
            ("POST", "/logout", true, 1, true),
        ] {
            let me = log_in(&app, "ferris").await;
            counted.take_calls();
            let reply = ask(&app, method, path, Some(&*me).filter(|_| with_session)).await;
            assert_eq!(counted.take_calls(), calls, "{method} {path}, with a session: {with_session}");
            assert_eq!(reply.headers.contains_key(header::SET_COOKIE), learns, "{method} {path}: {reply:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_response_cache_on_either_side_stores_nothing_of_a_session() {
    both(async |store| {
        let cached = || ResponseCacheLayer::memory().with_ttl(Duration::from_secs(60));
        let routes = || Router::new().route("/get/{name}", get(crate::client::read));
        for outside in [true, false] {
            let app = if outside {
                routes().layer(layer(&store)).layer(cached())
            } else {
                routes().layer(cached()).layer(layer(&store))
            };
            let login = crate::client::routes().layer(layer(&store));
            for user in ["ferris", "corro"] {
                let me = log_in(&login, user).await;
                for _ in 0..2 {
                    let reply = ask(&app, "GET", "/get/user", Some(&me)).await;
                    assert_eq!(reply.text, user, "cache outside: {outside}");
                    let status = reply.headers["cache-status"].to_str().unwrap();
                    assert!(!status.contains("hit") && !status.contains("stored"), "{status}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_ring_turns() {
    both(async |store| {
        let counted = Stepped::open(store);
        let app = |secrets: &[u8]| routes().layer(SessionLayer::new(counted.clone(), keys(secrets)));
        let old = log_in(&app(&[2]), "ferris").await;
        let renewed = ask(&app(&[1, 2]), "GET", "/get/user", Some(&old)).await;
        assert_eq!(renewed.text, "ferris");
        let new = renewed.cookie().unwrap();
        assert_eq!(ask(&app(&[1, 2]), "GET", "/get/user", Some(&new)).await.cookie(), None, "once");
        assert_eq!(ask(&app(&[1]), "GET", "/get/user", Some(&new)).await.text, "ferris");
        assert_eq!(ask(&app(&[1, 2]), "POST", "/put/a/1", Some(&old)).await.cookie(), Some(new.clone()));
        // Written without having been read.
        let blind = |session: Session| async move { session.clear_principal() };
        let blind = Router::new().route("/", post(blind)).layer(SessionLayer::new(counted.clone(), keys(&[1, 2])));
        assert_eq!(ask(&blind, "POST", "/", Some(&old)).await.cookie(), Some(new));
        counted.take_calls();
        assert_eq!(ask(&app(&[1]), "GET", "/get/user", Some(&old)).await.text, "-");
        assert_eq!(counted.take_calls(), 0);
    })
    .await;
}

#[tokio::test]
async fn no_log_has_an_id_or_a_token_in_it() {
    let (log, _logging) = Log::of(tracing::Level::TRACE);
    let (local, redis) = crate::support::upstash().await;
    let store: Arc<dyn SessionStore> = Arc::new(RedisSessionStore::new(redis.clone()));
    let failing = Failing::new(&store);
    let app = routes().layer(SessionLayer::new(failing.clone(), keys(&[1])));
    let me = log_in(&app, "a-secret-user").await;
    let mut secrets = vec![me.clone()];
    for path in ["/set/a/1", "/rotate", "/rotate-and-fail", "/committed/a/2", "/logout", "/set/a/1"] {
        secrets.extend(ask(&app, "POST", path, Some(&me)).await.cookie());
    }
    failing.loads.store(true, Ordering::SeqCst);
    failing.commits.store(true, Ordering::SeqCst);
    ask(&app, "POST", "/set/a/1", Some(&me)).await;
    ask(&app, "POST", "/logout", Some(&me)).await;
    local.stop_redis().await.unwrap();
    let down = routes().layer(SessionLayer::new(RedisSessionStore::new(redis), keys(&[1])));
    ask(&down, "POST", "/set/a/1", Some(&me)).await;
    let text = log.take();
    assert!(text.contains("session"), "nothing was logged at all");
    for secret in &secrets {
        let id = secret.split(['=', '.']).nth(1).unwrap();
        assert!(!text.contains(id), "an id is in the log");
    }
    for secret in [local.token(), "a-secret-user"] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}

/// A body without `Default`.
struct Rare(Body);

impl http_body::Body for Rare {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        std::pin::Pin::new(&mut self.0).poll_frame(cx)
    }
}

#[tokio::test]
async fn any_body_will_do() {
    let service = tower::service_fn(|request: Request<Body>| async move {
        let session: Session = request.extensions().get().cloned().unwrap();
        session.insert("a", 1).await.unwrap();
        Ok::<_, Infallible>(Response::new(Rare(Body::from("rare"))))
    });
    let response =
        SessionLayer::new(MemorySessionStore::new(), keys(&[1])).layer(service).oneshot(Request::new(Body::empty()));
    let response = response.await.unwrap();
    assert!(response.headers().contains_key(header::SET_COOKIE));
    assert_eq!(axum::body::to_bytes(Body::new(response.into_body()), 10).await.unwrap(), "rare");
}

#[tokio::test]
async fn a_stream_of_events_writes_by_a_handle_of_its_own() {
    both(async |store| {
        let events = |session: Session| async move {
            session.insert("seen", "0").await.unwrap();
            // Written now, so that the handle has something to write to.
            session.commit().await.unwrap();
            let (late, detached) = (session.clone(), session.detach());
            let stream = futures_util::stream::iter(1..=3).then(move |n: u32| {
                let (late, detached) = (late.clone(), detached.clone());
                async move {
                    assert!(matches!(late.insert("seen", n).await, Err(SessionError::Closed)));
                    assert!(matches!(detached.rotate(), Err(SessionError::Closed)));
                    detached.insert("seen", n.to_string()).await.unwrap();
                    detached.commit().await.unwrap();
                    Ok::<_, Infallible>(Event::default().data(n.to_string()))
                }
            });
            Sse::new(stream)
        };
        let app = routes().route("/events", get(events)).layer(layer(&store));
        let reply = ask(&app, "GET", "/events", None).await;
        assert!(reply.text.contains("data: 3"), "{reply:?}");
        let me = reply.cookie().unwrap();
        assert_eq!(ask(&app, "GET", "/get/seen", Some(&me)).await.text, "3");
        // One that has no session yet cannot begin one behind the head.
        let nothing = |session: Session| async move {
            let detached = session.detach();
            detached.insert("a", 1).await.unwrap();
            matches!(detached.commit().await, Err(SessionError::Gone)).to_string()
        };
        let app = Router::new().route("/", get(nothing)).layer(layer(&store));
        assert_eq!(ask(&app, "GET", "/", None).await.text, "true");
    })
    .await;
}

#[tokio::test]
async fn a_websocket_begins_with_its_session() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let store: Arc<dyn SessionStore> = Arc::new(MemorySessionStore::new());
    let (told, mut written) = tokio::sync::mpsc::channel(1);
    let upgrade = move |session: Session, upgrade: WebSocketUpgrade| {
        let told = told.clone();
        async move {
            session.insert("socket", "open").await?;
            session.commit().await?;
            let session = session.detach();
            Ok::<_, SessionError>(upgrade.on_upgrade(move |_| async move {
                session.insert("socket", "used").await.unwrap();
                session.commit().await.unwrap();
                told.send(()).await.unwrap();
            }))
        }
    };
    let app = routes().route("/socket", get(upgrade)).layer(layer(&store));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = app.clone();
    tokio::spawn(async move { axum::serve(listener, server).await.unwrap() });
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /socket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut head, mut buffer) = (String::new(), [0; 1024]);
    while !head.contains("\r\n\r\n") {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "{head}");
        head.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let cookie =
        head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("the cookie goes with the head");
    let me = cookie.split(';').next().unwrap();
    tokio::time::timeout(Duration::from_secs(10), written.recv()).await.unwrap().unwrap();
    assert_eq!(ask(&app, "GET", "/get/socket", Some(me)).await.text, "used");
}

#[tokio::test]
async fn a_missing_layer_says_what_is_missing() {
    let rejection = |session: Result<Session, SessionRejection>| async move { session.unwrap_err().to_string() };
    let bare = Router::new()
        .route("/", get(|_: Session| async {}))
        .route("/why", get(rejection))
        .route("/optional", get(|session: Option<Session>| async move { session.is_some().to_string() }));
    assert_eq!(ask(&bare, "GET", "/", None).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(ask(&bare, "GET", "/why", None).await.text.contains("SessionLayer has to be added after"));
    assert_eq!(ask(&bare, "GET", "/optional", None).await.text, "false");
}
