//! Two requests of one session, in every order of their calls of the store.

use crate::{
    client::{Reply, ask, both, layer, log_in, routes, send},
    schedule::{Stepped, every_order},
};
use axum::Router;
use axum_upstash::session::{ConflictPolicy, SessionLayer, store::SessionStore};
use http::StatusCode;
use std::sync::Arc;

/// Two requests to applications of their own, on one store.
async fn race(
    store: Arc<dyn SessionStore>,
    configure: fn(SessionLayer) -> SessionLayer,
    [first, second]: [&'static str; 2],
    mut check: impl AsyncFnMut(&Router, Reply, Reply, String, &str),
) {
    let plain = routes().layer(configure(layer(&store)));
    let orders = every_order(
        &store,
        async |one: Stepped, two: Stepped| {
            let me = log_in(&plain, "ferris").await;
            let app = |store: Stepped| routes().layer(configure(layer(&(Arc::new(store) as Arc<dyn SessionStore>))));
            let a = send(app(one), "POST", first.to_owned(), Some(me.clone()));
            let b = send(app(two), "POST", second.to_owned(), Some(me.clone()));
            (a, b, me)
        },
        async |a, b, me: String, order: &str| check(&plain, a, b, me, order).await,
    )
    .await;
    assert!(orders >= 6, "{first} and {second} met in {orders} orders only");
}

fn same(layer: SessionLayer) -> SessionLayer {
    layer
}

async fn value(app: &Router, name: &str, cookie: &str) -> String {
    ask(app, "GET", &format!("/get/{name}"), Some(cookie)).await.text
}

#[tokio::test]
async fn writes_of_different_attributes_both_survive() {
    both(async |store| {
        for writes in [["/set/a/1", "/set/b/2"], ["/put/a/1", "/set/b/2"], ["/put/a/1", "/put/b/2"]] {
            race(Arc::clone(&store), same, writes, async |app, a, b, me, order| {
                assert_eq!((a.status, b.status), (StatusCode::OK, StatusCode::OK), "{order}");
                let values = (value(app, "a", &me).await, value(app, "b", &me).await);
                assert_eq!(values, ("1".into(), "2".into()), "{writes:?} {order}");
                assert_eq!(value(app, "user", &me).await, "ferris", "{order}");
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn of_one_attribute_the_last_write_stays_or_the_later_one_is_refused() {
    both(async |store| {
        race(Arc::clone(&store), same, ["/set/a/1", "/set/a/2"], async |app, a, b, me, order| {
            assert_eq!((a.status, b.status), (StatusCode::OK, StatusCode::OK), "{order}");
            // Each commits at its third step: the last one there has the last word.
            let commit = |who: char| order.match_indices(who).nth(2).map(|(at, _)| at);
            let last = if commit('a') > commit('b') { "1" } else { "2" };
            assert_eq!(value(app, "a", &me).await, last, "{order}");
        })
        .await;
        let reject = |layer: SessionLayer| layer.with_conflict_policy(ConflictPolicy::Reject);
        race(store, reject, ["/set/a/1", "/set/b/2"], async |app, a, b, me, order| {
            let stored = (value(app, "a", &me).await, value(app, "b", &me).await);
            let wanted =
                |reply: &Reply, value: &str| if reply.status == StatusCode::OK { value } else { "-" }.to_owned();
            assert_eq!(stored, (wanted(&a, "1"), wanted(&b, "2")), "{order}");
            for reply in [&a, &b] {
                assert!([StatusCode::OK, StatusCode::CONFLICT].contains(&reply.status), "{order}: {reply:?}");
            }
            // A request that had loaded the session before the other one committed was refused.
            let at = |who: char, step: usize| order.match_indices(who).nth(step).unwrap().0;
            let overlap = at('a', 0) < at('b', 2) && at('b', 0) < at('a', 2);
            assert_eq!(a.status != b.status, overlap, "{order}: {a:?} {b:?}");
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn an_update_loses_nothing() {
    both(async |store| {
        race(store, same, ["/add/n", "/add/n"], async |app, a, b, me, order| {
            assert_eq!((a.status, b.status), (StatusCode::OK, StatusCode::OK), "{order}: {a:?} {b:?}");
            assert_eq!(value(app, "n", &me).await, "2", "{order}");
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn what_is_gone_stays_gone_and_whoever_writes_can_learn_it() {
    both(async |store| {
        for writes in ["/set/a/1", "/committed/a/1"] {
            race(Arc::clone(&store), same, [writes, "/logout"], async |app, a, b, me, order| {
                assert_eq!(b.status, StatusCode::OK, "{order}");
                assert!(b.removes_cookie(), "{order}");
                let dead = ask(app, "GET", "/get/a", Some(&me)).await;
                assert_eq!((&*dead.text, dead.removes_cookie()), ("-", true), "{order}: it was brought back");
                // If the session was gone before the request looked, the request has begun one of its own.
                let (load, commit) = (order.find('a').unwrap(), order.match_indices('a').nth(2).unwrap().0);
                let ended = order.find('b').unwrap();
                if ended < load {
                    assert!(a.cookie().is_some_and(|own| own != me), "{order}: {a:?}");
                } else if ended < commit {
                    assert!(a.removes_cookie(), "{order}: {a:?}");
                    assert_eq!(a.text == "gone", writes.starts_with("/committed"), "{order}: {a:?}");
                } else {
                    assert_eq!((a.status, a.cookie(), a.removes_cookie()), (StatusCode::OK, None, false), "{order}");
                }
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_put_goes_into_the_session_or_into_one_of_its_own() {
    both(async |store| {
        race(store, same, ["/put/a/1", "/logout"], async |app, a, b, me, order| {
            assert_eq!((a.status, b.status), (StatusCode::OK, StatusCode::OK), "{order}");
            let dead = ask(app, "GET", "/get/a", Some(&me)).await;
            assert_eq!((&*dead.text, dead.removes_cookie()), ("-", true), "{order}: it was brought back");
            // Its one commit came before the end, or after it.
            let own = (order.find('b').unwrap() < order.match_indices('a').nth(1).unwrap().0).then(|| a.cookie());
            match own.flatten() {
                Some(own) => {
                    assert_eq!((value(app, "a", &own).await, value(app, "user", &own).await), ("1".into(), "-".into()));
                }
                None => assert!(!a.headers.contains_key("set-cookie"), "{order}: {a:?}"),
            }
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_rotation_takes_along_what_was_written_and_lets_nobody_else_in() {
    both(async |store| {
        for writes in ["/set/a/1", "/put/a/1"] {
            race(Arc::clone(&store), same, [writes, "/rotate"], async |app, a, b, me, order| {
                assert_eq!(b.status, StatusCode::OK, "{order}: {b:?}");
                let new = b.cookie().unwrap();
                assert_eq!(value(app, "user", &new).await, "ferris", "{order}");
                let written = value(app, "a", &new).await;
                match a.status {
                    StatusCode::OK => assert_eq!(written, "1", "{order}: it was said to be written"),
                    status => assert_eq!((status, &*written), (StatusCode::CONFLICT, "-"), "{order}"),
                }
                assert!(!a.headers.contains_key("set-cookie"), "{order}: the client's new cookie is left alone");
                assert_eq!(value(app, "user", &me).await, "-", "{order}: the old id is worth nothing");
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_logins_at_once_each_has_a_session_and_a_logout_ends_what_it_can_see() {
    both(async |store| {
        race(Arc::clone(&store), same, ["/login/one", "/login/two"], async |app, a, b, _, order| {
            let (one, two) = (a.cookie().unwrap(), b.cookie().unwrap());
            assert_ne!(one, two, "{order}");
            assert_eq!((value(app, "user", &one).await, value(app, "user", &two).await), ("one".into(), "two".into()));
        })
        .await;
        race(store, same, ["/rotate", "/logout"], async |app, a, b, me, order| {
            assert!(b.removes_cookie(), "{order}");
            // In every order, no cookie has anything of the session.
            for cookie in a.cookie().into_iter().chain([me]) {
                assert_eq!(value(app, "user", &cookie).await, "-", "{order}: {a:?}");
            }
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn what_is_revoked_does_not_come_back() {
    both(async |store| {
        for other in ["/set/a/1", "/put/a/1", "/rotate", "/add/n"] {
            race(Arc::clone(&store), same, [other, "/revoke-all/ferris"], async |app, a, b, me, order| {
                assert_eq!(b.status, StatusCode::OK, "{order}: {b:?}");
                for cookie in a.cookie().into_iter().chain([me]) {
                    assert_eq!(value(app, "user", &cookie).await, "-", "{other} {order}: {a:?}");
                }
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_login_that_is_sent_twice_keeps_what_both_say() {
    both(async |store| {
        // The session is the user's already, and says so: nothing of that is a change.
        race(store, same, ["/login/ferris", "/login/ferris"], async |app, a, b, _, order| {
            for reply in [a, b] {
                let cookie = reply.cookie().unwrap_or_else(|| panic!("{order}: {reply:?}"));
                assert_eq!(value(app, "user", &cookie).await, "ferris", "{order}");
            }
        })
        .await;
    })
    .await;
}
