//! Rotations whose answer does not reach the client, and what the old id is worth meanwhile.

use crate::{
    acceptance::Failing,
    client::{Reply, ask, both, keys, layer, log_in, routes, send},
    schedule::Stepped,
};
use axum::Router;
use axum_upstash::{
    Clock, ManualClock,
    session::{Action, Commit, Committed, Lifetime, Load, Loaded, SessionKey, SessionLayer, SessionStore},
};
use http::StatusCode;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

async fn value(app: &Router, name: &str, cookie: &str) -> String {
    ask(app, "GET", &format!("/get/{name}"), Some(cookie)).await.text
}

/// An application whose next commit is done and its answer lost, if it is told so.
fn losing(store: &Arc<dyn SessionStore>) -> (Router, Failing, ManualClock) {
    let (clock, hands) = Clock::manual(Clock::system().now_ms());
    let failing = Failing::new(store);
    let (lost, layer) = (failing.clone(), SessionLayer::new(failing, keys(&[1])).with_clock(clock));
    (routes().layer(layer), lost, hands)
}

/// A client with something in its session, whose login was done and not answered.
async fn lost_login(app: &Router, lost: &Failing) -> String {
    let me = ask(app, "POST", "/set/cart/3", None).await.cookie().unwrap();
    lost.answer.store(true, Ordering::SeqCst);
    let reply = ask(app, "POST", "/login/ferris", Some(&me)).await;
    assert_eq!((reply.status, reply.cookie()), (StatusCode::SERVICE_UNAVAILABLE, None));
    me
}

#[tokio::test]
async fn a_login_whose_answer_is_lost_costs_no_session() {
    both(async |store| {
        let (app, lost, _) = losing(&store);
        let me = lost_login(&app, &lost).await;
        // The session is as it was before, its id and its rights as well.
        assert_eq!((value(&app, "cart", &me).await, value(&app, "user", &me).await), ("3".into(), "-".into()));
        // It is tried again, and takes along what was there.
        let new = ask(&app, "POST", "/login/ferris", Some(&me)).await.cookie().unwrap();
        assert_eq!((value(&app, "cart", &new).await, value(&app, "user", &new).await), ("3".into(), "ferris".into()));
        let old = ask(&app, "GET", "/get/cart", Some(&me)).await;
        assert_eq!(
            (&*old.text, old.removes_cookie()),
            ("-", false),
            "the first use of the new id has ended the old one"
        );
    })
    .await;
}

