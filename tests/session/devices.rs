//! The sessions of a user: listed, ended, remembered.

use crate::client::{ask, both, layer, log_in, logout_with_a_word, page, routes, send};
use crate::times::ms;
use axum::routing::{get, post};
use axum_upstash::{
    Clock,
    session::{Lifetime, Session, SessionCookie, SessionError, SessionLayer, store::MemorySessionStore},
};
use http::{Request, StatusCode, header};
use std::{sync::Arc, time::Duration};
use tower::ServiceExt;

#[tokio::test]
async fn a_user_sees_and_ends_the_own_sessions() {
    both(async |store| {
        let layer = layer(&store);
        let (app, sessions) = (routes().layer(layer.clone()), layer.user_sessions());
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
        // Not by another user, whatever name of a session is given.
        assert!(!sessions.revoke("corro", &list[0].key).await.unwrap());
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

#[tokio::test]
async fn one_that_was_logged_out_is_on_nobody_s_list() {
    both(async |store| {
        let layer = layer(&store);
        let (app, sessions) = (routes().layer(layer.clone()), layer.user_sessions());
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
    let (clock, hands) = Clock::manual(ms(1_700_000_000_000));
    let day = Duration::from_secs(86_400);
    let remember = |session: Session| async move {
        session.set_lifetime(remembered())?;
        session.insert("user", "ferris").await
    };
    let store = Arc::new(MemorySessionStore::new());
    let layer = |cookie| {
        let layer = SessionLayer::new(Arc::clone(&store), crate::client::keys(&[1])).with_clock(clock.clone());
        layer.with_lifetime(Lifetime::new(10 * day, Some(90 * day))).with_cookie(cookie)
    };
    let app = routes().route("/remember", post(remember)).layer(layer(SessionCookie::default()));
    let reply = ask(&app, "POST", "/remember", None).await;
    let line = reply.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(line.contains("Max-Age=2592000"), "{line}");
    let me = reply.cookie().unwrap();
    // Used within a tenth of its idle time the client's copy is as good as new; afterwards it is sent again.
    hands.advance(2 * day);
    assert_eq!(ask(&app, "GET", "/get/user", Some(&me)).await.cookie(), None);
    hands.advance(2 * day);
    let reply = ask(&app, "GET", "/get/user", Some(&me)).await;
    assert_eq!(reply.cookie().as_ref(), Some(&me));
    assert!(reply.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=2592000"));
    // One that is for as long as the browser is open has nothing to be told again.
    let plain = log_in(&app, "corro").await;
    hands.advance(2 * day);
    assert_eq!(ask(&app, "GET", "/get/user", Some(&plain)).await.cookie(), None);
    // The layer's own lifetime holds for sessions that set none.
    let cookie = SessionCookie::builder().max_age(day).build().unwrap();
    let app = routes().layer(layer(cookie));
    let line = ask(&app, "POST", "/login/x", None).await.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(line.contains("Max-Age=86400"), "{line}");
}

#[tokio::test]
async fn sessions_that_never_end_have_no_list() {
    let layer = SessionLayer::new(MemorySessionStore::new(), crate::client::keys(&[1]))
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
}

/// Ten days without use, ninety at most.
fn remembering(clock: &Clock) -> SessionLayer {
    let day = Duration::from_secs(86_400);
    SessionLayer::new(MemorySessionStore::new(), crate::client::keys(&[1]))
        .with_clock(clock.clone())
        .with_lifetime(Lifetime::new(10 * day, Some(90 * day)))
}

async fn remember(session: Session) -> Result<(), SessionError> {
    session.set_lifetime(remembered())?;
    session.insert("user", "ferris").await
}

/// Thirty days without use, ninety at most.
fn remembered() -> Lifetime {
    let day = Duration::from_secs(86_400);
    Lifetime::new(30 * day, Some(90 * day))
}

#[tokio::test]
async fn a_session_in_constant_use_is_kept_by_the_browser() {
    let (clock, hands) = Clock::manual(ms(1_700_000_000_000));
    let app = routes().route("/remember", post(remember)).layer(remembering(&clock));
    let me = ask(&app, "POST", "/remember", None).await.cookie().unwrap();
    // Every hour, for fifteen days: by reads, and by writes.
    for path in ["/get/user", "/set/page/x"] {
        let mut sent = 0;
        for hour in 0..360 {
            hands.advance(Duration::from_secs(3_600));
            let method = if path.starts_with("/get") { "GET" } else { "POST" };
            let reply = ask(&app, method, &path.replace('x', &hour.to_string()), Some(&me)).await;
            sent += u32::from(reply.cookie().is_some());
        }
        assert!((4..=5).contains(&sent), "{path}: {sent} times");
    }
}

#[tokio::test]
async fn a_new_name_is_kept_for_as_long_as_the_old_one_was() {
    let (clock, _) = Clock::manual(ms(1_700_000_000_000));
    // Without a look at what is in the session.
    let blind = |session: Session| async move { session.rotate() };
    let less = |session: Session| async move { session.set_lifetime(remembered().until_closed()) };
    let app = routes().route("/remember", post(remember)).route("/blind", post(blind)).route("/less", post(less));
    let app = app.layer(remembering(&clock));
    let me = ask(&app, "POST", "/remember", None).await.cookie().unwrap();
    let reply = ask(&app, "POST", "/blind", Some(&me)).await;
    assert!(reply.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=2592000"), "{reply:?}");
    let reply = ask(&app, "POST", "/less", reply.cookie().as_deref()).await;
    assert!(!reply.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age"), "{reply:?}");
}

#[tokio::test]
async fn a_slow_request_leaves_a_newer_cookie_alone() {
    let (clock, hands) = Clock::manual(ms(1_700_000_000_000));
    let gate = Arc::new((tokio::sync::Notify::new(), tokio::sync::Notify::new()));
    let slow = |write: bool| {
        let gate = Arc::clone(&gate);
        move |session: Session| {
            let gate = Arc::clone(&gate);
            async move {
                let user = session.get::<String>("user").await?;
                gate.0.notify_one();
                gate.1.notified().await;
                if write {
                    session.insert("late", 1).await?;
                }
                Ok::<_, SessionError>(user.unwrap_or_default())
            }
        }
    };
    let app = routes()
        .route("/remember", post(remember))
        .route("/poll", get(slow(false)))
        .route("/write", post(slow(true)))
        .layer(remembering(&clock));
    for (method, path, wait, wanted) in
        [("POST", "/write", 0, StatusCode::CONFLICT), ("GET", "/poll", 30, StatusCode::OK)]
    {
        let me = ask(&app, "POST", "/remember", None).await.cookie().unwrap();
        // So long that the cookie is due.
        hands.advance(Duration::from_secs(5 * 86_400));
        let running = tokio::spawn(send(app.clone(), method, path.to_owned(), Some(me.clone())));
        gate.0.notified().await;
        assert!(ask(&app, "POST", "/rotate", Some(&me)).await.cookie().is_some_and(|new| new != me));
        hands.advance(Duration::from_secs(wait));
        gate.1.notify_one();
        let reply = running.await.unwrap();
        assert_eq!((reply.status, reply.headers.get(header::SET_COOKIE)), (wanted, None), "{path}");
    }
    // Nor does one that found nothing take it away.
    let me = ask(&app, "POST", "/remember", None).await.cookie().unwrap();
    hands.advance(Duration::from_secs(31 * 86_400));
    let running = tokio::spawn(send(app.clone(), "GET", "/poll".to_owned(), Some(me)));
    gate.0.notified().await;
    hands.advance(Duration::from_secs(30));
    gate.1.notify_one();
    assert_eq!(running.await.unwrap().headers.get(header::SET_COOKIE), None);
}

#[tokio::test]
async fn a_member_that_is_not_written_is_not_there() {
    use axum_upstash::session::TypedSession;
    use serde::{Deserialize, Serialize};
    #[derive(Default, Serialize, Deserialize)]
    struct Visitor {
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<String>,
    }
    let forget = |session: TypedSession<Visitor>| async move { session.store(&Visitor::default()).await };
    both(async |store| {
        let app = routes().route("/forget", post(forget)).layer(layer(&store));
        let me = log_in(&app, "ferris").await;
        ask(&app, "POST", "/set/other/x", Some(&me)).await;
        ask(&app, "POST", "/forget", Some(&me)).await;
        assert_eq!(ask(&app, "GET", "/get/user", Some(&me)).await.text, "-");
        assert_eq!(ask(&app, "GET", "/get/other", Some(&me)).await.text, "x", "a member of another type is unchanged");
    })
    .await;
}

#[tokio::test]
async fn an_update_sees_what_the_request_has_done_before() {
    let add = |n: Option<u32>| n.unwrap_or(0) + 1;
    let after_destroy = move |session: Session| async move {
        session.destroy()?;
        session.update("n", add).await.map(|n| n.to_string())
    };
    let after_insert = move |session: Session| async move {
        session.insert("n", 10).await?;
        // The closure that makes the new value may read the session.
        let n = session.update("n", |n| if session.key().is_some() { add(n) } else { 0 }).await?;
        session.insert("last", "x").await?;
        Ok::<_, SessionError>(n.to_string())
    };
    both(async |store| {
        let app = routes().route("/a", post(after_destroy)).route("/b", post(after_insert)).layer(layer(&store));
        let me = log_in(&app, "ferris").await;
        assert_eq!(ask(&app, "POST", "/b", Some(&me)).await.text, "11");
        assert_eq!(ask(&app, "POST", "/b", Some(&me)).await.text, "11");
        let reply = ask(&app, "POST", "/a", Some(&me)).await;
        assert_eq!(reply.text, "1");
        let next = reply.cookie().unwrap();
        assert_eq!(ask(&app, "GET", "/get/user", Some(&me)).await.text, "-");
        let n = |session: Session| async move { session.get::<u32>("n").await.map(|n| n.unwrap_or(0).to_string()) };
        let app = app.route("/n", get(n)).layer(layer(&store));
        assert_eq!(ask(&app, "GET", "/n", Some(&next)).await.text, "1");
    })
    .await;
}

#[tokio::test]
async fn an_update_goes_through_beside_changes_that_are_refused() {
    use axum_upstash::session::ConflictPolicy;
    both(async |store| {
        let layer = layer(&store).with_conflict_policy(ConflictPolicy::Reject);
        let plain = routes().layer(layer.clone());
        let me = log_in(&plain, "ferris").await;
        let (other, cookie) = (plain.clone(), me.clone());
        let mixed = move |session: Session| {
            let (other, cookie) = (other.clone(), cookie.clone());
            async move {
                session.insert("mine", "1").await?;
                ask(&other, "POST", "/set/theirs/1", Some(&cookie)).await;
                session.update("n", |n: Option<String>| n.unwrap_or_default() + "+").await
            }
        };
        let app = axum::Router::new().route("/mixed", post(mixed)).layer(layer);
        assert_eq!(ask(&app, "POST", "/mixed", Some(&me)).await.status, StatusCode::CONFLICT);
        let value = async |name: &str| ask(&plain, "GET", &format!("/get/{name}"), Some(&me)).await.text;
        assert_eq!([value("n").await, value("mine").await, value("theirs").await], ["+", "-", "1"]);
        // A handle that outlives its response ends the session, and begins none.
        let ends = |session: Session| async move {
            let detached = session.detach();
            detached.destroy()?;
            detached.insert("a", 1).await?;
            detached.commit().await
        };
        let app = axum::Router::new().route("/end", post(ends)).layer(crate::client::layer(&store));
        ask(&app, "POST", "/end", Some(&me)).await;
        assert_eq!(value("user").await, "-");
    })
    .await;
}

/// After a change of the password: everything ends, and the next page says so.
#[tokio::test]
async fn a_message_after_the_end_of_all_sessions_is_on_the_next_page() {
    use axum_upstash::session::{Flash, UserSessions};
    both(async |store| {
        let change = |session: Session, sessions: UserSessions| async move {
            let user: String = session.get("user").await?.unwrap_or_default();
            session.insert("before", "lost").await?;
            sessions.revoke_all(&user).await?;
            session.flash(Flash::new("success", "Log in with your new password.")).await
        };
        let this_one = |session: Session, sessions: UserSessions| async move {
            let user: String = session.get("user").await?.unwrap_or_default();
            let key = session.key().unwrap();
            sessions.revoke(&user, &key).await?;
            session.flash(Flash::new("success", "This device is logged out.")).await
        };
        // Not loaded before: the name comes from a form.
        let unloaded = |session: Session, sessions: UserSessions| async move {
            sessions.revoke_all("ferris").await?;
            session.flash(Flash::new("success", "The account is closed.")).await
        };
        let page = |session: Session| async move {
            let messages = session.take_flashes().await?;
            Ok::<_, SessionError>(messages.into_iter().map(|message| message.text).collect::<String>())
        };
        let app = routes().route("/change", post(change)).route("/this-one", post(this_one)).route("/page", get(page));
        let app = app.route("/unloaded", post(unloaded)).layer(layer(&store));
        for (path, message) in [
            ("/change", "Log in with your new password."),
            ("/this-one", "This device is logged out."),
            ("/unloaded", "The account is closed."),
        ] {
            let (me, other) = (log_in(&app, "ferris").await, log_in(&app, "corro").await);
            let changed = ask(&app, "POST", path, Some(&me)).await;
            assert_eq!(changed.status, StatusCode::OK);
            let new = changed.cookie().expect("another session has the message");
            assert_eq!(ask(&app, "GET", "/get/user", Some(&new)).await.text, "-", "{path}");
            assert_eq!(ask(&app, "GET", "/get/before", Some(&new)).await.text, "-", "{path}");
            assert_eq!(ask(&app, "GET", "/page", Some(&new)).await.text, message);
            assert_eq!(ask(&app, "GET", "/get/user", Some(&me)).await.text, "-");
            assert_eq!(ask(&app, "GET", "/get/user", Some(&other)).await.text, "corro");
        }
        // Another user's sessions leave this one as it is.
        let admin = log_in(&app, "admin").await;
        let one = log_in(&app, "ferris").await;
        assert_eq!(ask(&app, "POST", "/revoke-all/ferris", Some(&admin)).await.status, StatusCode::OK);
        assert_eq!(ask(&app, "GET", "/get/user", Some(&admin)).await.text, "admin");
        assert_eq!(ask(&app, "GET", "/get/user", Some(&one)).await.text, "-");
    })
    .await;
}
