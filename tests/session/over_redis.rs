use crate::support::{Wire, cookie, eventually, removes_cookie, text, upstash};
use crate::times::{ms, now_ms};
use axum::{
    Router,
    body::Body,
    routing::{get, post},
};
use axum_upstash::{
    Clock, PrivateResponse,
    local::LocalRedis,
    redis::Redis,
    session::{
        CommitFailure, KeyRing, Lifetime, LoadFailure, Session, SessionCookie, SessionError, SessionLayer, conformance,
        store::{MemorySessionStore, RedisSessionStore},
    },
};
use http::{Request, Response, StatusCode, header};
use std::{sync::atomic::Ordering, time::Duration};
use tower::ServiceExt;

fn keys(secrets: &[u8]) -> KeyRing {
    KeyRing::new(secrets.iter().map(|&byte| [byte; 32])).unwrap()
}

fn app(layer: SessionLayer) -> Router {
    routes().layer(layer)
}

fn routes() -> Router {
    Router::new()
        .route("/untouched", get(|| async { "hello" }))
        .route("/read", get(|session: Session| async move { read(&session).await }))
        .route("/write", post(|session: Session| async move { session.insert("user", "ferris").await }))
        .route(
            "/read-write",
            post(|session: Session| async move {
                let visits: u32 = session.get("visits").await?.unwrap_or(0);
                session.insert("visits", visits + 1).await
            }),
        )
        .route(
            "/login",
            post(|session: Session| async move {
                let _: Option<String> = session.get("user").await?;
                session.rotate()?;
                session.insert("user", "ferris").await
            }),
        )
        .route("/logout", post(|session: Session| async move { session.destroy() }))
        .route(
            "/remove-absent",
            post(
                |session: Session| async move { session.remove("absent").await.map(|was_there| was_there.to_string()) },
            ),
        )
        .route(
            "/rotate-and-fail",
            post(|session: Session| async move {
                session.rotate()?;
                session.insert("user", "nobody").await?;
                Ok::<_, SessionError>(StatusCode::INTERNAL_SERVER_ERROR)
            }),
        )
        .route(
            "/visits",
            get(|session: Session| async move {
                Ok::<_, SessionError>(session.get::<u32>("visits").await?.unwrap_or(0).to_string())
            }),
        )
}

async fn read(session: &Session) -> Result<String, SessionError> {
    Ok(session.get::<String>("user").await?.unwrap_or_else(|| "nobody".to_owned()))
}

async fn call(app: &Router, method: &str, path: &str, cookie: Option<&str>) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn login(app: &Router) -> String {
    let response = call(app, "POST", "/login", None).await;
    assert_eq!(response.status(), StatusCode::OK);
    cookie(&response).unwrap()
}

/// The application on both stores; the middle step restarts the server.
async fn both(test: impl AsyncFn(Router)) {
    test(app(SessionLayer::new(MemorySessionStore::new(), keys(&[1])))).await;
    let (_local, redis) = upstash().await;
    test(app(SessionLayer::new(RedisSessionStore::new(redis), keys(&[1])))).await;
}

#[tokio::test]
async fn both_stores_pass_the_conformance_suite_and_every_key_expires() {
    conformance::run(&MemorySessionStore::new()).await;
    let (_local, redis) = upstash().await;
    conformance::run(&RedisSessionStore::new(redis.clone())).await;
    let keys: Vec<String> = redis.cmd("KEYS").arg("*").query().await.unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        assert!(redis.cmd("PTTL").key(&key).query::<i64>().await.unwrap() > 0, "{key} never expires");
    }
}

#[tokio::test]
async fn round_trips_are_as_few_as_promised() {
    let local = LocalRedis::start().await.unwrap();
    let wire = Wire::new();
    let app = app(SessionLayer::new(RedisSessionStore::new(wire.redis(&local)), keys(&[1])));
    // Each script is sent whole once; that is not what is counted here.
    let cookie_of = login(&app).await;
    call(&app, "GET", "/read", Some(&cookie_of)).await;
    let me = login(&app).await;
    wire.take();
    for (method, path, cookie, wanted) in [
        ("GET", "/untouched", None, 0),
        ("GET", "/untouched", Some(&me), 0),
        ("GET", "/read", None, 0),
        ("GET", "/read", Some(&me), 1),
        ("POST", "/write", None, 1),
        ("POST", "/read-write", Some(&me), 2),
        ("POST", "/remove-absent", Some(&me), 1),
        ("POST", "/write", Some(&me), 1), // the value is what it was: read, and nothing to write
        ("POST", "/login", Some(&cookie_of), 2),
        ("POST", "/rotate-and-fail", Some(&me), 1),
        ("POST", "/logout", Some(&me), 1),
    ] {
        let response = call(&app, method, path, cookie.map(String::as_str)).await;
        assert!(path == "/rotate-and-fail" || response.status() == StatusCode::OK, "{path}");
        assert_eq!(wire.take(), wanted, "{method} {path} with cookie: {}", cookie.is_some());
    }
}

