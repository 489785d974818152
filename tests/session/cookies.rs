//! SessionSelector cookie names the session: several of one name, several layers, several applications.

use crate::{
    client::{ask, both, keys, layer, log_in, routes},
    log::Log,
};
use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
    routing::{get, post},
};
use axum_upstash::{
    Upstash,
    session::{Session, SessionCookie, SessionError, SessionLayer, store::MemorySessionStore},
};
use http::{StatusCode, header::SET_COOKIE};
use tower::ServiceExt;

async fn text(app: &Router, path: &str, cookie: &str) -> String {
    ask(app, "GET", path, Some(cookie)).await.text
}

#[tokio::test]
async fn of_several_cookies_the_one_that_is_alive_counts() {
    both(async |store| {
        let app = routes().layer(layer(&store));
        let (dead, live) = (log_in(&app, "dead").await, log_in(&app, "live").await);
        ask(&app, "POST", "/logout", Some(&dead)).await;
        for several in [format!("{dead}; {live}"), format!("__Host-id=forged; {dead}; {live}; {dead}")] {
            let reply = ask(&app, "GET", "/get/user", Some(&several)).await;
            assert_eq!((&*reply.text, reply.headers.get(SET_COOKIE)), ("live", None), "{several}");
            // Also if the handler has not read it.
            for path in ["/put/a/1", "/set/b/2"] {
                let reply = ask(&app, "POST", path, Some(&several)).await;
                assert_eq!((reply.status, reply.headers.get(SET_COOKIE)), (StatusCode::OK, None), "{path}");
            }
            assert_eq!(
                (text(&app, "/get/a", &live).await, text(&app, "/get/b", &live).await),
                ("1".into(), "2".into())
            );
        }
        // None of them is alive: a removal would take one of them away, and no browser says which.
        let other = log_in(&app, "other").await;
        ask(&app, "POST", "/logout", Some(&other)).await;
        let reply = ask(&app, "GET", "/get/user", Some(&format!("{dead}; {other}"))).await;
        assert_eq!((&*reply.text, reply.headers.get(SET_COOKIE)), ("-", None));
        // A login leads out of it.
        let new = ask(&app, "POST", "/login/new", Some(&format!("{dead}; {live}"))).await.cookie().unwrap();
        assert_eq!(text(&app, "/get/user", &format!("{dead}; {new}")).await, "new");
    })
    .await;
}

#[tokio::test]
async fn a_logout_ends_the_sessions_of_all_cookies() {
    both(async |store| {
        let app = routes().layer(layer(&store));
        let all = [log_in(&app, "one").await, log_in(&app, "two").await, log_in(&app, "three").await];
        assert_eq!(ask(&app, "POST", "/logout", Some(&all.join("; "))).await.status, StatusCode::OK);
        for cookie in all {
            assert_eq!(text(&app, "/get/user", &cookie).await, "-");
        }
        // After the handler's own commit, and if the first is gone.
        let (gone, one, two) = (log_in(&app, "gone").await, log_in(&app, "one").await, log_in(&app, "two").await);
        ask(&app, "POST", "/logout", Some(&gone)).await;
        let leave = |session: Session| async move {
            session.insert("a", "1").await?;
            session.commit().await?;
            session.destroy()?;
            session.commit().await
        };
        let app = routes().route("/leave", post(leave)).layer(layer(&store));
        let reply = ask(&app, "POST", "/leave", Some(&format!("{gone}; {one}; {two}"))).await;
        assert_eq!(reply.status, StatusCode::OK);
        for cookie in [one, two] {
            assert_eq!(text(&app, "/get/user", &cookie).await, "-");
        }
    })
    .await;
}

/// The same layer around a router, a nested router and a route, and a middleware between that writes.
fn nested(outer: SessionLayer, inner: SessionLayer) -> Router {
    let counts = from_fn(|session: Session, request: Request, next: Next| async move {
        let seen: u32 = session.get("seen").await.unwrap().unwrap_or(0);
        session.insert("seen", seen + 1).await.unwrap();
        let response: Response = next.run(request).await;
        response
    });
    let login = |session: Session| async move {
        session.rotate()?;
        session.insert("user", "ferris").await
    };
    let read = |session: Session| async move {
        let seen: Option<u32> = session.get("seen").await?;
        Ok::<_, SessionError>(format!("{:?} {seen:?}", session.get::<String>("user").await?))
    };
    let inside = Router::new().route("/login", post(login)).route("/read", get(read)).layer(inner);
    Router::new().nest("/app", inside).layer(counts).layer(outer)
}

