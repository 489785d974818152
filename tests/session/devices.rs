//! The sessions of a user: listed, ended, remembered.

use crate::client::{ask, both, layer, log_in, logout_with_a_word, page, routes, send};
use axum::routing::{get, post};
use axum_upstash::{
    Clock,
    session::{Details, Lifetime, MemoryStore, Session, SessionCookie, SessionError, SessionLayer},
};
use http::{Request, StatusCode, header};
use std::{sync::Arc, time::Duration};
use tower::ServiceExt;

#[tokio::test]
async fn a_user_sees_and_ends_the_own_sessions() {
    both(async |store| {
        let layer = layer(&store);
        let (app, sessions) = (routes().layer(layer.clone()), layer.sessions());
        let (one, two) = (log_in(&app, "ferris").await, log_in(&app, "ferris").await);
        let other = log_in(&app, "corro").await;
        let shown = ask(&app, "GET", "/devices/ferris", Some(&one)).await.text;
        let mut shown: Vec<&str> = shown.split(',').collect();
        shown.sort_unstable();
        assert_eq!(shown, ["test", "test*"], "which one this is can be seen");
        assert_eq!(sessions.list("nobody").await.unwrap(), []);

        assert_eq!(ask(&app, "POST", "/revoke-others/ferris", Some(&one)).await.text, "1");
        let gone = ask(&app, "GET", "/get/user", Some(&two)).await;
        assert_eq!((&*gone.text, gone.removes_cookie()), ("-", true));
        assert_eq!(ask(&app, "GET", "/get/user", Some(&one)).await.text, "ferris");
        assert_eq!(ask(&app, "GET", "/get/user", Some(&other)).await.text, "corro");

        let list = sessions.list("ferris").await.unwrap();
        assert_eq!(list.len(), 1);
        assert!(!sessions.revoke("corro", &log_in_key(&sessions, "nobody").await).await.unwrap());
        assert!(sessions.revoke("ferris", &list[0].key).await.unwrap());
        assert!(!sessions.revoke("ferris", &list[0].key).await.unwrap());
        assert_eq!(ask(&app, "GET", "/get/user", Some(&one)).await.text, "-");
        assert_eq!(sessions.revoke_all("corro").await.unwrap(), 1);
        assert_eq!(ask(&app, "GET", "/get/user", Some(&other)).await.text, "-");
        let debug = format!("{sessions:?} {list:?}");
        assert!(!debug.contains("ferris") && !debug.contains("test"), "{debug}");
    })
    .await;
}

async fn log_in_key(_: &axum_upstash::session::Sessions, _: &str) -> axum_upstash::session::SessionKey {
    axum_upstash::session::SessionKey::random().unwrap()
}