#[tokio::test]
async fn a_session_lives_from_login_to_logout() {
    both(async |app| {
        assert_eq!(text(call(&app, "GET", "/read", None).await).await, "nobody");
        let me = login(&app).await;
        assert_eq!(text(call(&app, "GET", "/read", Some(&me)).await).await, "ferris");
        let response = call(&app, "POST", "/logout", Some(&me)).await;
        assert!(removes_cookie(&response));
        let response = call(&app, "GET", "/read", Some(&me)).await;
        assert!(removes_cookie(&response), "the client learns that its session is gone");
        assert_eq!(text(response).await, "nobody");
    })
    .await;
}

#[tokio::test]
async fn login_rotates_the_id_and_the_old_one_is_worth_nothing() {
    both(async |app| {
        let response = call(&app, "POST", "/read-write", None).await;
        let before = cookie(&response).unwrap();
        let response = call(&app, "POST", "/login", Some(&before)).await;
        let after = cookie(&response).unwrap();
        assert_ne!(before, after);
        assert_eq!(text(call(&app, "GET", "/read", Some(&before)).await).await, "nobody");
        assert_eq!(text(call(&app, "GET", "/read", Some(&after)).await).await, "ferris");
    })
    .await;
}

#[tokio::test]
async fn a_failed_request_changes_nothing_not_even_the_id() {
    both(async |app| {
        let me = login(&app).await;
        let response = call(&app, "POST", "/rotate-and-fail", Some(&me)).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(cookie(&response), None);
        assert_eq!(text(call(&app, "GET", "/read", Some(&me)).await).await, "ferris");
    })
    .await;
}

#[tokio::test]
async fn a_cookie_nobody_signed_is_nothing_and_costs_nothing() {
    let local = LocalRedis::start().await.unwrap();
    let wire = Wire::new();
    let app = app(SessionLayer::new(RedisSessionStore::new(wire.redis(&local)), keys(&[1])));
    let stranger = self::app(SessionLayer::new(MemorySessionStore::new(), keys(&[2])));
    let foreign = login(&stranger).await;
    login(&app).await;
    wire.take();
    for forged in [foreign.as_str(), "__Host-id=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "__Host-id=", "__Host-id=\u{7f}"] {
        let Ok(value) = http::HeaderValue::from_str(forged) else { continue };
        let response = call(&app, "GET", "/read", Some(value.to_str().unwrap())).await;
        assert_eq!(text(response).await, "nobody");
        let response = call(&app, "POST", "/write", Some(value.to_str().unwrap())).await;
        assert_ne!(cookie(&response).unwrap(), forged, "an id we did not make is never adopted");
        assert_eq!(wire.take(), 1, "the new session alone");
    }
}

#[tokio::test]
async fn what_another_request_wrote_or_ended_stays_so() {
    for end_it in [false, true] {
        let store = std::sync::Arc::new(MemorySessionStore::new());
        interleaved(SessionLayer::new(store, keys(&[1])), end_it).await;
        let (_local, redis) = upstash().await;
        interleaved(SessionLayer::new(RedisSessionStore::new(redis), keys(&[1])), end_it).await;
    }
}

