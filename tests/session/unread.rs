//! Writes to a session that the handler has not loaded.

use crate::times::{ms, now_ms};
use crate::{
    client::{ask, both, keys, log_in, routes},
    schedule::Stepped,
};
use axum::{Router, routing::post};
use axum_upstash::{
    Clock, Error, ErrorKind,
    session::{
        ConflictPolicy, Lifetime, LoadFailure, Session, SessionError, SessionKey, SessionLayer,
        store::{Commit, CommitOutcome, Confirm, Load, Loaded, SessionStore},
    },
};
use futures_core::future::BoxFuture;
use http::{StatusCode, header};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

#[tokio::test]
async fn a_session_that_is_over_begins_anew_with_what_was_put() {
    both(async |store| {
        let (clock, hands) = Clock::manual(ms(now_ms()));
        let counted = Stepped::open(store);
        let app = routes().layer(SessionLayer::new(counted.clone(), keys(&[1])).with_clock(clock));
        let me = log_in(&app, "ferris").await;
        hands.advance(Duration::from_secs(25 * 3600));
        counted.take_calls();
        let put = ask(&app, "POST", "/put/a/1", Some(&me)).await;
        assert_eq!((put.status, counted.take_calls()), (StatusCode::OK, 2));
        let own = put.cookie().expect("the client has to learn of it");
        assert_ne!(own, me);
        assert_eq!(ask(&app, "GET", "/get/a", Some(&own)).await.text, "1");
        assert_eq!(ask(&app, "GET", "/get/user", Some(&own)).await.text, "-");
    })
    .await;
}

#[tokio::test]
async fn it_keeps_a_session_and_its_cookie_alive() {
    both(async |store| {
        let (clock, hands) = Clock::manual(ms(now_ms()));
        let lifetime = Lifetime::new(Duration::from_secs(3600), None);
        let counted = Stepped::open(store);
        let layer = SessionLayer::new(counted.clone(), keys(&[1])).with_clock(clock).with_lifetime(lifetime);
        let remember = |session: Session| async move {
            session.set_lifetime(Lifetime::new(Duration::from_secs(3600), None))?;
            session.insert("user", "ferris").await
        };
        let app = routes().route("/remember", post(remember)).layer(layer);
        let me = ask(&app, "POST", "/remember", None).await.cookie().unwrap();
        let mut renewed = 0;
        for _ in 0..20 {
            hands.advance(Duration::from_secs(240));
            counted.take_calls();
            let put = ask(&app, "POST", "/put/a/1", Some(&me)).await;
            let again = put.headers.contains_key(header::SET_COOKIE);
            // Once in a tenth of the idle time it is looked at.
            assert_eq!((put.status, counted.take_calls()), (StatusCode::OK, if again { 3 } else { 1 }));
            assert!(!again || put.cookie().as_ref() == Some(&me));
            renewed += u32::from(again);
        }
        assert_eq!(renewed, 10, "every other time");
        assert_eq!(ask(&app, "GET", "/get/user", Some(&me)).await.text, "ferris");
    })
    .await;
}

#[tokio::test]
async fn what_is_too_much_is_refused_and_nothing_of_it_is_written() {
    both(async |store| {
        let layer = SessionLayer::new(store, keys(&[1])).with_size_limit(100);
        let told = |session: Session| async move {
            session.insert_without_load("b", "x".repeat(60))?;
            let told = matches!(session.commit().await, Err(SessionError::TooLarge { limit: 100, .. }));
            Ok::<_, SessionError>(told.to_string())
        };
        let read = |session: Session| async move {
            session.insert_without_load("b", "x".repeat(60))?;
            session.get::<String>("a").await.map(Option::unwrap_or_default)
        };
        let app = routes().route("/told", post(told)).route("/read", post(read)).layer(layer);
        let me = ask(&app, "POST", &format!("/put/a/{}", "x".repeat(60)), None).await.cookie().unwrap();
        assert_eq!(ask(&app, "POST", &format!("/put/b/{}", "x".repeat(98)), Some(&me)).await.status.as_u16(), 500);
        for path in [&format!("/put/b/{}", "x".repeat(60)), "/read"] {
            assert_eq!(ask(&app, "POST", path, Some(&me)).await.status.as_u16(), 500, "{path}");
        }
        assert_eq!(ask(&app, "POST", "/told", Some(&me)).await.text, "true");
        assert_eq!(ask(&app, "GET", "/get/b", Some(&me)).await.text, "-");
        assert_eq!(ask(&app, "POST", "/put/a/2", Some(&me)).await.status, StatusCode::OK);
        assert_eq!(ask(&app, "GET", "/get/a", Some(&me)).await.text, "2");
    })
    .await;
}

