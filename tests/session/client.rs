//! A client of an application with sessions, and the application's usual handlers.

use axum::{
    Router,
    body::Body,
    extract::Path,
    response::IntoResponse,
    routing::{get, post},
};
use axum_upstash::redis::Redis;
use axum_upstash::session::{
    DeviceInfo, Flash, KeyRing, Session, SessionError, SessionLayer, UserSessions,
    store::{MemorySessionStore, RedisSessionStore, SessionStore},
};
use http::{HeaderMap, Request, Response, StatusCode, header};
use std::sync::Arc;
use tower::ServiceExt;

pub fn keys(secrets: &[u8]) -> KeyRing {
    KeyRing::new(secrets.iter().map(|&byte| [byte; 32])).unwrap()
}

pub fn layer(store: &Arc<dyn SessionStore>) -> SessionLayer {
    // A request that a test delays on purpose must not time out.
    SessionLayer::new(Arc::clone(store), keys(&[1])).with_timeout(std::time::Duration::from_secs(60))
}

/// Runs a test on both stores: in memory, and in Redis over REST and over TCP.
pub async fn both(test: impl AsyncFn(Arc<dyn SessionStore>)) {
    test(Arc::new(MemorySessionStore::new())).await;
    let (_local, redis) = crate::support::upstash().await;
    test(Arc::new(RedisSessionStore::new(redis))).await;
    let server = crate::redis_server::RedisServer::start();
    test(Arc::new(RedisSessionStore::new(Redis::tcp(server.url()).build().unwrap()))).await;
}

pub fn routes() -> Router {
    Router::new()
        .route("/untouched", get(|| async { "hello" }))
        .route("/get/{name}", get(read))
        .route("/set/{name}/{value}", post(set))
        .route("/put/{name}/{value}", post(put))
        .route("/add/{name}", post(add))
        .route("/remove/{name}", post(remove))
        .route("/login/{user}", post(login))
        .route("/rotate", post(rotate))
        .route("/rotate-and-fail", post(rotate_and_fail))
        .route("/logout", post(logout))
        .route("/committed/{name}/{value}", post(committed))
        .route("/devices/{user}", get(devices))
        .route("/revoke-all/{user}", post(revoke_all))
        .route("/revoke-others/{user}", post(revoke_others))
}

type Answer = Result<String, SessionError>;

pub async fn read(session: Session, Path(name): Path<String>) -> Answer {
    Ok(session.get::<String>(&name).await?.unwrap_or_else(|| "-".to_owned()))
}

async fn set(session: Session, Path((name, value)): Path<(String, String)>) -> Answer {
    let _: Option<String> = session.get(&name).await?;
    session.insert(&name, &value).await?;
    Ok(value)
}

/// Without a look.
async fn put(session: Session, Path((name, value)): Path<(String, String)>) -> Result<(), SessionError> {
    session.insert_without_load(&name, &value)
}

async fn add(session: Session, Path(name): Path<String>) -> Answer {
    let add = |old: Option<String>| (old.and_then(|old| old.parse::<u32>().ok()).unwrap_or(0) + 1).to_string();
    session.update(&name, add).await
}

async fn remove(session: Session, Path(name): Path<String>) -> Answer {
    session.remove(&name).await.map(|was| was.to_string())
}

async fn login(session: Session, headers: HeaderMap, Path(user): Path<String>) -> Answer {
    let _: Option<String> = session.get("user").await?;
    session.rotate()?;
    session.set_principal(&user)?;
    let mut details = DeviceInfo::default();
    details.user_agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned);
    session.set_device(details)?;
    session.insert("user", &user).await?;
    Ok(user)
}

/// As after a change of rights: with the known user, under a new id.
async fn rotate(session: Session) -> Answer {
    let user: Option<String> = session.get("user").await?;
    session.rotate()?;
    session.insert("rotated", &user).await?;
    Ok(user.unwrap_or_default())
}

async fn rotate_and_fail(session: Session) -> Result<StatusCode, SessionError> {
    session.rotate()?;
    session.insert("user", "nobody").await?;
    Ok(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn logout(session: Session) -> Result<(), SessionError> {
    session.destroy()
}

/// Says what the handler itself has learned.
async fn committed(session: Session, Path((name, value)): Path<(String, String)>) -> Answer {
    session.insert(&name, &value).await?;
    Ok(match session.commit().await {
        Ok(()) => "committed".to_owned(),
        Err(SessionError::Gone) => "gone".to_owned(),
        Err(error) => return Err(error),
    })
}

async fn devices(session: Session, sessions: UserSessions, Path(user): Path<String>) -> Answer {
    let list = sessions.list(&user).await?;
    let line = |info: &axum_upstash::session::SessionInfo| {
        let this = if info.is(&session) { "*" } else { "" };
        format!("{}{this}", info.device.user_agent.as_deref().unwrap_or("?"))
    };
    Ok(list.iter().map(line).collect::<Vec<_>>().join(","))
}

async fn revoke_all(sessions: UserSessions, Path(user): Path<String>) -> Answer {
    Ok(sessions.revoke_all(&user).await?.to_string())
}

async fn revoke_others(session: Session, sessions: UserSessions, Path(user): Path<String>) -> Answer {
    Ok(sessions.revoke_others(&user, &session).await?.to_string())
}

pub async fn page(session: Session) -> Answer {
    let messages = session.take_flashes().await?;
    Ok(messages.into_iter().map(|flash| format!("{}: {}", flash.level, flash.text)).collect())
}

pub async fn logout_with_a_word(session: Session) -> Result<impl IntoResponse, SessionError> {
    session.destroy()?;
    session.flash(Flash::new("info", "You are logged out.")).await
}

/// The outcome of a request.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    /// The `name=value` of `Set-Cookie`, if there is one with a value.
    pub fn cookie(&self) -> Option<String> {
        let line = self.headers.get(header::SET_COOKIE)?.to_str().unwrap();
        let pair = line.split(';').next().unwrap();
        (!pair.ends_with('=')).then(|| pair.to_owned())
    }

    pub fn removes_cookie(&self) -> bool {
        self.headers.get(header::SET_COOKIE).is_some_and(|line| line.to_str().unwrap().contains("Max-Age=0"))
    }
}

pub async fn send(app: Router, method: &'static str, path: String, cookie: Option<String>) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header(header::USER_AGENT, "test");
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    let response: Response<Body> = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Reply { status, headers, text: crate::support::text(response).await }
}

pub async fn ask(app: &Router, method: &'static str, path: &str, cookie: Option<&str>) -> Reply {
    send(app.clone(), method, path.to_owned(), cookie.map(str::to_owned)).await
}

/// A session with a user in it.
pub async fn log_in(app: &Router, user: &str) -> String {
    let reply = ask(app, "POST", &format!("/login/{user}"), None).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    reply.cookie().unwrap()
}