/// A slow request loads the session; another writes or ends it; the slow one writes another attribute and is done.
async fn interleaved(layer: SessionLayer, end_it: bool) {
    let loaded = std::sync::Arc::new(tokio::sync::Notify::new());
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let (loaded_in, go_in) = (std::sync::Arc::clone(&loaded), std::sync::Arc::clone(&go));
    let slow = move |session: Session| {
        let (loaded, go) = (std::sync::Arc::clone(&loaded_in), std::sync::Arc::clone(&go_in));
        async move {
            let _: Option<String> = session.get("user").await?;
            loaded.notify_one();
            go.notified().await;
            session.insert("color", "green").await
        }
    };
    let color = |session: Session| async move {
        Ok::<_, SessionError>(session.get::<String>("color").await?.unwrap_or_else(|| "none".to_owned()))
    };
    let app = routes().route("/slow", post(slow)).route("/color", get(color)).layer(layer);
    let me = login(&app).await;
    let running = tokio::spawn({
        let (app, me) = (app.clone(), me.clone());
        async move { call(&app, "POST", "/slow", Some(&me)).await }
    });
    loaded.notified().await;
    let path = if end_it { "/logout" } else { "/read-write" };
    assert_eq!(call(&app, "POST", path, Some(&me)).await.status(), StatusCode::OK);
    go.notify_one();
    let response = running.await.unwrap();
    if end_it {
        assert!(removes_cookie(&response), "the slow request's client learns that it was logged out");
        assert_eq!(text(call(&app, "GET", "/read", Some(&me)).await).await, "nobody", "it stays gone");
    } else {
        assert_eq!(text(call(&app, "GET", "/read", Some(&me)).await).await, "ferris");
        assert_eq!(text(call(&app, "GET", "/color", Some(&me)).await).await, "green");
        assert_eq!(text(call(&app, "GET", "/visits", Some(&me)).await).await, "1", "the other write survives");
    }
}