#[tokio::test]
async fn beside_what_needs_a_look_it_is_as_if_it_had_been_looked_at() {
    both(async |store| {
        let counted = Stepped::open(store);
        let rotating = |session: Session| async move {
            session.insert_without_load("a", "1")?;
            session.rotate()
        };
        let ending = |session: Session| async move {
            session.destroy()?;
            session.insert_without_load("a", "1")
        };
        let reading = |session: Session| async move {
            session.insert_without_load("a", "1")?;
            let user: Option<String> = session.get("user").await?;
            Ok::<_, SessionError>(format!("{user:?} {:?}", session.get::<String>("a").await?))
        };
        let routes = || {
            let routes: Router = routes();
            routes.route("/rotating", post(rotating)).route("/ending", post(ending)).route("/reading", post(reading))
        };
        let app = routes().layer(SessionLayer::new(counted.clone(), keys(&[1])));
        let me = log_in(&app, "ferris").await;
        counted.take_calls();
        let read = ask(&app, "POST", "/reading", Some(&me)).await;
        assert_eq!((&*read.text, counted.take_calls()), ("Some(\"ferris\") Some(\"1\")", 2));
        let moved = ask(&app, "POST", "/rotating", Some(&me)).await.cookie().unwrap();
        assert_eq!(counted.take_calls(), 2);
        assert_eq!(ask(&app, "GET", "/get/user", Some(&moved)).await.text, "ferris");
        counted.take_calls();
        let own = ask(&app, "POST", "/ending", Some(&moved)).await.cookie().unwrap();
        assert_eq!(counted.take_calls(), 1);
        assert_eq!(ask(&app, "GET", "/get/user", Some(&own)).await.text, "-");
        assert_eq!(ask(&app, "GET", "/get/a", Some(&own)).await.text, "1");
        // If conflicts are refused, nothing is written without a look.
        let app =
            routes().layer(SessionLayer::new(counted.clone(), keys(&[1])).with_conflict_policy(ConflictPolicy::Reject));
        counted.take_calls();
        assert_eq!(ask(&app, "POST", "/put/b/2", Some(&own)).await.status, StatusCode::OK);
        assert_eq!(counted.take_calls(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_comes_back_from_a_commit_that_failed_counts() {
    both(async |store| {
        let over = routes().layer(SessionLayer::new(Arc::clone(&store), keys(&[1])));
        let me = log_in(&over, "ferris").await;
        ask(&over, "POST", "/logout", Some(&me)).await;
        let stepped = Stepped::new(Arc::clone(&store));
        let handler = {
            let stepped = stepped.clone();
            move |session: Session| async move {
                session.insert_without_load("a", "x".repeat(60))?;
                // On its way, and given up there.
                let committing = tokio::time::timeout(Duration::from_millis(1), session.commit());
                let put = async {
                    tokio::task::yield_now().await;
                    session.insert_without_load("b", "x".repeat(60))
                };
                let (committed, put) = tokio::join!(committing, put);
                assert!(committed.is_err() && put.is_ok());
                stepped.let_all();
                let too_large = matches!(session.commit().await, Err(SessionError::TooLarge { limit: 100, .. }));
                Ok::<_, SessionError>(too_large.to_string())
            }
        };
        let layer = SessionLayer::new(stepped, keys(&[1])).with_size_limit(100);
        let app: Router = Router::new().route("/", post(handler)).layer(layer);
        assert_eq!(ask(&app, "POST", "/", Some(&me)).await.text, "true");
    })
    .await;
}

#[tokio::test]
async fn after_its_end_it_does_not_matter_that_it_could_not_be_read() {
    both(async |store| {
        let me = log_in(&routes().layer(SessionLayer::new(Arc::clone(&store), keys(&[1]))), "ferris").await;
        let gate = Arc::new(Semaphore::new(9));
        let handler = |session: Session| async move {
            assert!(session.get::<String>("user").await.is_err());
            assert!(matches!(session.insert_without_load("a", "1"), Err(SessionError::ReadOnly)));
            session.destroy()?;
            session.commit().await?;
            session.insert_without_load("a", "1")
        };
        let layer = SessionLayer::new(Gated { inner: Arc::clone(&store), gate, fails: true }, keys(&[1]));
        let app: Router = Router::new().route("/", post(handler)).layer(layer);
        let own = ask(&app, "POST", "/", Some(&me)).await.cookie().expect("another one");
        let app = routes().layer(SessionLayer::new(store, keys(&[1])));
        assert_eq!(ask(&app, "GET", "/get/a", Some(&own)).await.text, "1");
        assert_eq!(ask(&app, "GET", "/get/user", Some(&me)).await.text, "-");
    })
    .await;
}

/// A store whose loads wait until they are let, and fail if they have to.
#[derive(Debug)]
struct Gated {
    inner: Arc<dyn SessionStore>,
    gate: Arc<Semaphore>,
    fails: bool,
}

impl SessionStore for Gated {
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>> {
        Box::pin(async move {
            self.gate.acquire().await.unwrap().forget();
            if self.fails {
                Err(Error::new(ErrorKind::Connect, "down, says the test"))
            } else {
                self.inner.load(load).await
            }
        })
    }

    fn confirm<'a>(&'a self, confirm: Confirm<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.inner.confirm(confirm)
    }

    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<CommitOutcome, Error>> {
        self.inner.commit(key, commit)
    }
}

#[tokio::test]
async fn a_commit_that_waits_for_another_task_s_look_knows_what_that_has_seen() {
    both(async |store| {
        for (fails, policy) in
            [(true, LoadFailure::Unavailable), (true, LoadFailure::Anonymous), (false, LoadFailure::Unavailable)]
        {
            let sound = routes().layer(SessionLayer::new(Arc::clone(&store), keys(&[1])));
            let me = ask(&sound, "POST", &format!("/put/a/{}", "x".repeat(60)), None).await.cookie().unwrap();
            let gate = Arc::new(Semaphore::new(0));
            let gated = Gated { inner: Arc::clone(&store), gate: Arc::clone(&gate), fails };
            let both_at_once = |session: Session| async move {
                let look = session.get::<String>("a");
                let put = async {
                    tokio::task::yield_now().await;
                    session.insert_without_load("b", "x".repeat(60))?;
                    let committing = session.commit();
                    let open = async {
                        tokio::task::yield_now().await;
                        gate.add_permits(9);
                    };
                    tokio::join!(committing, open).0
                };
                let (_, put) = tokio::join!(look, put);
                match put {
                    Err(SessionError::Unavailable(_)) => "unavailable",
                    Err(SessionError::ReadOnly) => "read only",
                    Err(SessionError::TooLarge { .. }) => "too large",
                    _ => "written",
                }
            };
            let layer = SessionLayer::new(gated, keys(&[1])).with_load_failure(policy).with_size_limit(100);
            let app: Router = Router::new().route("/", post(both_at_once)).layer(layer);
            let wanted = match (fails, policy) {
                (false, _) => "too large",
                (true, LoadFailure::Anonymous) => "read only",
                _ => "unavailable",
            };
            let reply = ask(&app, "POST", "/", Some(&me)).await;
            // Writes that are kept for after the handler fail there as well.
            let said = if fails && policy == LoadFailure::Unavailable {
                reply.status.as_u16() == 503
            } else {
                reply.text == wanted
            };
            assert!(said, "{wanted}: {reply:?}");
            assert_eq!(ask(&sound, "GET", "/get/b", Some(&me)).await.text, "-", "{wanted}");
        }
    })
    .await;
}
