//! How long a session lives that has a lifetime of its own, or a new user.

use crate::client::{ask, both, keys, routes};
use crate::times::{ms, now_ms};
use axum::{Router, routing::post};
use axum_upstash::{
    Clock, ManualClock,
    session::{Lifetime, Session, SessionError, SessionLayer, store::SessionStore},
};
use http::header::SET_COOKIE;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

async fn remember(session: Session) -> Result<(), SessionError> {
    session.rotate()?;
    session.set_principal("ferris")?;
    session.set_lifetime(Lifetime::new(30 * DAY, Some(90 * DAY)))?;
    session.insert("user", "ferris").await
}

/// A day without use, thirty at most.
fn app(store: Arc<dyn SessionStore>) -> (Router, ManualClock) {
    let (clock, hands) = Clock::manual(ms(now_ms()));
    let forget = |session: Session| async move { session.set_lifetime(None) };
    let at = |session: Session| async move {
        let at = session.authenticated_at().await?;
        let ms = at.map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().to_string());
        Ok::<_, SessionError>(ms.unwrap_or_default())
    };
    let layer = SessionLayer::new(store, keys(&[1])).with_clock(clock);
    let layer = layer.with_timeout(Duration::from_secs(60));
    let longer = |session: Session| async move { session.set_lifetime(Lifetime::new(30 * DAY, Some(90 * DAY))) };
    let routes = routes()
        .route("/remember", post(remember))
        .route("/longer", post(longer))
        .route("/forget", post(forget))
        .route("/at", post(at));
    (routes.layer(layer), hands)
}

async fn user(app: &Router, cookie: &str) -> String {
    ask(app, "GET", "/get/user", Some(cookie)).await.text
}

#[tokio::test]
async fn remember_me_outlives_an_idle_day_and_ends_when_it_says() {
    both(async |store| {
        let (app, hands) = app(store);
        let reply = ask(&app, "POST", "/remember", None).await;
        assert!(reply.headers[SET_COOKIE].to_str().unwrap().contains("Max-Age=2592000"), "{reply:?}");
        let me = reply.cookie().unwrap();
        for hours in [25, 27 * 24, 27 * 24, 27 * 24] {
            hands.advance(hours * HOUR);
            assert_eq!(user(&app, &me).await, "ferris");
            assert_eq!(ask(&app, "GET", "/devices/ferris", None).await.text, "?");
        }
        // The cookie goes with the session.
        let reply = ask(&app, "POST", "/set/a/1", Some(&me)).await;
        assert_eq!(reply.headers.get(SET_COOKIE), None);
        hands.advance(8 * DAY);
        assert_eq!(user(&app, &me).await, "-", "after 90 days");
        // Without use.
        let me = ask(&app, "POST", "/remember", None).await.cookie().unwrap();
        hands.advance(30 * DAY);
        assert_eq!(user(&app, &me).await, "-");
    })
    .await;
}

#[tokio::test]
async fn a_lifetime_of_its_own_is_taken_along_and_given_up() {
    both(async |store| {
        let (app, hands) = app(store);
        let me = ask(&app, "POST", "/remember", None).await.cookie().unwrap();
        let new = ask(&app, "POST", "/rotate", Some(&me)).await.cookie().unwrap();
        hands.advance(25 * HOUR);
        // Written without a look as well.
        assert!(ask(&app, "POST", "/put/a/1", Some(&new)).await.status.is_success());
        hands.advance(25 * HOUR);
        assert_eq!(user(&app, &new).await, "ferris");
        let reply = ask(&app, "POST", "/forget", Some(&new)).await;
        assert!(!reply.headers[SET_COOKIE].to_str().unwrap().contains("Max-Age"), "{reply:?}");
        hands.advance(25 * HOUR);
        assert_eq!(user(&app, &new).await, "-");
    })
    .await;
}

#[tokio::test]
async fn a_login_begins_the_lifetime_anew_and_says_when_it_was() {
    both(async |store| {
        let (app, hands) = app(store);
        let anonymous = ask(&app, "POST", "/set/cart/3", None).await.cookie().unwrap();
        for _ in 0..29 {
            hands.advance(DAY - HOUR);
            assert_eq!(ask(&app, "GET", "/get/cart", Some(&anonymous)).await.text, "3");
        }
        hands.advance(HOUR);
        let before = now_ms();
        let me = ask(&app, "POST", "/login/ferris", Some(&anonymous)).await.cookie().unwrap();
        let at: u64 = ask(&app, "POST", "/at", Some(&me)).await.text.parse().unwrap();
        assert!(at >= before + 27 * 86_400_000, "{at}");
        for _ in 0..10 {
            hands.advance(DAY - HOUR);
            assert_eq!(user(&app, &me).await, "ferris", "the visitor's thirty days are not the user's");
        }
        // Another id for the same user is no login.
        let same = ask(&app, "POST", "/rotate", Some(&me)).await.cookie().unwrap();
        assert_eq!(ask(&app, "POST", "/at", Some(&same)).await.text, at.to_string());
        for _ in 0..22 {
            hands.advance(DAY - HOUR);
            user(&app, &same).await;
        }
        assert_eq!(user(&app, &same).await, "-", "thirty days after the login");
    })
    .await;
}

/// The list still knows a user whose lifetime grew after the login.
#[tokio::test]
async fn a_longer_lifetime_is_known_to_the_list() {
    both(async |store| {
        let (app, hands) = app(store);
        let me = ask(&app, "POST", "/login/ferris", None).await.cookie().unwrap();
        assert!(ask(&app, "POST", "/longer", Some(&me)).await.status.is_success());
        for _ in 0..3 {
            hands.advance(25 * DAY);
            assert_eq!(user(&app, &me).await, "ferris");
        }
        // Another login takes off the list what is over.
        ask(&app, "POST", "/login/ferris", None).await;
        assert_eq!(ask(&app, "GET", "/devices/ferris", None).await.text, "test,test");
        assert_eq!(ask(&app, "POST", "/revoke-all/ferris", None).await.text, "2");
        assert_eq!(user(&app, &me).await, "-");
    })
    .await;
}

/// Also if its id is as new as another one would be.
#[tokio::test]
async fn a_login_beside_a_rotation_of_its_own_begins_anew_too() {
    both(async |store| {
        let (clock, hands) = Clock::manual(ms(now_ms()));
        let twice = |session: Session| async move {
            session.rotate()?;
            session.commit().await?;
            session.rotate()?;
            session.set_principal("ferris")?;
            session.insert("user", "ferris").await
        };
        let layer = SessionLayer::new(store, keys(&[1])).with_clock(clock);
        let app = routes().route("/twice", post(twice)).layer(layer);
        let visitor = ask(&app, "POST", "/set/a/1", None).await.cookie().unwrap();
        for _ in 0..30 {
            hands.advance(23 * HOUR);
            ask(&app, "GET", "/get/a", Some(&visitor)).await;
        }
        let me = ask(&app, "POST", "/twice", Some(&visitor)).await.cookie().unwrap();
        for _ in 0..5 {
            hands.advance(23 * HOUR);
            assert_eq!(user(&app, &me).await, "ferris");
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_with_a_list_has_an_end() {
    both(async |store| {
        let endless = |session: Session| async move {
            matches!(session.set_lifetime(Lifetime::new(DAY, None)), Err(SessionError::NoAbsoluteLifetime)).to_string()
        };
        let app = Router::new().route("/", post(endless)).layer(SessionLayer::new(store, keys(&[1])));
        assert_eq!(ask(&app, "POST", "/", None).await.text, "true");
    })
    .await;
}