#[tokio::test]
async fn the_cookie_is_sent_only_when_the_client_has_to_learn_something() {
    both(async |app| {
        let me = login(&app).await;
        for (method, path) in [("GET", "/untouched"), ("GET", "/read"), ("POST", "/read-write"), ("POST", "/write")] {
            let response = call(&app, method, path, Some(&me)).await;
            assert!(!response.headers().contains_key(header::SET_COOKIE), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_cookie_under_an_old_key_is_accepted_and_signed_anew() {
    let store = std::sync::Arc::new(MemorySessionStore::new());
    let layer = |secrets: &[u8]| SessionLayer::new(std::sync::Arc::clone(&store), keys(secrets));
    let me = login(&app(layer(&[2]))).await;
    let both = app(layer(&[1, 2]));
    let response = call(&both, "GET", "/read", Some(&me)).await;
    let renewed = cookie(&response).unwrap();
    assert_eq!(text(response).await, "ferris");
    assert_eq!(text(call(&app(layer(&[1])), "GET", "/read", Some(&renewed)).await).await, "ferris");
    assert_eq!(text(call(&app(layer(&[1])), "GET", "/read", Some(&me)).await).await, "nobody");
}

#[tokio::test]
async fn responses_that_used_the_session_are_marked_for_every_cache() {
    both(async |app| {
        let response = call(&app, "GET", "/read", None).await;
        assert_eq!(response.headers()[header::VARY], "cookie");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "private");
        assert!(PrivateResponse::is_marked(response.extensions()));
        let response = call(&app, "GET", "/untouched", None).await;
        assert!(!response.headers().contains_key(header::VARY) && !PrivateResponse::is_marked(response.extensions()));
    })
    .await;
}

#[tokio::test]
async fn use_keeps_a_session_alive_and_its_absolute_lifetime_ends_it() {
    let minute = Duration::from_secs(60);
    let (clock, time) = Clock::manual(ms(1_700_000_000_000));
    let layer = SessionLayer::new(MemorySessionStore::new(), keys(&[1]))
        .with_clock(clock)
        .with_lifetime(Lifetime::new(10 * minute, Some(60 * minute)));
    let app = app(layer);
    let (busy, idle) = (login(&app).await, login(&app).await);
    for _ in 0..11 {
        time.advance(5 * minute);
        assert_eq!(text(call(&app, "GET", "/read", Some(&busy)).await).await, "ferris");
    }
    assert_eq!(text(call(&app, "GET", "/read", Some(&idle)).await).await, "nobody");
    time.advance(5 * minute);
    assert_eq!(text(call(&app, "GET", "/read", Some(&busy)).await).await, "nobody");
}

#[tokio::test]
async fn the_time_to_live_in_redis_is_the_smaller_of_idle_and_absolute() {
    let (_local, redis) = upstash().await;
    let (clock, time) = Clock::manual(ms(now_ms()));
    let minute = Duration::from_secs(60);
    let layer = SessionLayer::new(RedisSessionStore::new(redis.clone()), keys(&[1]))
        .with_clock(clock)
        .with_lifetime(Lifetime::new(10 * minute, Some(15 * minute)));
    let app = app(layer);
    let me = login(&app).await;
    let key = redis.cmd("KEYS").arg("axum-upstash:session:*").query::<Vec<String>>().await.unwrap().remove(0);
    let ttl = async || redis.cmd("PTTL").key(&key).query::<i64>().await.unwrap();
    assert!((590_000..=600_000).contains(&ttl().await));
    time.advance(9 * minute);
    call(&app, "GET", "/read", Some(&me)).await;
    assert!((350_000..=360_000).contains(&ttl().await), "six minutes are left of the fifteen");
}

#[tokio::test]
async fn a_store_that_is_down_answers_by_the_policy_and_loses_nothing() {
    let local = LocalRedis::start().await.unwrap();
    let wire = Wire::new();
    let layer = SessionLayer::new(RedisSessionStore::new(wire.redis(&local)), keys(&[1]));
    let strict = app(layer.clone());
    let lenient = app(layer.with_load_failure(LoadFailure::Anonymous));
    let me = login(&strict).await;

    wire.lose_requests.store(true, Ordering::SeqCst);
    let response = call(&strict, "GET", "/read", Some(&me)).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    assert_eq!(call(&strict, "GET", "/untouched", Some(&me)).await.status(), StatusCode::OK);
    let response = call(&lenient, "GET", "/read", Some(&me)).await;
    assert!(!response.headers().contains_key(header::SET_COOKIE), "a session that cannot be read is not removed");
    assert_eq!(text(response).await, "nobody");
    // What could not be read must not be written: the real session would be overwritten.
    assert_eq!(call(&lenient, "POST", "/write", Some(&me)).await.status(), StatusCode::SERVICE_UNAVAILABLE);

    wire.lose_requests.store(false, Ordering::SeqCst);
    for app in [&strict, &lenient] {
        assert_eq!(text(call(app, "GET", "/read", Some(&me)).await).await, "ferris");
    }
}

#[tokio::test]
async fn a_commit_that_fails_refuses_or_keeps_the_response_as_told() {
    let local = LocalRedis::start().await.unwrap();
    let wire = Wire::new();
    let layer = SessionLayer::new(RedisSessionStore::new(wire.redis(&local)), keys(&[1]));
    wire.lose_requests.store(true, Ordering::SeqCst);
    let response = call(&app(layer.clone()), "POST", "/write", None).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(cookie(&response), None);
    let keep = app(layer.with_commit_failure(CommitFailure::KeepResponse));
    let response = call(&keep, "POST", "/write", None).await;
    assert_eq!((response.status(), cookie(&response)), (StatusCode::OK, None));
}

#[tokio::test]
async fn an_attribute_is_refused_before_it_could_do_harm() {
    let layer = SessionLayer::new(MemorySessionStore::new(), keys(&[1])).with_size_limit(100);
    let handler = |session: Session| async move {
        assert!(matches!(session.insert("_v", 1).await, Err(SessionError::ReservedName)));
        assert!(matches!(session.insert("a", "x".repeat(98)).await, Err(SessionError::TooLarge { limit: 100, .. })));
        session.insert("a", "x".repeat(90)).await.unwrap();
        assert!(matches!(session.insert("b", "x".repeat(10)).await, Err(SessionError::TooLarge { .. })));
        session.insert("a", 1).await.unwrap();
        let error = session.get::<String>("a").await.unwrap_err();
        assert!(matches!(&error, SessionError::Value { name, .. } if name == "a"));
        session.destroy().unwrap();
        assert_eq!(session.get::<u32>("a").await.unwrap(), None);
    };
    let app = Router::new().route("/", get(handler)).layer(layer);
    assert_eq!(call(&app, "GET", "/", None).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_is_changed_after_the_response_is_an_error_and_not_lost_in_silence() {
    let (tx, rx) = tokio::sync::oneshot::channel();
    let tx = std::sync::Mutex::new(Some(tx));
    let handler = move |session: Session| {
        let tx = tx.lock().unwrap().take().unwrap();
        async move { drop(tx.send(session)) }
    };
    let handler = {
        let handler = std::sync::Arc::new(handler);
        move |session: Session| handler(session)
    };
    let app = Router::new().route("/", get(handler)).layer(SessionLayer::new(MemorySessionStore::new(), keys(&[1])));
    call(&app, "GET", "/", None).await;
    let session = rx.await.unwrap();
    // The head says nothing of a session, so not even a look is harmless.
    assert!(matches!(session.get::<u8>("late").await, Err(SessionError::HeadSent)));
    assert!(matches!(session.insert("late", 1).await, Err(SessionError::HeadSent)));
    assert!(matches!(session.rotate(), Err(SessionError::HeadSent)));
    assert!(session.key().is_none());
}

#[tokio::test]
async fn two_instances_share_sessions_and_a_missing_layer_says_so() {
    let (local, redis) = upstash().await;
    let other = Redis::new(local.url(), local.token()).unwrap();
    let cookie = || SessionCookie::local_development();
    let one = app(SessionLayer::new(RedisSessionStore::new(redis), keys(&[1])).with_cookie(cookie()));
    let two = app(SessionLayer::new(RedisSessionStore::new(other), keys(&[1])).with_cookie(cookie()));
    let me = login(&one).await;
    assert!(me.starts_with("id="));
    assert_eq!(text(call(&two, "GET", "/read", Some(&me)).await).await, "ferris");

    let bare = Router::new()
        .route("/", get(|_: Session| async {}))
        .route("/optional", get(|session: Option<Session>| async move { session.is_some().to_string() }));
    let response = call(&bare, "GET", "/", None).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(call(&bare, "GET", "/optional", None).await).await, "false");
}

#[tokio::test]
async fn the_store_comes_back_without_a_restart() {
    let (local, redis) = upstash().await;
    let app = app(SessionLayer::new(RedisSessionStore::new(redis), keys(&[1])));
    login(&app).await;
    local.stop_redis().await.unwrap();
    assert_eq!(call(&app, "POST", "/login", None).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    local.restart_redis().await.unwrap();
    let ok = || async { (call(&app, "POST", "/login", None).await.status() == StatusCode::OK).then_some(()) };
    eventually("a login", ok).await;
}

/// Two requests with one session: `slow` has loaded it when `other` runs, and is done after it.
async fn overtaken(layer: SessionLayer, slow_path: &str, other_path: &str) -> (Router, [Response<Body>; 2], String) {
    let gate = std::sync::Arc::new((tokio::sync::Notify::new(), tokio::sync::Notify::new()));
    let at = |work: fn(&Session) -> futures_core::future::BoxFuture<'_, Result<(), SessionError>>| {
        let gate = std::sync::Arc::clone(&gate);
        post(move |session: Session| {
            let gate = std::sync::Arc::clone(&gate);
            async move {
                let _: Option<String> = session.get("user").await?;
                gate.0.notify_one();
                gate.1.notified().await;
                work(&session).await
            }
        })
    };
    let app = routes()
        .route("/slow-write", at(|session| Box::pin(session.insert("visits", 7))))
        .route("/slow-read", at(|_| Box::pin(async { Ok(()) })))
        .route("/slow-logout", at(|session| Box::pin(async { session.destroy() })))
        .route(
            "/slow-login",
            at(|session| {
                Box::pin(async {
                    session.rotate()?;
                    session.insert("visits", 8).await
                })
            }),
        )
        .layer(layer);
    let me = cookie(&call(&app, "POST", "/read-write", None).await).unwrap();
    let slow = tokio::spawn({
        let (app, me, path) = (app.clone(), me.clone(), slow_path.to_owned());
        async move { call(&app, "POST", &path, Some(&me)).await }
    });
    gate.0.notified().await;
    let other = call(&app, "POST", other_path, Some(&me)).await;
    gate.1.notify_one();
    (app, [slow.await.unwrap(), other], me)
}

#[tokio::test]
async fn a_rotation_neither_loses_nor_leaks_what_requests_on_their_way_do() {
    let (_local, redis) = upstash().await;
    let layers = || {
        [
            SessionLayer::new(MemorySessionStore::new(), keys(&[1])),
            SessionLayer::new(RedisSessionStore::new(redis.clone()), keys(&[1])),
        ]
    };
    for layer in layers() {
        let (app, [slow, login], old) = overtaken(layer, "/slow-write", "/login").await;
        let new = cookie(&login).unwrap();
        // Another user may have rotated it: the write is refused aloud, and changes no session.
        assert_eq!(slow.status(), StatusCode::CONFLICT);
        assert!(!slow.headers().contains_key(header::SET_COOKIE), "the client's new cookie is left alone");
        assert_eq!(text(call(&app, "GET", "/visits", Some(&new)).await).await, "1");
        assert_eq!(text(call(&app, "GET", "/read", Some(&new)).await).await, "ferris");

        // One that comes with the old id now sees nothing of the session, and cannot disturb it.
        let response = call(&app, "GET", "/read", Some(&old)).await;
        assert!(!response.headers().contains_key(header::SET_COOKIE));
        assert_eq!(text(response).await, "nobody");
        let response = call(&app, "POST", "/read-write", Some(&old)).await;
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert!(!response.headers().contains_key(header::SET_COOKIE));
        // A second login, as by a double click, begins a session of its own.
        let second = cookie(&call(&app, "POST", "/login", Some(&old)).await).unwrap();
        assert_eq!(text(call(&app, "GET", "/read", Some(&second)).await).await, "ferris");
    }
    for layer in layers() {
        let (_, [slow, _], _) = overtaken(layer, "/slow-read", "/login").await;
        assert!(!slow.headers().contains_key(header::SET_COOKIE), "a slow poll does not log the user out");
    }
    for layer in layers() {
        let (app, [slow, login], _) = overtaken(layer, "/slow-logout", "/login").await;
        assert!(removes_cookie(&slow));
        let new = cookie(&login).unwrap();
        assert_eq!(
            text(call(&app, "GET", "/read", Some(&new)).await).await,
            "nobody",
            "a logout ends what was rotated"
        );
    }
    for layer in layers() {
        let (app, [slow, login], _) = overtaken(layer, "/slow-login", "/login").await;
        // Two logins at once: each client has a session of its own, and neither can see the other's.
        let (first, second) = (cookie(&login).unwrap(), cookie(&slow).unwrap());
        assert_ne!(first, second);
        assert_eq!(text(call(&app, "GET", "/read", Some(&first)).await).await, "ferris");
        assert_eq!(text(call(&app, "GET", "/visits", Some(&first)).await).await, "1");
        assert_eq!(text(call(&app, "GET", "/visits", Some(&second)).await).await, "8");
    }
}

#[tokio::test]
async fn a_logout_that_the_store_did_not_take_is_not_reported_as_one() {
    let local = LocalRedis::start().await.unwrap();
    let wire = Wire::new();
    let layer = SessionLayer::new(RedisSessionStore::new(wire.redis(&local)), keys(&[1]))
        .with_load_failure(LoadFailure::Anonymous);
    let app = app(layer).route("/", get(|| async {}));
    let me = login(&app).await;
    wire.lose_requests.store(true, Ordering::SeqCst);
    assert_eq!(call(&app, "POST", "/logout", Some(&me)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_neighbour_in_another_encoding_does_not_hide_the_session() {
    let app = app(SessionLayer::new(MemorySessionStore::new(), keys(&[1])));
    let me = login(&app).await;
    let line = [me.as_bytes(), b"; name=Jos\xe9"].concat();
    let request = Request::get("/read").header(header::COOKIE, http::HeaderValue::from_bytes(&line).unwrap());
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(text(response).await, "ferris");
}

#[tokio::test]
async fn what_a_session_holds_is_in_no_debug_output() {
    let layer = SessionLayer::new(MemorySessionStore::new(), keys(&[1]));
    let app = app(layer.clone());
    let me = login(&app).await;
    let shown = format!("{layer:?}");
    assert!(!shown.contains("ferris") && !shown.contains(me.split(['=', '.']).nth(1).unwrap()), "{shown}");
}

#[tokio::test]
async fn the_old_id_says_that_it_moved_for_ten_seconds_however_often_it_is_asked() {
    let (clock, time) = Clock::manual(ms(1_700_000_000_000));
    let layer = SessionLayer::new(MemorySessionStore::new(), keys(&[1])).with_clock(clock);
    let app = app(layer.with_rotation_grace(Duration::ZERO));
    let old = login(&app).await;
    call(&app, "POST", "/login", Some(&old)).await;
    for _ in 0..3 {
        time.advance(Duration::from_secs(3));
        let response = call(&app, "GET", "/read", Some(&old)).await;
        assert!(!removes_cookie(&response), "the client may have its new cookie by now");
    }
    time.advance(Duration::from_secs(2));
    assert!(removes_cookie(&call(&app, "GET", "/read", Some(&old)).await));
}
