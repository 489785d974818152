//! The store for tower-sessions, in both versions, and axum-login on it.

use crate::client::{ask, send};
use crate::support::{Wire, upstash};
use axum::{
    Form, Router,
    body::Body,
    routing::{get, post},
};
use axum_upstash::{
    local::LocalRedis,
    redis::Redis,
    session::compat::{OnMissing, TowerSessionStore},
};
use http::{Request, StatusCode, header};
use std::{collections::HashSet, convert::Infallible, sync::atomic::Ordering};
use tower::ServiceExt;

/// What a store of tower-sessions has to do, in one version of its types.
macro_rules! contract {
    ($version:ident, $core:ident) => {
        mod $version {
            use super::*;
            use $core::{
                SessionStore,
                session::{Id, Record},
                session_store,
            };
            use tower_sessions::cookie::time::{Duration, OffsetDateTime};

            fn record(expires: Duration) -> Record {
                let data = [("user".to_owned(), serde_json::json!({"name": "ferris", "n": [1, 2]}))].into();
                Record { id: Id::default(), data, expiry_date: OffsetDateTime::now_utc() + expires }
            }

            #[tokio::test]
            async fn keeps_what_it_is_given_for_as_long_as_it_is_told() {
                let (_local, redis) = upstash().await;
                let store = TowerSessionStore::new(redis.clone());
                let mut session = record(Duration::hours(1));
                store.create(&mut session).await.unwrap();
                let key = format!("tower.sessions:{}", session.id);
                let ttl: i64 = redis.cmd("TTL").key(&key).query().await.unwrap();
                assert!((3_590..=3_600).contains(&ttl), "{ttl}");
                let text: String = redis.get(&key).await.unwrap();
                assert!(text.starts_with(r#"{"data":{"user":{"#), "people can read it: {text}");

                let found = store.load(&session.id).await.unwrap().unwrap();
                assert_eq!((found.id, &found.data), (session.id, &session.data));
                assert_eq!(found.expiry_date.unix_timestamp(), session.expiry_date.unix_timestamp());
                session.data.insert("more".to_owned(), 1.into());
                store.save(&session).await.unwrap();
                assert_eq!(store.load(&session.id).await.unwrap().unwrap().data, session.data);
                store.delete(&session.id).await.unwrap();
                assert_eq!(store.load(&session.id).await.unwrap(), None);
            }

            #[tokio::test]
            async fn takes_nobody_s_id() {
                let (_local, redis) = upstash().await;
                let store = TowerSessionStore::new(redis);
                let mut one = record(Duration::hours(1));
                store.create(&mut one).await.unwrap();
                let mut two = record(Duration::hours(1));
                two.id = one.id;
                two.data.clear();
                store.create(&mut two).await.unwrap();
                assert_ne!(two.id, one.id);
                assert_eq!(store.load(&one.id).await.unwrap().unwrap().data, one.data);
            }

            #[tokio::test]
            async fn does_as_told_where_a_session_is_gone() {
                let (_local, redis) = upstash().await;
                for (policy, saved, there) in [
                    (OnMissing::Error, false, false),
                    (OnMissing::Ignore, true, false),
                    (OnMissing::Recreate, true, true),
                ] {
                    let store = TowerSessionStore::new(redis.clone()).with_on_missing(policy).with_prefix("p:");
                    let session = record(Duration::hours(1));
                    assert_eq!(store.save(&session).await.is_ok(), saved, "{policy:?}");
                    assert_eq!(store.load(&session.id).await.unwrap().is_some(), there, "{policy:?}");
                }
                // A session that is over is not loaded.
                let store = TowerSessionStore::new(redis);
                let mut over = record(Duration::hours(-1));
                store.create(&mut over).await.unwrap();
                assert_eq!(store.load(&over.id).await.unwrap(), None);
            }

            #[tokio::test]
            async fn says_all_that_is_known_of_a_failure() {
                let (_local, redis) = upstash().await;
                let store = TowerSessionStore::new(redis.clone());
                let session = record(Duration::hours(1));
                let key = format!("tower.sessions:{}", session.id);
                redis.set(&key, "no session").await.unwrap();
                assert!(matches!(store.load(&session.id).await, Err(session_store::Error::Decode(_))));
                let local = LocalRedis::start().await.unwrap();
                let wire = Wire::new();
                wire.lose_requests.store(true, Ordering::SeqCst);
                let error = TowerSessionStore::new(wire.redis(&local)).load(&session.id).await.unwrap_err();
                assert!(error.to_string().contains("refused by the test"), "{error}");
            }
        }
    };
}

contract!(v0_15, tower_sessions_15);
contract!(v0_14, tower_sessions_14);
use axum_login::tower_sessions as tower_sessions_14;
use tower_sessions as tower_sessions_15;

#[derive(Debug, Clone)]
struct User(&'static str, &'static [&'static str]);

impl axum_login::AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.0.to_owned()
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[derive(Clone)]
struct Users;

const USERS: &[User] = &[User("ferris", &["feed"]), User("corro", &[])];

impl axum_login::AuthnBackend for Users {
    type User = User;
    type Credentials = String;
    type Error = Infallible;

    async fn authenticate(&self, name: String) -> Result<Option<User>, Infallible> {
        Ok(USERS.iter().find(|user| user.0 == name).cloned())
    }

    async fn get_user(&self, id: &String) -> Result<Option<User>, Infallible> {
        Ok(USERS.iter().find(|user| user.0 == *id).cloned())
    }
}

impl axum_login::AuthzBackend for Users {
    type Permission = String;

    async fn get_user_permissions(&self, user: &User) -> Result<HashSet<String>, Infallible> {
        Ok(user.1.iter().map(|&permission| permission.to_owned()).collect())
    }
}

type Auth = axum_login::AuthSession<Users>;

fn login_app(redis: Redis) -> Router {
    let login = |mut auth: Auth, Form(form): Form<Vec<(String, String)>>| async move {
        let name = form.into_iter().next().map(|(_, name)| name).unwrap_or_default();
        match auth.authenticate(name).await.unwrap() {
            Some(user) => auth.login(&user).await.map(|()| StatusCode::OK).unwrap(),
            None => StatusCode::UNAUTHORIZED,
        }
    };
    let logout =
        |mut auth: Auth| async move { auth.logout().await.map(|_| ()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR) };
    let me = |auth: Auth| async move { auth.user.unwrap().0 };
    let sessions = axum_login::tower_sessions::SessionManagerLayer::new(TowerSessionStore::new(redis));
    Router::new()
        .route("/feed", get(|| async { "fed" }))
        .route_layer(axum_login::permission_required!(Users, "feed".to_owned()))
        .route("/me", get(me))
        .route_layer(axum_login::login_required!(Users))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .layer(axum_login::AuthManagerLayerBuilder::new(Users, sessions).build())
}

#[tokio::test]
async fn axum_login_logs_in_and_out_and_lets_in_who_may() {
    let (_local, redis) = upstash().await;
    // Two instances of the application.
    let (one, two) = (login_app(redis.clone()), login_app(redis));
    let log_in = async |name: &str, cookie: Option<&str>| {
        let mut request = Request::post("/login").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = one.clone().oneshot(request.body(Body::from(format!("name={name}"))).unwrap()).await.unwrap();
        (response.status(), crate::support::cookie(&response))
    };
    assert_eq!(ask(&one, "GET", "/me", None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(log_in("nobody", None).await.0, StatusCode::UNAUTHORIZED);
    let ferris = log_in("ferris", None).await.1.unwrap();
    assert_eq!(ask(&two, "GET", "/me", Some(&ferris)).await.text, "ferris");
    assert_eq!(ask(&two, "GET", "/feed", Some(&ferris)).await.text, "fed");
    let corro = log_in("corro", None).await.1.unwrap();
    assert_eq!(ask(&two, "GET", "/feed", Some(&corro)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(send(two.clone(), "POST", "/logout".to_owned(), Some(ferris.clone())).await.status, StatusCode::OK);
    assert_eq!(ask(&one, "GET", "/me", Some(&ferris)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&one, "GET", "/me", Some(&corro)).await.text, "corro");
}