#[tokio::test]
async fn a_layer_inside_itself_is_one_session() {
    both(async |store| {
        let layer = layer(&store);
        let app = nested(layer.clone(), layer.clone());
        let begun = ask(&app, "GET", "/app/read", None).await;
        assert_eq!(begun.headers.get_all(SET_COOKIE).iter().count(), 1);
        let login = ask(&app, "POST", "/app/login", begun.cookie().as_deref()).await;
        assert_eq!((login.status, login.headers.get_all(SET_COOKIE).iter().count()), (StatusCode::OK, 1));
        assert_eq!(text(&app, "/app/read", &login.cookie().unwrap()).await, "Some(\"ferris\") Some(3)");
    })
    .await;
}

#[tokio::test]
async fn layers_of_one_state_are_one_layer_and_others_are_told_of_once() {
    let (log, _logging) = Log::of(tracing::Level::INFO);
    let mut told = String::new();
    let mut text_of = |log: &Log| {
        told.push_str(&log.take());
        told.clone()
    };
    let upstash = Upstash::builder().or_memory().build().unwrap();
    let app = nested(upstash.session_layer(), upstash.session_layer());
    let login = ask(&app, "POST", "/app/login", None).await;
    assert_eq!(login.headers.get_all(SET_COOKIE).iter().count(), 1);
    assert!(!text_of(&log).contains("inside another one"));
    // Another store under the same cookie: it cannot be meant so, and the outer one counts.
    let other = SessionLayer::new(MemorySessionStore::new(), keys(&[9]));
    let app = nested(upstash.session_layer(), other.clone());
    for _ in 0..3 {
        let login = ask(&app, "POST", "/app/login", None).await;
        assert_eq!(login.headers.get_all(SET_COOKIE).iter().count(), 1);
        assert_eq!(text(&app, "/app/read", &login.cookie().unwrap()).await, "Some(\"ferris\") Some(2)");
    }
    assert_eq!(text_of(&log).matches("inside another one").count(), 1);
    // Under another name it is another session.
    let cookie = SessionCookie::builder().name("__Host-inner").build().unwrap();
    let app = nested(upstash.session_layer(), other.with_cookie(cookie));
    let login = ask(&app, "POST", "/app/login", None).await;
    assert_eq!(login.headers.get_all(SET_COOKIE).iter().count(), 2);
}

#[tokio::test]
async fn a_cookie_of_one_namespace_is_nothing_in_another_with_a_secret_too() {
    let secret = "a secret of at least 32 bytes that both share";
    let app = |namespace: &str| {
        let upstash = Upstash::builder().or_memory().session_secret(secret).namespace(namespace).build().unwrap();
        routes().layer(upstash.session_layer())
    };
    let (one, two) = (app("one"), app("two"));
    let me = log_in(&one, "ferris").await;
    let visit = ask(&two, "GET", "/get/user", Some(&me)).await;
    assert_eq!((&*visit.text, visit.headers.get(SET_COOKIE)), ("-", None), "it logs out of the other application");
    assert_eq!(text(&one, "/get/user", &me).await, "ferris");
    // The same secret and namespace in another process verify it, also as an old one.
    let upstash = Upstash::builder().or_memory().session_secret(format!("{}, {secret}", "n".repeat(32)));
    let upstash = upstash.namespace("one").build().unwrap();
    let turned = routes().layer(upstash.session_layer());
    assert!(ask(&turned, "GET", "/get/user", Some(&me)).await.removes_cookie(), "known, and not in its memory");
}

#[tokio::test]
async fn a_secure_cookie_that_never_comes_back_over_http_is_told_of_once() {
    let (log, _logging) = Log::of(tracing::Level::INFO);
    let begin = async |app: &Router, name: &str, value: &str| {
        let request = http::Request::post("/put/a/1").header("host", "lan.test").header(name, value);
        let response = app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        crate::support::cookie(&response).unwrap()
    };
    let new = || routes().layer(SessionLayer::new(MemorySessionStore::new(), keys(&[1])));
    let told = |log: &Log| log.take().matches("SessionCookie::local_development()").count();

    let app = new();
    for _ in 0..10 {
        begin(&app, "x-a", "b").await;
    }
    assert_eq!(told(&log), 1);
    // A proxy that ended TLS says so.
    let app = new();
    for _ in 0..10 {
        begin(&app, "x-forwarded-proto", "https").await;
    }
    assert_eq!(told(&log), 0);
    // One client that comes back is enough.
    let app = new();
    let cookie = begin(&app, "x-a", "b").await;
    ask(&app, "GET", "/get/a", Some(&cookie)).await;
    for _ in 0..10 {
        begin(&app, "x-a", "b").await;
    }
    assert_eq!(told(&log), 0);
}

#[tokio::test]
async fn a_value_in_quotes_is_the_value() {
    both(async |store| {
        let app = routes().layer(layer(&store));
        let cookie = log_in(&app, "ferris").await;
        let (name, value) = cookie.split_once('=').unwrap();
        assert_eq!(text(&app, "/get/user", &format!("{name}=\"{value}\"")).await, "ferris");
    })
    .await;
}
