//! Sessions: a signed cookie, one hash in Redis, and 0 to 2 round trips for each request.
//!
//! ```
//! use axum::{Router, body::Body, routing::{get, post}};
//! use axum_upstash::{Upstash, session::{Session, SessionError}};
//! use http::{Request, header};
//! use tower::ServiceExt;
//!
//! async fn login(session: Session) -> Result<(), SessionError> {
//!     session.rotate()?; // a new id with new rights
//!     session.insert("user", "ferris").await
//! }
//!
//! async fn me(session: Session) -> Result<String, SessionError> {
//!     let user: Option<String> = session.get("user").await?;
//!     Ok(user.unwrap_or_else(|| "a guest".to_owned()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let upstash = Upstash::builder().or_memory().build()?;
//! let app = Router::new()
//!     .route("/login", post(login))
//!     .route("/me", get(me))
//!     .layer(upstash.session_layer());
//!
//! let response = app.clone().oneshot(Request::post("/login").body(Body::empty())?).await?;
//! let cookie = response.headers()[header::SET_COOKIE].to_str()?.split(';').next().unwrap().to_owned();
//!
//! let request = Request::get("/me").header(header::COOKIE, cookie).body(Body::empty())?;
//! let body = axum::body::to_bytes(app.oneshot(request).await?.into_body(), 1024).await?;
//! assert_eq!(body, "ferris");
//! # Ok(())
//! # }
//! ```
//!
//! # What the layer does
//! 1. A cookie that one of the [`KeyRing`]'s keys signed names the session. Any other is ignored, and costs nothing.
//! 2. The handler's [`Session`] loads on first use, once.
//! 3. When the handler is done, its changes are committed in one step, before the response's head is sent. Only changed
//!    attributes are written, so that requests in parallel do not undo each other. If the session ended in the
//!    meantime, nothing is written.
//! 4. `Set-Cookie` is sent only if the client's cookie has to change.
//! 5. A response of a request that used its session gets `Vary: Cookie` and `Cache-Control: private`, and is never
//!    stored by this crate's response cache, whichever layer is outside. A first use after the head was sent, in a streamed
//!    body, is [an error](SessionError::HeadSent): load the session in the handler, or [`detach`](Session::detach) there.
//! 6. A rotation gives the session a new id with its new rights. The old id keeps the old rights until the first request
//!    that uses its session under the new one, or until a [grace](SessionLayer::with_rotation_grace) ends: so a login whose
//!    answer is lost costs no session. See [below](#rotations).
//! 7. A response of a handler that failed keeps no changes but a logout. See [below](#failed-requests).
//! 8. If the client has several cookies of the name, the first that names a living session counts, and no removal is sent:
//!    browsers keep a cookie for each `Path` and `Domain`. A logout ends all of them.
//! 9. A layer inside another one for the same cookie leaves the session to the outer one. If their settings differ, the log
//!    says so once.
//!
//! | the handler | requests to Redis |
//! |---|---|
//! | does not use the session | 0 |
//! | reads | 1 |
//! | writes to a new session | 1 |
//! | reads and writes | 2 |
//! | writes without having read ([`Session::insert_without_load`]) | 1; about once in a tenth of the idle time 3; 2 if the session has ended |
//! | logs in: reads, rotates, writes | 2 |
//! | destroys | 1; 2 if the session was rotated and the new id not used yet |
//! | is the first to use a new id | 1 more, or 3 more if it only [writes](Session::insert_without_load): it ends the old one |
//! | commits by itself ([`Session::commit`]), reads and writes | 2 |
//! | changes one attribute with nothing lost ([`Session::update`]) | 2, and 2 more each time that another request is faster |
//!
//! # Requests that meet
//! | a request wrote, and another one | its outcome |
//! |---|---|
//! | wrote another attribute | both are kept |
//! | wrote the same attribute | the last one stays; with [`ConflictPolicy::Reject`] the later one gets 409; [`Session::update`] tries again |
//! | ended the session | it stays ended; the client's cookie is removed, and [`Session::commit`] returns [`Gone`](SessionError::Gone). If there were writes [without a load](Session::insert_without_load), they begin a session of their own |
//! | gave it a new id | 409, and nothing is written. A login at the same time begins a session of its own |
//! | ended all sessions of the user | it stays ended, also if the request gave it a new id |
//!
//! # Rotations
//! [`Session::rotate`] at login protects against session fixation: an id that an attacker gave to the client beforehand
//! never gets the rights of the new one. The old id keeps its earlier contents for a while:
//!
//! | a request with the old id | reads | writes | logs in or out |
//! |---|---|---|---|
//! | arrived before the rotation, or up to 10 s after it | the session as it was before | 409, and the new cookie is left alone | a login begins a session of its own; a logout ends both |
//! | arrives later, and no request has used the new id | the session as it was before | go on: the client never got the new id | as before |
//! | after a request has used the new id | nothing; for 10 s the new cookie is left alone | 409 for 10 s, then a session of its own | for 10 s a logout ends the new one |
//!
//! If no request comes with either id, the old session ends with the grace (5 minutes), and the new one when its time
//! is over. If the old id is used again, it lives for its whole idle time, until the new one is used. Changes that were
//! written under the old id after those 10 s are lost if the new id is used after all, by a client whose answer took so
//! long. A new session whose id never reached its client stays in the list of the user's sessions until then. With a
//! grace of zero the old session ends with the rotation: strict termination, as OWASP ASVS 7.2.4 has it. Then a login
//! whose answer is lost costs the client its session.
//!
//! # Failed requests
//! | the request ends with | attributes, new id, principal, lifetime | logout |
//! |---|---|---|
//! | a status below 500, but 408 | committed | committed |
//! | 408, as an inner timeout answers, or 5xx | dropped | committed |
//! | an error of the service, a panic, a client that leaves before the answer | dropped | committed in the background |
//! | the layer's own 503, because the store did not answer | not known: attributes may have been written. The id is as before, and the session with it | not known: it has to be sent again |
//!
//! [`SessionLayer::with_commit_on`] chooses the statuses. If a handler [commits](Session::commit) itself, a later failure
//! does not undo that.
//!
//! # The sessions of a user
//! [`Session::set_principal`] at login puts a session on its user's list; [`UserSessions`] shows the list ("your devices", with
//! the [`DeviceInfo`] of [`Session::set_device`]) and ends one, all others, or all. `examples/session_login.rs` has all of it.
//!
//! # Forms of other sites
//! `SameSite=Lax` keeps the cookie from forms of other sites in browsers that know it. Put
//! [`tower_http::csrf`](https://docs.rs/tower-http/latest/tower_http/csrf/) around it for all others, and let QStash's
//! webhooks through: they carry a signature instead.
//!
//! ```
//! use axum::Router;
//! use axum_upstash::Upstash;
//! use http::{Method, Uri};
//! use tower_http::csrf::CsrfLayer;
//!
//! # fn main() -> Result<(), axum_upstash::Error> {
//! let upstash = Upstash::builder().or_memory().build()?;
//! let csrf = CsrfLayer::new().with_insecure_bypass(|_: &Method, uri: &Uri| uri.path().starts_with("/webhooks/"));
//! let app: Router = Router::new().layer(upstash.session_layer()).layer(csrf);
//! # Ok(())
//! # }
//! ```
//!
//! # When the store fails
//! A handler that needs its session answers 503 ([`LoadFailure`]); the others go on. A session that could not be loaded is
//! never overwritten. If changes could not be stored, [`CommitFailure`] decides the answer: 503, or the handler's response
//! with a field that says so, or an answer of the application's own.
//!
//! # On Workers and Lambda
//! Changes are stored before the head of the response is sent, so that nothing is lost when the host stops after it. A
//! client that leaves before ends its request on Cloudflare Workers, and its logout with it. The session is read from Redis
//! in each request: nothing of it is kept in the isolate.

mod changes;
mod commit;
mod commit_step;
#[cfg(any(feature = "tower-sessions-0_15", feature = "tower-sessions-0_14"))]
pub mod compat;
mod config;
#[cfg(feature = "testing")]
pub mod conformance;
mod cookie;
mod device_info;
mod error;
mod extract;
mod flash;
mod hashed_key;
mod id;
mod inner;
mod key_ring;
mod layer;
mod lifetime;
mod lookup;
mod presented;
mod principal;
#[allow(clippy::module_inception, reason = "the file of the type that users name")]
mod session;
mod state;
pub mod store;
mod typed;
mod user_sessions;

pub use self::{
    config::{CommitFailure, ConflictPolicy, LoadFailure},
    cookie::{SameSite, SessionCookie, SessionCookieBuilder},
    device_info::DeviceInfo,
    error::SessionError,
    extract::SessionRejection,
    flash::Flash,
    id::SessionKey,
    key_ring::KeyRing,
    layer::{ResponseFuture, SessionLayer, SessionService},
    lifetime::Lifetime,
    principal::PrincipalKey,
    session::Session,
    typed::TypedSession,
    user_sessions::{SessionInfo, UserSessions},
};