#[tokio::test]
async fn one_that_was_logged_out_is_on_nobody_s_list() {
    both(async |store| {
        let layer = layer(&store);
        let (app, sessions) = (routes().layer(layer.clone()), layer.sessions());
        // With and without the session loaded before it is destroyed.
        for path in ["/logout", "/logout-loaded"] {
            let loaded = |session: Session| async move {
                let _: Option<String> = session.get("user").await?;
                session.destroy()
            };
            let app = app.clone().route("/logout-loaded", post(loaded)).layer(layer.clone());
            let me = log_in(&app, "ferris").await;
            assert_eq!(sessions.list("ferris").await.unwrap().len(), 1);
            assert!(ask(&app, "POST", path, Some(&me)).await.removes_cookie());
            assert_eq!(sessions.list("ferris").await.unwrap(), [], "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_says_for_how_long_the_browser_keeps_it() {
    let (clock, hands) = Clock::manual(1_700_000_000_000);
    let day = Duration::from_secs(86_400);
    let remember = |session: Session| async move {
        let mut details = Details::default();
        details.max_age_s = Some(30 * 86_400);
        session.set_details(details)?;
        session.insert("user", "ferris").await
    };
    let store = Arc::new(MemoryStore::new());
    let layer = |cookie| {
        let layer = SessionLayer::new(Arc::clone(&store), crate::client::keys(&[1])).with_clock(clock.clone());
        layer.with_lifetime(Lifetime::new(10 * day, Some(90 * day))).with_cookie(cookie)
    };
    let app = routes().route("/remember", post(remember)).layer(layer(SessionCookie::default()));
    let reply = ask(&app, "POST", "/remember", None).await;
    let line = reply.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(line.contains("Max-Age=2592000"), "{line}");
    let me = reply.cookie().unwrap();
    // Used within a tenth of the idle time the client's copy is as good as new; afterwards it is sent again.
    hands.advance(day / 2);
    assert_eq!(ask(&app, "GET", "/get/user", Some(&me)).await.cookie(), None);
    hands.advance(2 * day);
    let reply = ask(&app, "GET", "/get/user", Some(&me)).await;
    assert_eq!(reply.cookie().as_ref(), Some(&me));
    assert!(reply.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=2592000"));
    // One that is for as long as the browser is open has nothing to be told again.
    let plain = log_in(&app, "corro").await;
    hands.advance(2 * day);
    assert_eq!(ask(&app, "GET", "/get/user", Some(&plain)).await.cookie(), None);
    // The layer's own lifetime holds where a session says nothing.
    let cookie = SessionCookie::builder().max_age(day).build().unwrap();
    let app = routes().layer(layer(cookie));
    let line = ask(&app, "POST", "/login/x", None).await.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(line.contains("Max-Age=86400"), "{line}");
}

#[tokio::test]
async fn sessions_that_never_end_have_no_list() {
    let layer = SessionLayer::new(MemoryStore::new(), crate::client::keys(&[1]))
        .with_lifetime(Lifetime::new(Duration::from_secs(60), None));
    let app = routes().layer(layer);
    assert_eq!(ask(&app, "POST", "/login/ferris", None).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_message_waits_for_the_next_page_also_after_a_logout() {
    both(async |store| {
        let app = routes().route("/page", get(page)).route("/bye", post(logout_with_a_word)).layer(layer(&store));
        let me = log_in(&app, "ferris").await;
        let bye = ask(&app, "POST", "/bye", Some(&me)).await;
        let next = bye.cookie().unwrap();
        assert_ne!(next, me);
        assert_eq!(ask(&app, "GET", "/get/user", Some(&me)).await.text, "-");
        assert_eq!(ask(&app, "GET", "/page", Some(&next)).await.text, "info: You are logged out.");
        assert_eq!(ask(&app, "GET", "/page", Some(&next)).await.text, "", "once");
    })
    .await;
}

#[tokio::test]
async fn a_typed_session_is_one_attribute_for_each_member() {
    use axum_upstash::session::TypedSession;
    use serde::{Deserialize, Serialize};
    #[derive(Default, Serialize, Deserialize)]
    #[serde(default)]
    struct Visitor {
        name: Option<String>,
        visits: u32,
    }
    let visit = |session: TypedSession<Visitor>| async move {
        let mut visitor = session.load().await?;
        visitor.visits += 1;
        session.store(&visitor).await?;
        Ok::<_, SessionError>(format!("{} {}", visitor.name.unwrap_or_default(), visitor.visits))
    };
    both(async |store| {
        let app = routes().route("/visit", post(visit)).layer(layer(&store));
        let first = ask(&app, "POST", "/visit", None).await;
        let me = first.cookie().unwrap();
        assert_eq!(first.text, " 1");
        // Another request writes a member, and another attribute.
        ask(&app, "POST", "/set/name/ferris", Some(&me)).await;
        ask(&app, "POST", "/set/other/x", Some(&me)).await;
        assert_eq!(ask(&app, "POST", "/visit", Some(&me)).await.text, "ferris 2");
        assert_eq!(ask(&app, "GET", "/get/other", Some(&me)).await.text, "x");
        ask(&app, "POST", "/committed/visits/many", Some(&me)).await;
        assert_eq!(ask(&app, "POST", "/visit", Some(&me)).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    })
    .await;
    let bare = axum::Router::new().route("/", get(|_: TypedSession<Visitor>| async {}));
    let response = bare.oneshot(Request::get("/").body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let _ = send;
}
