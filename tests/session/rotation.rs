//! Rotations whose answer does not reach the client, and what the old id is worth meanwhile.

use crate::times::{ms, now_ms};
use crate::{
    acceptance::Failing,
    client::{Reply, ask, both, keys, layer, log_in, routes, send},
    schedule::Stepped,
};
use axum::{Router, routing::post};
use axum_upstash::{
    Clock, ManualClock,
    session::{
        Lifetime, Session, SessionError, SessionKey, SessionLayer,
        store::{Commit, CommitAction, CommitOutcome, Load, Loaded, RedisSessionStore, SessionStore},
    },
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
    let (clock, hands) = Clock::manual(ms(now_ms()));
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
        // For a moment the client's new id may be on its way: a write under the old one would be lost with it.
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
        let (old, new, now) = (key(), key(), now_ms());
        let mut commit = Commit::new(CommitAction::Create, lifetime, ms(now));
        commit.set.push(("a".to_owned(), "1".to_owned()));
        assert_eq!(store.commit(&old, &commit).await.unwrap(), CommitOutcome::Done);
        let rotate =
            Commit::new(CommitAction::rotate(new.clone()), lifetime, ms(now)).with_grace(Duration::from_millis(1_500));
        assert_eq!(store.commit(&old, &rotate).await.unwrap(), CommitOutcome::Done);
        // By a request that began before the rotation, which says nothing of what the client has.
        let mut load = Load::new(&old, lifetime, ms(now)).with_since(ms(now - 1));
        assert!(matches!(store.load(load).await.unwrap(), Loaded::Found(_)));
        // It is as long as requests may be on their way, at the least: ten seconds.
        let begun = std::time::Instant::now();
        loop {
            let load = load.with_now(ms(now) + begun.elapsed());
            if store.load(load).await.unwrap() == Loaded::Absent {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(begun.elapsed() >= Duration::from_secs(9), "it ended too early");
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

/// A request that began before the rotation and ends long after it neither writes to the old session nor takes the
/// place of the new one, even if that has not been used yet.
#[tokio::test]
async fn a_straggler_is_told_that_the_session_moved() {
    both(async |store| {
        for does in ["/set/a/1", "/put/a/1", "/rotate", "/login/corro"] {
            let (clock, hands) = Clock::manual(ms(now_ms()));
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

/// A handler that commits its rotation and goes on.
#[tokio::test]
async fn after_a_rotation_that_it_has_committed_a_handler_writes_on() {
    both(async |store| {
        let handler = |session: Session| async move {
            let _: Option<String> = session.get("user").await?;
            session.rotate()?;
            session.commit().await?;
            session.insert("a", "1").await?;
            session.rotate()?; // of an id that the client does not have yet
            session.update("n", |n: Option<String>| n.unwrap_or_default() + "x").await?;
            let detached = session.detach();
            detached.insert_without_load("b", "2")?;
            detached.commit().await
        };
        let failing = Failing::new(&store);
        let lost = failing.clone();
        let app = routes().route("/go", post(handler)).layer(SessionLayer::new(failing, keys(&[1])));
        let me = log_in(&app, "ferris").await;
        let reply = ask(&app, "POST", "/go", Some(&me)).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        // Nothing of that says that the client has the new id.
        assert_eq!(value(&app, "user", &me).await, "ferris");
        let new = reply.cookie().unwrap();
        for (name, wanted) in [("user", "ferris"), ("a", "1"), ("n", "x"), ("b", "2")] {
            assert_eq!(value(&app, name, &new).await, wanted, "{name}");
        }
        assert_eq!(value(&app, "user", &me).await, "-");
        drop(lost);
    })
    .await;
}

/// After the cookie's path has changed, the browser sends the one of the longer path first.
#[tokio::test]
async fn a_login_takes_hold_beside_an_older_cookie_that_is_alive() {
    both(async |store| {
        let (clock, hands) = Clock::manual(ms(now_ms()));
        let app = routes().layer(layer(&store).with_clock(clock));
        let older = ask(&app, "POST", "/set/a/1", None).await.cookie().unwrap();
        let new = ask(&app, "POST", "/login/ferris", Some(&older)).await.cookie().unwrap();
        let several = format!("{older}; {new}");
        assert_eq!(value(&app, "user", &several).await, "ferris");
        for _ in 0..3 {
            hands.advance(Duration::from_secs(11));
            assert_eq!(ask(&app, "POST", "/set/b/2", Some(&several)).await.status, StatusCode::OK);
            assert_eq!(value(&app, "user", &several).await, "ferris");
        }
    })
    .await;
}

#[tokio::test]
async fn a_logout_whose_answer_is_lost_is_done_again_and_ends_both_ids() {
    both(async |store| {
        for by_new in [true, false] {
            for leaves in [true, false] {
                let app = routes().layer(layer(&store));
                let me = log_in(&app, "ferris").await;
                let new = ask(&app, "POST", "/rotate", Some(&me)).await.cookie().unwrap();
                let acts = if by_new { &new } else { &me };
                if leaves {
                    // In the middle of it: the logout goes on.
                    let stepped = Stepped::new(Arc::clone(&store));
                    let slow = routes().layer(layer(&(Arc::new(stepped.clone()) as Arc<dyn SessionStore>)));
                    let logout = tokio::spawn(send(slow, "POST", "/logout".to_owned(), Some(acts.clone())));
                    stepped.arrived().await;
                    logout.abort();
                    assert!(logout.await.unwrap_err().is_cancelled());
                    stepped.let_all();
                } else {
                    let failing = Failing::new(&store);
                    let losing = routes().layer(layer(&(Arc::new(failing.clone()) as Arc<dyn SessionStore>)));
                    failing.answer.store(true, Ordering::SeqCst);
                    let lost = ask(&losing, "POST", "/logout", Some(acts)).await;
                    assert_eq!(lost.status, StatusCode::SERVICE_UNAVAILABLE);
                    assert_eq!(ask(&app, "POST", "/logout", Some(acts)).await.status, StatusCode::OK);
                }
                for cookie in [&me, &new] {
                    let gone = || async { (value(&app, "user", cookie).await == "-").then_some(()) };
                    crate::support::eventually("the end", gone).await;
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_that_goes_on_is_no_part_of_the_rotation_any_more() {
    both(async |store| {
        let (clock, hands) = Clock::manual(ms(now_ms()));
        let layer = layer(&store).with_clock(clock);
        let (app, sessions) = (routes().layer(layer.clone()), layer.user_sessions());
        let me = log_in(&app, "ferris").await;
        ask(&app, "POST", "/rotate", Some(&me)).await.cookie().unwrap();
        let lost = sessions.list("ferris").await.unwrap().remove(0).key;
        hands.advance(Duration::from_secs(11));
        assert_eq!(ask(&app, "POST", "/set/a/1", Some(&me)).await.status, StatusCode::OK);
        assert_eq!(sessions.list("ferris").await.unwrap().len(), 2);
        // The one that no client has is ended, and not the other one with it.
        assert!(sessions.revoke("ferris", &lost).await.unwrap());
        assert_eq!((value(&app, "user", &me).await, value(&app, "a", &me).await), ("ferris".into(), "1".into()));
    })
    .await;
}

#[tokio::test]
async fn ending_all_others_ends_the_old_id_and_says_where_it_went() {
    // Also without a look at the session under its new id, as after a change of the password.
    for looks in [true, false] {
        both(async |store| {
            let app = routes().layer(layer(&store));
            let (me, other) = (log_in(&app, "ferris").await, log_in(&app, "ferris").await);
            let new = ask(&app, "POST", "/rotate", Some(&me)).await.cookie().unwrap();
            if looks {
                assert_eq!(value(&app, "user", &new).await, "ferris");
            }
            assert_eq!(ask(&app, "POST", "/revoke-others/ferris", Some(&new)).await.text, "1");
            let straggler = ask(&app, "GET", "/get/user", Some(&me)).await;
            assert_eq!((&*straggler.text, straggler.removes_cookie()), ("-", false));
            let users = (value(&app, "user", &new).await, value(&app, "user", &other).await);
            assert_eq!(users, ("ferris".into(), "-".into()));
        })
        .await;
    }
}

#[tokio::test]
async fn however_short_the_grace_is_requests_on_their_way_leave_the_new_cookie_alone() {
    both(async |store| {
        let (clock, hands) = Clock::manual(ms(now_ms()));
        let app = routes().layer(layer(&store).with_clock(clock).with_rotation_grace(Duration::from_millis(1)));
        let me = log_in(&app, "ferris").await;
        ask(&app, "POST", "/rotate", Some(&me)).await;
        hands.advance(Duration::from_secs(2));
        let late = ask(&app, "GET", "/get/user", Some(&me)).await;
        assert_eq!(late.headers.get(http::header::SET_COOKIE), None, "{late:?}");
    })
    .await;
}

#[tokio::test]
async fn of_one_id_that_was_rotated_twice_nothing_is_left_after_a_logout() {
    both(async |store| {
        for logs_out in [0, 1] {
            let app = routes().layer(layer(&store));
            let me = log_in(&app, "ferris").await;
            let one = ask(&app, "POST", "/rotate", Some(&me)).await.cookie().unwrap();
            let two = ask(&app, "POST", "/rotate", Some(&me)).await.cookie().unwrap();
            assert_eq!(ask(&app, "POST", "/logout", Some([&one, &two][logs_out])).await.status, StatusCode::OK);
            assert_eq!(value(&app, "user", &me).await, "-", "the old id, after a logout by {logs_out}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_handle_of_its_own_stays_with_its_session() {
    both(async |store| {
        let sessions = layer(&store).user_sessions();
        let handler = move |session: Session| {
            let sessions = sessions.clone();
            async move {
                let _: Option<String> = session.get("user").await?;
                let detached = session.detach();
                sessions.revoke_all("one").await?;
                assert_eq!(detached.get::<String>("user").await?, None);
                detached.insert_without_load("a", "1")?;
                assert!(matches!(detached.commit().await, Err(SessionError::Gone)));
                Ok::<_, SessionError>(())
            }
        };
        let app = routes().route("/go", post(handler)).layer(layer(&store));
        let (one, two) = (log_in(&app, "one").await, log_in(&app, "two").await);
        assert_eq!(ask(&app, "POST", "/go", Some(&format!("{one}; {two}"))).await.status, StatusCode::OK);
        assert_eq!(value(&app, "a", &two).await, "-");
    })
    .await;
}

#[tokio::test]
async fn an_update_after_a_rotation_whose_answer_is_lost_goes_where_the_session_went() {
    both(async |store| {
        let failing = Failing::new(&store);
        let lost = failing.clone();
        let handler = move |session: Session| {
            let lost = lost.clone();
            async move {
                let _: Option<String> = session.get("cart").await?;
                session.rotate()?;
                session.insert("user", "ferris").await?;
                lost.answer.store(true, Ordering::SeqCst);
                assert!(session.commit().await.is_err());
                session.update("n", |n: Option<String>| n.unwrap_or_default() + "x").await
            }
        };
        let app = routes().route("/go", post(handler)).layer(SessionLayer::new(failing, keys(&[1])));
        let me = ask(&app, "POST", "/set/cart/3", None).await.cookie().unwrap();
        let reply = ask(&app, "POST", "/go", Some(&me)).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        let new = reply.cookie().unwrap();
        for (name, wanted) in [("cart", "3"), ("user", "ferris"), ("n", "x")] {
            assert_eq!(value(&app, name, &new).await, wanted, "{name}");
        }
    })
    .await;
}

/// No key stays for ever, and none for longer than it should.
#[tokio::test]
async fn every_key_of_a_rotation_has_its_time_to_live() {
    let (_local, redis) = crate::support::upstash().await;
    let app = routes().layer(SessionLayer::new(RedisSessionStore::new(redis.clone()), keys(&[1])));
    let ttls = async || {
        let names: Vec<String> = redis.cmd("KEYS").arg("axum-upstash:session:*").query().await.unwrap();
        let mut ttls = Vec::new();
        for name in names.iter().filter(|name| !name.contains(":of:")) {
            ttls.push(redis.cmd("PTTL").key(name).query::<i64>().await.unwrap() / 1_000);
        }
        ttls.sort_unstable();
        ttls
    };
    let is_about = |ttl: i64, seconds: i64| (seconds - 5..=seconds).contains(&ttl);
    let (day, grace) = (86_400, 300);
    let me = log_in(&app, "ferris").await;
    let new = ask(&app, "POST", "/rotate", Some(&me)).await.cookie().unwrap();
    let rotated = ttls().await;
    assert!(matches!(rotated[..], [old, new] if is_about(old, grace) && is_about(new, day)), "{rotated:?}");
    value(&app, "user", &me).await;
    let used = ttls().await;
    assert!(matches!(used[..], [old, new] if is_about(old, day) && is_about(new, day)), "{used:?}");
    value(&app, "user", &new).await;
    let confirmed = ttls().await;
    assert!(matches!(confirmed[..], [old, new] if is_about(old, 10) && is_about(new, day)), "{confirmed:?}");
}