#[tokio::test]
async fn after_a_login_whose_answer_is_lost_the_session_goes_on() {
    both(async |store| {
        let (app, lost, hands) = losing(&store);
        let me = lost_login(&app, &lost).await;
        // For a moment the client may have its new id on the way: what is written under the old one would be lost with it.
        assert_eq!(ask(&app, "POST", "/set/cart/4", Some(&me)).await.status, StatusCode::CONFLICT);
        hands.advance(Duration::from_secs(11));
        assert_eq!(ask(&app, "POST", "/set/cart/4", Some(&me)).await.status, StatusCode::OK);
        // From here on it lives as before.
        hands.advance(Duration::from_secs(23 * 3_600));
        assert_eq!(value(&app, "cart", &me).await, "4");
        let new = ask(&app, "POST", "/login/ferris", Some(&me)).await.cookie().unwrap();
        assert_eq!((value(&app, "cart", &new).await, value(&app, "user", &new).await), ("4".into(), "ferris".into()));
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_during_its_login_keeps_its_session() {
    both(async |store| {
        let app = routes().layer(layer(&store));
        for steps in 1..4 {
            let me = ask(&app, "POST", "/set/cart/3", None).await.cookie().unwrap();
            let stepped = Stepped::new(Arc::clone(&store));
            let slow = routes().layer(layer(&(Arc::new(stepped.clone()) as Arc<dyn SessionStore>)));
            let login = tokio::spawn(send(slow, "POST", "/login/ferris".to_owned(), Some(me.clone())));
            stepped.let_steps(steps).await;
            login.abort();
            assert!(login.await.unwrap_err().is_cancelled());
            assert_eq!(value(&app, "cart", &me).await, "3", "after {steps} steps");
        }
    })
    .await;
}

#[tokio::test]
async fn an_id_that_was_slipped_to_the_client_never_gets_its_rights() {
    both(async |store| {
        let app = routes().layer(layer(&store));
        let planted = ask(&app, "POST", "/set/a/planted", None).await.cookie().unwrap();
        let victim = ask(&app, "POST", "/login/ferris", Some(&planted)).await.cookie().unwrap();
        // Before the victim's next request and after it.
        for used in [false, true] {
            if used {
                assert_eq!(value(&app, "user", &victim).await, "ferris");
            }
            assert_eq!(value(&app, "user", &planted).await, "-");
            assert_eq!(ask(&app, "POST", "/set/a/attack", Some(&planted)).await.status, StatusCode::CONFLICT);
            assert_eq!(ask(&app, "POST", "/put/a/attack", Some(&planted)).await.status, StatusCode::CONFLICT);
        }
        assert_eq!(value(&app, "a", &victim).await, "planted");
    })
    .await;
}

#[tokio::test]
async fn with_no_grace_the_old_id_ends_with_the_rotation() {
    both(async |store| {
        let app = routes().layer(layer(&store).with_rotation_grace(Duration::ZERO));
        let me = log_in(&app, "ferris").await;
        let new = ask(&app, "POST", "/rotate", Some(&me)).await.cookie().unwrap();
        let old = ask(&app, "GET", "/get/user", Some(&me)).await;
        assert_eq!((&*old.text, old.removes_cookie()), ("-", false));
        assert_eq!(value(&app, "user", &new).await, "ferris");
    })
    .await;
}

#[tokio::test]
async fn a_grace_that_is_not_used_ends() {
    both(async |store| {
        let lifetime = Lifetime::new(Duration::from_secs(3_600), None);
        let (old, new, now) = (key(), key(), Clock::system().now_ms());
        let mut commit = Commit::new(Action::Create, lifetime, now);
        commit.set.push(("a".to_owned(), "1".to_owned()));
        assert_eq!(store.commit(&old, &commit).await.unwrap(), Committed::Done);
        let mut rotate = Commit::new(Action::rotate(new.clone()), lifetime, now);
        rotate.grace_ms = 1_500;
        assert_eq!(store.commit(&old, &rotate).await.unwrap(), Committed::Done);
        // By a request that began before the rotation, which says nothing of what the client has.
        let mut load = Load::new(&old, lifetime, now);
        assert!(matches!(store.load(load).await.unwrap(), Loaded::Found(_)));
        crate::support::eventually("the end", || async {
            let mut load = load;
            load.now_ms = Clock::system().now_ms();
            (store.load(load).await.unwrap() == Loaded::Absent).then_some(())
        })
        .await;
        load.key = &new;
        assert!(matches!(store.load(load).await.unwrap(), Loaded::Found(_)));
    })
    .await;
}

fn key() -> SessionKey {
    SessionKey::random().unwrap()
}

#[tokio::test]
async fn whoever_logs_out_or_is_revoked_is_out_under_both_ids() {
    both(async |store| {
        for path in ["/logout", "/revoke-all/ferris", "/revoke-others/ferris"] {
            for by_new in [true, false] {
                let app = routes().layer(layer(&store));
                let me = log_in(&app, "ferris").await;
                let new = ask(&app, "POST", "/rotate", Some(&me)).await.cookie().unwrap();
                let listed = ask(&app, "GET", "/devices/ferris", None).await.text;
                assert_eq!(listed, "test", "one session, and not two");
                let (acts, other) = if by_new { (&new, &me) } else { (&me, &new) };
                let Reply { status, text, .. } = ask(&app, "POST", path, Some(acts)).await;
                assert_eq!(status, StatusCode::OK, "{path}");
                assert!(path != "/revoke-all/ferris" || text == "1", "{text}");
                assert_eq!(value(&app, "user", other).await, "-", "{path} by the new id: {by_new}");
                assert_eq!(value(&app, "user", acts).await == "-", path != "/revoke-others/ferris", "{path} {by_new}");
                ask(&app, "POST", "/revoke-all/ferris", None).await;
            }
        }
    })
    .await;
}

/// One that began before the rotation and is done long after it neither writes to the old session nor takes the place of
/// the new one, though nobody has used that yet.
#[tokio::test]
async fn a_straggler_is_told_that_the_session_moved() {
    both(async |store| {
        for does in ["/set/a/1", "/put/a/1", "/rotate", "/login/corro"] {
            let (clock, hands) = Clock::manual(Clock::system().now_ms());
            let app = routes().layer(layer(&store).with_clock(clock.clone()));
            let me = log_in(&app, "ferris").await;
            let stepped = Stepped::new(Arc::clone(&store));
            let slow = layer(&(Arc::new(stepped.clone()) as Arc<dyn SessionStore>)).with_clock(clock);
            let slow = tokio::spawn(send(routes().layer(slow), "POST", does.to_owned(), Some(me.clone())));
            // It has arrived, and asks the store for the first time.
            stepped.arrived().await;
            let new = ask(&app, "POST", "/rotate", Some(&me)).await.cookie().unwrap();
            hands.advance(Duration::from_secs(30));
            stepped.let_all();
            let reply = slow.await.unwrap();
            assert_eq!((reply.status, reply.cookie()), (StatusCode::CONFLICT, None), "{does}: {reply:?}");
            assert_eq!((value(&app, "user", &new).await, value(&app, "a", &new).await), ("ferris".into(), "-".into()));
        }
    })
    .await;
}
